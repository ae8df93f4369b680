package backends

import (
	"errors"
	"io/fs"
	"net/url"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
)

// Label returns the name under which other stores, such as a catalog, record the
// objects of source. It opens nothing and makes no request. All spellings of the same
// source have the same label, and a label can usually be used as a source itself:
//
//   - For a directory, it is the absolute path without symbolic links. Missing elements
//     at the end are kept as written. A path that is not printable UTF-8 becomes a
//     file: URL.
//   - For s3://, it is bucket and prefix, and the endpoint's host unless that is AWS,
//     but no other parameters. Bucket names are unique across AWS regions, except those
//     of China and of governments.
//   - For mem:, it is different each time, as are the objects.
//
// A directory that was moved gets another label, and a directory that replaces it gets
// a label of its own. The label does not identify the machine: directories with the
// same path on two machines have the same label.
//
// An error matches [ErrSource].
func Label(source string) (string, error) {
	switch m := scheme.FindStringSubmatch(source); {
	case source == "mem:":
		return source + uuid.NewString(), nil
	case m != nil && m[1] == "s3":
		s, err := ParseS3(source)
		if err != nil {
			return "", err
		}
		return s.label(), nil
	case m != nil || source == "":
		return "", sourceError(source, "name a directory by its path, or s3://BUCKET/PREFIX")
	}
	path, err := withoutLinks(source)
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err == nil {
		path, err = withoutLinks(path) // the working directory may be reached through a link
	}
	if err != nil {
		return "", sourceError(source, advice(err))
	}
	return pathLabel(path), nil
}

// withoutLinks resolves the links of the part of path that exists. It must run before
// anything that cleans the path: the meaning of ".." after a link depends on the link.
func withoutLinks(path string) (string, error) {
	real, err := filepath.EvalSymlinks(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return real, err
	}
	path = filepath.Clean(path)
	dir := filepath.Dir(path)
	if dir == path {
		return path, nil
	}
	if dir, err = withoutLinks(dir); err != nil {
		return "", err
	}
	return filepath.Join(dir, filepath.Base(path)), nil
}

func pathLabel(path string) string {
	if utf8.ValidString(path) && strings.IndexFunc(path, unicode.IsControl) < 0 {
		return path
	}
	return "file://" + (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath()
}

// label returns the label: the source without its connection parameters.
func (s S3Source) label() string {
	host := ""
	if u, err := url.Parse(s.Endpoint); err == nil {
		host = strings.TrimSuffix(u.Hostname(), ".")
		if strings.Contains(host, ":") {
			host = "[" + host + "]"
		}
		if port := u.Port(); port != "" && port != map[string]string{"https": "443", "http": "80"}[u.Scheme] {
			host += ":" + port
		}
	}
	if strings.HasSuffix(host, ".amazonaws.com") {
		host = ""
	}
	where := S3Source{Bucket: s.Bucket, Prefix: s.Prefix}.String()
	if host == "" {
		return where
	}
	return where + "?endpoint=" + host
}

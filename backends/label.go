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

// Label returns what the source of that name is known by where something is written down
// of its objects, as in a catalog. Nothing is opened or asked. It is the same for all
// ways to write one source, and reads like a source itself:
//
//   - of a directory, its path from the root, without symbolic links. Of one that is not
//     there its name stands as written, behind what is there. A path that is no printable
//     UTF-8 has the form of a file: URL.
//   - of s3://, bucket and prefix, and the endpoint's host, unless that is AWS: nothing
//     of how it is asked. Two regions of AWS have no bucket of one name, but for those
//     of China and of governments.
//   - of mem:, one that was never there before, as are the objects.
//
// A directory that was moved has another label, and the one that took its place has its
// own. It says nothing of the machine: directories of one path on two machines have one
// label.
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
		path, err = withoutLinks(path) // the working directory may be known by a link
	}
	if err != nil {
		return "", sourceError(source, advice(err))
	}
	return pathLabel(path), nil
}

// withoutLinks resolves the links of a path, as far as there is something. It comes before
// anything that cleans the path: what ".." behind a link means is for the link to say.
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

// label is the S3Source without what says how it is asked.
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

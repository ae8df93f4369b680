package config

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/bailiwick-fs/bailiwick/backends"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A Path is the path of a local file or directory.
type Path string

// A Source is a location that backends.Open accepts.
type Source string

// A LogTarget is the path of a file, or one of "-", "off", "syslog:" and "journal:".
type LogTarget string

// A MountPath is "/", or a slash and a valid vfs.Name.
type MountPath string

// An ObjectName is the valid vfs.Name of an object.
type ObjectName string

// An IndexName is an ObjectName of a single element.
type IndexName string

func parsePath(s string) (any, error) {
	if s == "" {
		return nil, errors.New("it is empty; write the path of a file")
	}
	return Path(s), nil
}

func parseLogTarget(s string) (any, error) {
	if s == "" {
		return nil, errors.New("it is empty; write the path of a file, - for standard error, or off")
	}
	if runtime.GOOS == "windows" && (s == "syslog:" || s == "journal:") {
		return nil, errors.New("this system has no such log; write the path of a file")
	}
	return LogTarget(s), nil
}

// IsFile reports whether the target is a file.
func (t LogTarget) IsFile() bool {
	return t != "-" && t != "off" && t != "syslog:" && t != "journal:"
}

func parseSource(s string) (any, error) {
	scheme, _, ok := strings.Cut(s, "://")
	switch {
	case s == "":
		return nil, errors.New("it is empty; name a directory, mem:, or s3://BUCKET/PREFIX")
	case ok && scheme == "s3":
		if _, err := backends.ParseS3(s); err != nil {
			return nil, err
		}
	case ok && !strings.ContainsAny(scheme, `/\`):
		return nil, fmt.Errorf("unknown scheme %s; write the path of a directory, mem:, or s3://BUCKET/PREFIX", printable(scheme))
	}
	return Source(s), nil
}

// Local returns the path of the directory if the source is one.
func (s Source) Local() (dir string, ok bool) {
	if s == "mem:" || s.remote() {
		return "", false
	}
	return string(s), true
}

// remote reports whether the source is on S3.
func (s Source) remote() bool { return strings.HasPrefix(string(s), "s3://") }

func parseMountPath(s string) (any, error) {
	if s == "/" {
		return MountPath(s), nil
	}
	name, ok := strings.CutPrefix(s, "/")
	if !ok {
		return nil, fmt.Errorf("it must begin with a slash: %s", printable("/"+strings.TrimRight(s, "/")))
	}
	if trimmed := strings.TrimRight(name, "/"); trimmed != name && trimmed != "" {
		return nil, fmt.Errorf("it must not end with a slash: %s", printable("/"+trimmed))
	}
	if _, err := vfs.ParseName(name); err != nil {
		return nil, fmt.Errorf("no request can have the path %s: %s", printable(s), vfs.ReasonOf(err).Detail())
	}
	for element := range strings.SplitSeq(name, "/") {
		if vfs.Fold(element) == server.OwnElement {
			return nil, fmt.Errorf("%s is for pages of the server itself; choose another path", printable(element))
		}
	}
	return MountPath(s), nil
}

func parseObjectName(s string) (any, error) {
	if _, err := vfs.ParseName(s); err != nil {
		return nil, fmt.Errorf("no object can have the name %s: %s", printable(s), vfs.ReasonOf(err).Detail())
	}
	return ObjectName(s), nil
}

func parseIndexName(s string) (any, error) {
	name, err := parseObjectName(s)
	if err == nil && strings.Contains(s, "/") {
		err = fmt.Errorf("%s has a slash; write a name that is looked for in each directory", printable(s))
	}
	if err != nil {
		return nil, err
	}
	return IndexName(name.(ObjectName)), nil
}

// resolve makes a path from the file relative to the file's directory, so that it does
// not depend on the working directory.
func resolve(v any, dir string) any {
	under := func(p string) string {
		if filepath.IsAbs(p) {
			return p
		}
		return filepath.Join(dir, p)
	}
	switch v := v.(type) {
	case Path:
		return Path(under(string(v)))
	case Source:
		if path, ok := v.Local(); ok {
			return Source(under(path))
		}
	case LogTarget:
		if v.IsFile() {
			return LogTarget(under(string(v)))
		}
	case Catalog:
		if path, ok := strings.CutPrefix(v.dsn, "sqlite:"); ok {
			return Catalog{"sqlite:" + under(path)}
		}
	}
	return v
}

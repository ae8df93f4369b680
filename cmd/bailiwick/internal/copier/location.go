package copier

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/bailiwick-fs/bailiwick/backends"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A location is one end of a copy: a source, and in it one object or all objects.
type location struct {
	written  string // as the user wrote it
	standard bool   // it is standard input or output; the fields below are zero
	source   string // as backends.Open takes it
	object   string // the name of the object in the source; "" for all
	baseName string // the object's name at the target, unless the user gives another
	missing  bool   // the source is a directory that does not exist yet
}

// single reports whether p is a single object.
func (p *location) single() bool { return p.standard || p.object != "" }

// locateSource returns the location that the user wrote as FROM. An S3 object and a prefix
// look alike, so without a trailing slash it asks the service for the object, once.
func locateSource(ctx context.Context, from string) (location, error) {
	switch {
	case from == "-":
		return location{written: from, standard: true}, nil
	case isS3(from):
		return locateS3(ctx, from)
	case !backends.IsPath(from):
		return location{written: from, source: from}, nil
	}
	st, err := os.Stat(from)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return location{}, cli.Usagef("there is no %s to copy; check the path", cli.Printable(from))
	case err != nil:
		return location{}, cli.Usagef("%s cannot be copied: %s", cli.Printable(from), cli.Cause(err))
	case st.IsDir():
		return location{written: from, source: from}, nil
	case !st.Mode().IsRegular():
		return location{}, cli.Usagef("%s is not a regular file; to copy its output: bailiwick cp - TO <%s", cli.Printable(from), cli.ShellWord(from))
	}
	// The user named this link, so follow it. No other link is followed.
	real, err := filepath.EvalSymlinks(from)
	if err != nil {
		return location{}, cli.Usagef("%s cannot be copied: %s", cli.Printable(from), cli.Cause(err))
	}
	return location{written: from, source: filepath.Dir(real), object: filepath.Base(real), baseName: filepath.Base(from)}, nil
}

// refuseLink fails if from is a symbolic link: a move would remove what the link leads to,
// and leave the link.
func refuseLink(from string) error {
	if from == "-" || !backends.IsPath(from) {
		return nil
	}
	if st, err := os.Lstat(from); err != nil || st.Mode().Type() != fs.ModeSymlink {
		return nil // locateSource reports an error
	}
	real, err := filepath.EvalSymlinks(from)
	if err != nil {
		return cli.Usagef("%s is a symbolic link that leads nowhere; check the path", cli.Printable(from))
	}
	return cli.Usagef("%s is a symbolic link, and mv would remove what it leads to; to move that: bailiwick mv %s TO; to copy it: bailiwick cp %s TO",
		cli.Printable(from), cli.ShellWord(real), cli.ShellWord(from))
}

func locateS3(ctx context.Context, from string) (location, error) {
	all := location{written: from, source: from}
	one, err := splitLast(from)
	if err != nil {
		return location{}, cli.SourceError(err)
	}
	if one.object == "" {
		return all, nil
	}
	src, err := backends.Open(ctx, one.source, backends.Options{})
	if err != nil {
		return location{}, cli.SourceError(err)
	}
	defer src.Close()
	n, only, err := onlyName(one.object)
	if err != nil {
		return all, nil
	}
	jail, err := vfs.New(src, vfs.Policy{Allow: only})
	if err != nil {
		return location{}, err
	}
	_, err = jail.Head(ctx, n, vfs.Request{})
	switch {
	case err == nil:
		return one, nil
	case vfs.ReasonOf(err) != "":
		return all, nil
	}
	return location{}, cli.Failf("%s: %s", cli.Printable(from), cli.Failure(err))
}

// locateTarget returns the location that the user wrote as TO, for a copy of from.
func locateTarget(to string, from *location) (location, error) {
	all := location{written: to, source: to}
	switch {
	case to == "-":
		return location{written: to, standard: true}, nil
	case isS3(to):
		one, err := splitLast(to)
		if err != nil {
			return location{}, cli.SourceError(err)
		}
		if from.single() && one.object != "" {
			return one, nil
		}
		return all.containing(from)
	case !backends.IsPath(to):
		return all.containing(from)
	}
	st, err := os.Stat(to)
	switch {
	case err == nil && st.IsDir():
		return all.containing(from)
	case err == nil && !st.Mode().IsRegular():
		return location{}, cli.Usagef("%s is not a regular file; name a file or directory, or - for standard output", cli.Printable(to))
	case err == nil && !from.single():
		return location{}, cli.Usagef("%s is a file, but the source is a directory; name a directory", cli.Printable(to))
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return location{}, cli.Usagef("%s cannot be written to: %s", cli.Printable(to), cli.Cause(err))
	}
	dir, base := filepath.Split(to)
	all.missing = !from.single() || base == "" // it ends in a slash
	if base == "" {
		dir = filepath.Dir(filepath.Clean(to))
	}
	if dir == "" {
		dir = "."
	}
	if st, err := os.Stat(dir); err != nil || !st.IsDir() {
		return location{}, cli.Usagef("there is no directory %s; create it first", cli.Printable(filepath.Clean(dir)))
	}
	if all.missing {
		return all.containing(from)
	}
	return location{written: to, source: dir, object: base}, nil
}

// containing returns the location of from in the directory p.
func (p location) containing(from *location) (location, error) {
	if !from.single() {
		return p, nil
	}
	if from.standard {
		return location{}, cli.Usagef("%s is a directory, and standard input has no name; add a name after a slash", cli.Printable(p.written))
	}
	p.object = from.baseName
	return p, nil
}

// splitLast splits an s3:// source into the prefix above and the last element. With a slash
// behind it, the last element belongs to the prefix.
func splitLast(source string) (location, error) {
	s, err := backends.ParseS3(source)
	if err != nil {
		return location{}, err
	}
	p := location{written: source, source: source}
	if path, _, _ := strings.Cut(source, "?"); s.Prefix == "" || strings.HasSuffix(path, "/") {
		return p, nil
	}
	i := strings.LastIndexByte(s.Prefix, '/')
	p.object = s.Prefix[i+1:]
	p.baseName = p.object
	s.Prefix = s.Prefix[:max(i, 0)]
	p.source = s.String()
	return p, nil
}

// inside reports whether the directory to is the directory from or lies in it: the copy
// would find its own results and copy them again.
func inside(to, from *location) bool {
	if isS3(to.source) && isS3(from.source) {
		t, err1 := backends.ParseS3(to.source)
		f, err2 := backends.ParseS3(from.source)
		return err1 == nil && err2 == nil && t.Bucket == f.Bucket && t.Endpoint == f.Endpoint &&
			(f.Prefix == "" || t.Prefix == f.Prefix || strings.HasPrefix(t.Prefix, f.Prefix+"/"))
	}
	if !backends.IsPath(to.source) || !backends.IsPath(from.source) {
		return false
	}
	top, err := os.Stat(from.source)
	if err != nil {
		return false
	}
	dir, err := filepath.Abs(to.source)
	if err != nil {
		return false
	}
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	} else if real, err := filepath.EvalSymlinks(filepath.Dir(dir)); err == nil {
		dir = real // the directory itself does not exist yet
	}
	for {
		if st, err := os.Stat(dir); err == nil && os.SameFile(st, top) {
			return true
		}
		if dir == filepath.Dir(dir) {
			return false
		}
		dir = filepath.Dir(dir)
	}
}

// sameObject reports whether both are the same file or S3 key.
func sameObject(to, from *location) bool {
	if !backends.IsPath(to.source) || !backends.IsPath(from.source) {
		t, err1 := backends.ParseS3(to.source)
		f, err2 := backends.ParseS3(from.source)
		return err1 == nil && err2 == nil && to.object == from.object &&
			t.Bucket == f.Bucket && t.Endpoint == f.Endpoint && t.Prefix == f.Prefix
	}
	a, err1 := os.Stat(filepath.Join(to.source, to.object))
	b, err2 := os.Stat(filepath.Join(from.source, from.object))
	return err1 == nil && err2 == nil && os.SameFile(a, b)
}

// sameKeys reports whether both are in S3 buckets of one name and can have a key in common.
// It ignores the endpoints: one service can have several.
func sameKeys(to, from *location) bool {
	if !isS3(to.source) || !isS3(from.source) {
		return false
	}
	t, err1 := backends.ParseS3(to.source)
	f, err2 := backends.ParseS3(from.source)
	if err1 != nil || err2 != nil || t.Bucket != f.Bucket {
		return false
	}
	a, b := path.Join(t.Prefix, to.object), path.Join(f.Prefix, from.object)
	if to.single() && from.single() {
		return a == b
	}
	return a == b || a == "" || b == "" || strings.HasPrefix(a, b+"/") || strings.HasPrefix(b, a+"/")
}

func isS3(source string) bool { return strings.HasPrefix(source, "s3://") }

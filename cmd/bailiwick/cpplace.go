package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/bailiwick-fs/bailiwick/backends"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A place is one end of a copy: a SOURCE, and in it one object or all of them.
type place struct {
	written  string // by the user
	standard bool   // it is standard input or output, and nothing below is set
	source   string // as backends.Open takes it
	object   string // the name of the object in the source; "" for all
	calls    string // what the object is called where it goes, if nobody says otherwise
	missing  bool   // the source is a directory that is still to be made
}

// one reports whether p is one object.
func (p *place) one() bool { return p.standard || p.object != "" }

// findFrom finds out what is to be copied. An object of S3 and a prefix look
// alike: without a slash at the end, the service is asked for the object, once.
func findFrom(ctx context.Context, from string) (place, error) {
	switch {
	case from == "-":
		return place{written: from, standard: true}, nil
	case isS3(from):
		return findFromS3(ctx, from)
	case !backends.IsPath(from):
		return place{written: from, source: from}, nil
	}
	st, err := os.Stat(from)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return place{}, cli.Usagef("there is no %s to copy: check the path", cli.Printable(from))
	case err != nil:
		return place{}, cli.Usagef("%s cannot be copied: %s", cli.Printable(from), cli.Cause(err))
	case st.IsDir():
		return place{written: from, source: from}, nil
	case !st.Mode().IsRegular():
		return place{}, cli.Usagef("%s is no regular file; to copy what comes out of it: bailiwick cp - TO <%s", cli.Printable(from), cli.ShellWord(from))
	}
	// A link that the user himself names is his word, as it is in a directory's
	// path; no other link is followed.
	real, err := filepath.EvalSymlinks(from)
	if err != nil {
		return place{}, cli.Usagef("%s cannot be copied: %s", cli.Printable(from), cli.Cause(err))
	}
	return place{written: from, source: filepath.Dir(real), object: filepath.Base(real), calls: filepath.Base(from)}, nil
}

func findFromS3(ctx context.Context, from string) (place, error) {
	all := place{written: from, source: from}
	one, err := lastElement(from)
	if err != nil {
		return place{}, cli.SourceError(err)
	}
	if one.object == "" {
		return all, nil
	}
	src, err := backends.Open(ctx, one.source, backends.Options{})
	if err != nil {
		return place{}, cli.SourceError(err)
	}
	defer src.Close()
	n, only, err := exactly(one.object)
	if err != nil {
		return all, nil
	}
	jail, err := vfs.New(src, vfs.Policy{Allow: only})
	if err != nil {
		return place{}, err
	}
	_, _, err = jail.Head(ctx, n, vfs.Request{})
	switch {
	case err == nil:
		return one, nil
	case vfs.ReasonOf(err) != "":
		return all, nil
	}
	return place{}, cli.Failf("%s: %s", cli.Printable(from), cli.Failure(err))
}

// findTo finds out where from is to go.
func findTo(to string, from *place) (place, error) {
	all := place{written: to, source: to}
	switch {
	case to == "-":
		return place{written: to, standard: true}, nil
	case isS3(to):
		one, err := lastElement(to)
		if err != nil {
			return place{}, cli.SourceError(err)
		}
		if from.one() && one.object != "" {
			return one, nil
		}
		return all.holding(from)
	case !backends.IsPath(to):
		return all.holding(from)
	}
	st, err := os.Stat(to)
	switch {
	case err == nil && st.IsDir():
		return all.holding(from)
	case err == nil && !st.Mode().IsRegular():
		return place{}, cli.Usagef("%s is no regular file, and is not written to; - is standard output", cli.Printable(to))
	case err == nil && !from.one():
		return place{}, cli.Usagef("%s is a file: a directory's contents go into a directory", cli.Printable(to))
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return place{}, cli.Usagef("%s cannot be written to: %s", cli.Printable(to), cli.Cause(err))
	}
	dir, base := filepath.Split(to)
	all.missing = !from.one() || base == "" // what ends in a slash
	if base == "" {
		dir = filepath.Dir(filepath.Clean(to))
	}
	if dir == "" {
		dir = "."
	}
	if st, err := os.Stat(dir); err != nil || !st.IsDir() {
		return place{}, cli.Usagef("there is no directory %s: make it first", cli.Printable(filepath.Clean(dir)))
	}
	if all.missing {
		return all.holding(from)
	}
	return place{written: to, source: dir, object: base}, nil
}

// holding returns the place of from in the directory p.
func (p place) holding(from *place) (place, error) {
	if !from.one() {
		return p, nil
	}
	if from.standard {
		return place{}, cli.Usagef("%s is a directory, and what comes from standard input has no name: give it one behind a slash", cli.Printable(p.written))
	}
	p.object = from.calls
	return p, nil
}

// lastElement splits an s3:// source into the prefix above and the last element,
// which is no object if a slash follows it.
func lastElement(source string) (place, error) {
	s, err := backends.ParseS3(source)
	if err != nil {
		return place{}, err
	}
	p := place{written: source, source: source}
	if path, _, _ := strings.Cut(source, "?"); s.Prefix == "" || strings.HasSuffix(path, "/") {
		return p, nil
	}
	i := strings.LastIndexByte(s.Prefix, '/')
	p.object = s.Prefix[i+1:]
	p.calls = p.object
	s.Prefix = s.Prefix[:max(i, 0)]
	p.source = s.String()
	return p, nil
}

// inside reports whether the directory to lies in the directory from, or is it:
// what is copied would be found again, and copied again.
func inside(to, from *place) bool {
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
		dir = real // the directory itself is still to be made
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

// sameObject reports whether the two are one file or one key.
func sameObject(to, from *place) bool {
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

func isS3(source string) bool { return strings.HasPrefix(source, "s3://") }

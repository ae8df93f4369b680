// Package overlap detects sources that share objects: the same source, or a source
// inside another, under whatever names.
package overlap

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/bailiwick-fs/bailiwick/backends"
)

// A Survey locates sources at the time of the call. The zero Survey is ready to use. It
// opens no source and makes no connection; it only asks the system to identify
// directories. It is not safe for concurrent use.
type Survey struct {
	places map[string]*Place
	mounts []mountPoint
	read   bool // mounts has been read
}

// A Place is the location of a source's objects.
type Place struct {
	// Exactly one of the three is set.
	memory bool
	bucket *bucket
	dir    *directory
}

// A bucket is a prefix in a bucket. It deliberately has no endpoint: a service has many
// addresses, and bucket names are unique within it. Buckets of the same name at
// different services count as the same.
type bucket struct {
	name   string
	prefix string // "" or a name, without leading or trailing slash
}

// Locate returns the place of a source in the syntax of [backends.Open]. An invalid
// source has a place that overlaps with no other.
func (s *Survey) Locate(source string) *Place {
	if p := s.places[source]; p != nil {
		return p
	}
	p := &Place{}
	switch {
	case source == "mem:":
		p.memory = true
	case backends.IsPath(source):
		p.dir = s.locateDir(source)
	default:
		if s3, err := backends.ParseS3(source); err == nil {
			p.bucket = &bucket{s3.Bucket, s3.Prefix}
		}
	}
	if s.places == nil {
		s.places = map[string]*Place{}
	}
	s.places[source] = p
	return p
}

// Overlaps reports whether an object can be in both places: they are equal, or one
// contains the other.
func (p *Place) Overlaps(q *Place) bool {
	_, in := p.Below(q)
	_, around := q.Below(p)
	return in || around || p.dir != nil && q.dir != nil && p.dir.sharesSpan(q.dir)
}

// Shares says how p and q can share an object, as the words between the two; "" if they
// do not overlap.
func (p *Place) Shares(q *Place) string {
	if !p.Overlaps(q) {
		return ""
	}
	name, in := p.Below(q)
	_, around := q.Below(p)
	switch {
	case in && name == ".":
		return "is the same source as"
	case in:
		return "is inside"
	case around:
		return "contains"
	}
	return "shares directories with" // by what is mounted below either
}

// InOneTree is the message about a source that cannot lie under or over an earlier one in
// one tree. how is the result of Shares.
func InOneTree(source, how, earlier string) string {
	return source + " " + how + " " + earlier + "; sources that form one tree must not share files, so leave out either"
}

// Below returns the name of p in q, slash-separated, or "." if they are equal. ok is
// false if p is not known to be in q.
func (p *Place) Below(q *Place) (name string, ok bool) {
	switch {
	case p.memory && q.memory:
		return ".", true
	case p.bucket != nil && q.bucket != nil && p.bucket.name == q.bucket.name:
		return below(p.bucket.prefix, q.bucket.prefix)
	case p.dir != nil && q.dir != nil:
		return p.dir.below(q.dir)
	}
	return "", false
}

// below returns the part of name below prefix, both slash-separated. "" is the root.
func below(name, prefix string) (rest string, ok bool) {
	switch {
	case name == prefix:
		return ".", true
	case prefix == "":
		return name, true
	}
	return strings.CutPrefix(name, prefix+"/")
}

// A directory is identified by its path without symbolic links and by its device and
// inode. Both are needed: bind mounts give a directory several paths, and a directory
// that does not exist has no inode.
type directory struct {
	path  string        // absolute, with symbolic links resolved as far as it exists
	chain []os.FileInfo // of path and its parent directories, nil for those that do not exist
	spans []span        // the parts of file systems that are reachable through it
}

func (s *Survey) locateDir(path string) *directory {
	d := &directory{path: Resolve(path)}
	for at := d.path; ; at = filepath.Dir(at) {
		st, err := os.Stat(at)
		if err != nil {
			st = nil
		}
		d.chain = append(d.chain, st)
		if filepath.Dir(at) == at {
			break
		}
	}
	if !s.read {
		s.mounts, s.read = mountPoints(), true
	}
	d.spans = spansOf(d.path, s.mounts)
	return d
}

func (d *directory) below(other *directory) (name string, ok bool) {
	if rel, err := filepath.Rel(other.path, d.path); err == nil && filepath.IsLocal(rel) {
		return filepath.ToSlash(rel), true
	}
	if other.chain[0] == nil {
		return "", false
	}
	for i, st := range d.chain {
		if st != nil && os.SameFile(st, other.chain[0]) {
			return last(d.path, i), true
		}
	}
	return "", false
}

// last returns the last n elements of a path, "." if n is 0.
func last(path string, n int) string {
	name := "."
	for range n {
		if base := filepath.Base(path); name == "." {
			name = base
		} else {
			name = base + "/" + name
		}
		path = filepath.Dir(path)
	}
	return name
}

// Resolve resolves the symbolic links in a path, as far as it exists.
func Resolve(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	if real, err := filepath.EvalSymlinks(abs); err == nil {
		return real
	}
	dir := filepath.Dir(abs)
	if dir == abs {
		return abs
	}
	return filepath.Join(Resolve(dir), filepath.Base(abs))
}

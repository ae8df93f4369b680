// Package overlap finds out which sources hold the same objects: one source that
// lies in another, under whatever names the two are given.
package overlap

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/bailiwick-fs/bailiwick/backends"
)

// A Survey locates sources as they are when it looks at them. The zero Survey is
// ready to use. It opens no source and connects to nothing: of directories it asks
// the system which they are. It is not safe for concurrent use.
type Survey struct {
	places map[string]*Place
	mounts []mountPoint
	read   bool // mounts was read
}

// A Place is where the objects of a source are.
type Place struct {
	// One of the three is set.
	memory bool
	bucket *bucket
	dir    *directory
}

// A bucket is a prefix in a bucket. The endpoint is left out on purpose: one
// service has many addresses, and no two buckets of one service have one name. So
// buckets of one name at different services count as one.
type bucket struct {
	name   string
	prefix string // "" or a name, without slashes around it
}

// Locate returns the place of a source as [backends.Open] takes it. A source that
// Open refuses is at a place that overlaps with no other.
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

// Overlaps reports whether an object can be in both places: they are the same, or
// one lies in the other.
func (p *Place) Overlaps(q *Place) bool {
	_, in := p.Below(q)
	_, around := q.Below(p)
	return in || around || p.dir != nil && q.dir != nil && p.dir.sharesSpan(q.dir)
}

// Below returns the name that p has in q, slash-separated and "." if they are the
// same, and whether it is known to have one.
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

// below returns the rest of name below prefix, both slash-separated, "" for the top.
func below(name, prefix string) (rest string, ok bool) {
	switch {
	case name == prefix:
		return ".", true
	case prefix == "":
		return name, true
	}
	return strings.CutPrefix(name, prefix+"/")
}

// A directory is known by its path without links and by its identity, since each
// alone misses something: bind mounts have several paths, and what does not exist
// has no identity.
type directory struct {
	path  string        // absolute, without links as far as it exists
	chain []os.FileInfo // of path and of each directory above it, nil for what is not there
	spans []span        // the parts of file systems that can be reached in it
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

// last returns the last n elements of a path, "." for none.
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

// Resolve returns the path without links, as far as it exists.
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

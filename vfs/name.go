package vfs

import (
	"iter"
	"strings"

	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// Limits of a name, in bytes. They are S3's limit for keys and the limit for path
// elements on most file systems, so that a name fits every backend.
const (
	MaxNameBytes    = 1024
	MaxElementBytes = 255
)

// A Name is the name of an object or a directory that passed a parser: slash-separated
// elements of clean UTF-8, none of them empty, "." or "..". Only [ParseName],
// [ParseEscapedPath] and [SafeName] make one from a string, and [Name.Child],
// [Name.Join] and [Name.Within] one from a Name, so a backend cannot be handed a
// client's string. Every operation refuses the zero Name. Names compare byte
// for byte, and a name has exactly one spelling.
type Name struct{ s string }

// Root names the top directory. It is not an object, and no parser returns it.
var Root = Name{"."}

// ParseName makes a Name from a decoded, slash-separated name such as
// "docs/guide.html". It never cleans a name: it either refuses it or returns it
// unchanged. The error is an [*Error] that matches [fs.ErrNotExist] and whose Reason
// begins with "name.".
func ParseName(s string) (Name, error) {
	if r := checkName(s); r != "" {
		return Name{}, refuseName(s, r)
	}
	return Name{s}, nil
}

// String returns the name in the form that ParseName accepts, "." for [Root], and ""
// for the zero Name.
func (n Name) String() string { return n.s }

// IsZero reports whether n is the zero Name, which names nothing.
func (n Name) IsZero() bool { return n.s == "" }

// IsRoot reports whether n is [Root].
func (n Name) IsRoot() bool { return n.s == "." }

// Base returns the last element, "." for [Root].
func (n Name) Base() string { return n.s[strings.LastIndexByte(n.s, '/')+1:] }

// Dir returns the parent directory of n. It is [Root] for a name of one element and for
// Root itself.
func (n Name) Dir() Name {
	i := strings.LastIndexByte(n.s, '/')
	if i < 0 {
		return Root
	}
	return Name{n.s[:i]}
}

// Child returns the name of elem inside the directory n. It refuses an elem that is not
// a single valid element, or that would make the name too long, as [ParseName] does. It
// turns the untrusted keys that a backend lists into names.
func (n Name) Child(elem string) (Name, error) {
	s := elem
	if !n.IsRoot() {
		s = n.s + "/" + elem
	}
	switch {
	case n.IsZero():
		return Name{}, refuseName(elem, reason.NameEmpty)
	case strings.IndexByte(elem, '/') >= 0:
		return Name{}, refuseName(s, reason.NameSlash)
	}
	return ParseName(s)
}

// Join returns the name of below, which is relative to the directory n: n itself if
// below is [Root], below if n is Root. It fails if one of them is the zero Name or the
// result would be too long.
func (n Name) Join(below Name) (Name, error) {
	switch {
	case n.IsZero(), below.IsZero():
		return Name{}, refuseName("", reason.NameEmpty)
	case n.IsRoot():
		return below, nil
	case below.IsRoot():
		return n, nil
	}
	// The elements are valid, so nothing else can be wrong with the whole.
	s := n.s + "/" + below.s
	if len(s) > MaxNameBytes {
		return Name{}, refuseName(s, reason.NameTooLong)
	}
	return Name{s}, nil
}

// Within returns n relative to the directory dir, so that dir.Join gives n back: [Root]
// if n is dir. It reports false, with the zero Name, if n is neither dir nor below it.
func (n Name) Within(dir Name) (Name, bool) {
	switch {
	case n.IsZero(), dir.IsZero():
		return Name{}, false
	case dir.IsRoot():
		return n, true
	case n == dir:
		return Root, true
	}
	rest, ok := strings.CutPrefix(n.s, dir.s)
	if !ok || rest[0] != '/' {
		return Name{}, false
	}
	return Name{rest[1:]}, true
}

// Elements yields the elements of n from the top down; it yields none for [Root].
func (n Name) Elements() iter.Seq[string] {
	return func(yield func(string) bool) {
		for rest, more := n.s, !n.IsRoot() && !n.IsZero(); more; {
			var elem string
			elem, rest, more = strings.Cut(rest, "/")
			if !yield(elem) {
				return
			}
		}
	}
}

// EscapedPath returns n as a URL path without a leading slash, in the only spelling
// that this package prints: everything except unreserved characters is percent-encoded.
// ParseEscapedPath returns n for it. Root gives "".
func (n Name) EscapedPath() string {
	if n.IsRoot() {
		return ""
	}
	return escapePath(n.s)
}

// MarshalText encodes a Name as its string in JSON and logs.
func (n Name) MarshalText() ([]byte, error) { return []byte(n.s), nil }

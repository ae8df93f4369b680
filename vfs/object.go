package vfs

import (
	"io"
	"os"
	"time"
)

// Info describes one version of an object.
type Info struct {
	Name    Name
	Size    int64     // bytes of the whole object
	ModTime time.Time // zero if unknown
	// ContentTime is when the content was last modified, which a copy of it keeps; zero if
	// the backend does not know. On disk it is the ModTime. Elsewhere, ModTime is when the
	// object was stored, and only that is a validator in HTTP.
	ContentTime time.Time
	// ETag is a strong entity tag without its quotes, opaque; "" if the backend
	// has none. Two versions of an object have two ETags.
	ETag        string
	ContentType string            // as the backend knows it; "" if it does not
	Encoding    string            // the content coding that the bytes are stored in, such as "gzip"; "" if none
	Meta        map[string]string // as the backend knows it; nil if none

	// Rule is the allow pattern that let the name through, for the audit record. A
	// Jail sets it.
	Rule string
}

// LastModified returns the ModTime as a validator in HTTP, in whole seconds, and
// reports whether it is one. A time in the first two seconds of 1970, or before, says
// nothing of when the object changed: programs that build reproducible trees and
// archives set it on everything, as Nix and OSTree do, and so does what knows no time.
func (i *Info) LastModified() (time.Time, bool) {
	const reproducible = 1 // seconds since 1970: what Nix sets
	return i.ModTime.Truncate(time.Second), i.ModTime.Unix() > reproducible
}

// An Object is an open object. The caller closes Body.
type Object struct {
	Info Info
	Span Span // the part of the object that Body yields

	// Body yields exactly Span.Length bytes and then io.EOF, or fails: with
	// [ErrChanged] if the object turned out to be shorter, or was replaced.
	// It never yields fewer bytes and a plain EOF. Where it also is an
	// io.Seeker or an io.ReaderAt, their offsets count from the Span's start;
	// where it is an io.WriterTo, it has all its bytes, and knows that they
	// are good, before it writes the first. Its errors are the backend's own
	// and may hold paths: they are not for clients.
	Body io.ReadCloser

	// File is set where Body reads a local file: positioned at the Span's
	// start, to be read for Span.Length bytes, so that a server can hand it to
	// sendfile. It is never wrapped. Closing Body closes it. Who reads File
	// does not read Body, and checks that all of Span.Length came.
	File *os.File

	// Location is set where Request.Direct was heeded: a URL from which anyone who has
	// it gets the bytes. Body then yields none.
	Location string
}

// A Request says which part of an object is wanted, and under which
// conditions. The zero Request wants the whole object, unconditionally.
type Request struct {
	Range Range
	Cond  Cond
	// Links asks for Error.Link where a symbolic link is in the way.
	Links bool
	// Direct asks for Object.Location instead of bytes. Only a backend whose
	// Caps.Direct is set heeds it.
	Direct Direct
}

// Direct says how a store itself is to give an object to a client. The zero Direct
// wants the bytes from the backend.
type Direct struct {
	For   time.Duration // the URL is good for so long; whole seconds, from 1 s to 7 days
	Until time.Time     // but no longer than this, if set; at its end the bytes come

	// The headers of the store's answer; "" leaves them to it.
	ContentType, ContentDisposition, CacheControl string
}

// Resolve decides req for the version that info describes, in the order of
// RFC 9110 section 13.2.2: the conditions, then If-Range, then the range. It
// is the one place where any backend does. It fails with an [*Error] that
// holds info and is [ErrNotModified], [ErrPrecondition], [ErrExist] or [ErrRange].
func (req *Request) Resolve(op string, info Info) (Span, error) {
	if err := req.Cond.check(&info); err != nil {
		return Span{}, unmet(op, info, err)
	}
	rng := req.Range
	if !req.Cond.rangeHolds(&info) {
		rng = Range{}
	}
	span, ok := rng.Resolve(info.Size)
	if !ok {
		return Span{}, unmet(op, info, ErrRange)
	}
	return span, nil
}

// unmet is apart from Resolve so that only a failure moves info to the heap.
func unmet(op string, info Info, err error) error {
	return &Error{Op: op, Name: info.Name.String(), Err: err, Info: &info}
}

// A Span is a run of bytes of an object.
type Span struct {
	Offset int64 // first byte
	Length int64 // number of bytes
	// Partial is set if a range was asked for and honoured, also where it
	// covers the whole object: the answer is then a 206.
	Partial bool
}

// A Range is the one range of bytes that a request may ask for. The zero Range
// is the whole object.
type Range struct {
	kind        rangeKind
	first, last int64
}

type rangeKind uint8

const (
	rangeAll rangeKind = iota
	rangeFrom
	rangeBetween
	rangeSuffix
)

// RangeFrom is "bytes=first-": all from the byte first on.
func RangeFrom(first int64) Range { return Range{rangeFrom, max(first, 0), 0} }

// RangeBetween is "bytes=first-last", both inclusive. A last before first is
// no range: the result is the whole object.
func RangeBetween(first, last int64) Range {
	if first < 0 || last < first {
		return Range{}
	}
	return Range{rangeBetween, first, last}
}

// RangeSuffix is "bytes=-n": the last n bytes.
func RangeSuffix(n int64) Range { return Range{rangeSuffix, 0, max(n, 0)} }

// IsZero reports whether r is the whole object.
func (r Range) IsZero() bool { return r.kind == rangeAll }

// Bounds returns the range as it was asked for: last is -1 for "first-", and
// first is -1 for "-last".
func (r Range) Bounds() (first, last int64) {
	switch r.kind {
	case rangeBetween:
		return r.first, r.last
	case rangeSuffix:
		return -1, r.last
	}
	return r.first, -1
}

// Resolve applies r to an object of size bytes. It reports false if r cannot
// be satisfied (416). Any range of an empty object is the whole of it.
func (r Range) Resolve(size int64) (Span, bool) {
	switch {
	case r.kind == rangeAll || size == 0:
		return Span{Length: size}, true
	case r.kind == rangeSuffix:
		n := min(r.last, size)
		return Span{size - n, n, true}, n > 0
	case r.first >= size:
		return Span{}, false
	case r.kind == rangeFrom:
		return Span{r.first, size - r.first, true}, true
	}
	return Span{r.first, min(r.last, size-1) - r.first + 1, true}, true
}

// Cond holds the preconditions of a request (RFC 9110 section 13). The zero
// Cond always holds.
type Cond struct {
	IfMatch           Tags
	IfNoneMatch       Tags
	IfModifiedSince   time.Time
	IfUnmodifiedSince time.Time
	// IfRangeTag and IfRangeDate, at most one of them: Range counts only if the
	// object still has this strong tag, or exactly this date. A weak tag
	// ("W/…") never matches.
	IfRangeTag  Tag
	IfRangeDate time.Time
	// Now is the time of the request, for the rule that a date validates a
	// range only if it is older than a second; zero is the time of the call.
	Now time.Time
	// Unsafe is set by methods that change something: If-None-Match then fails with
	// ErrPrecondition, or for "*" ErrExist, where a read would be ErrNotModified, and
	// IfUnmodifiedSince fails where the object has no date.
	Unsafe bool
}

// A Tag is an entity tag as a client sent it: Value is what stands between the
// quotes. The zero Tag is none; Set tells the empty tag from it.
type Tag struct {
	Value string
	Weak  bool
	Set   bool
}

// IsZero reports whether there was no tag. One that was only half filled in is a tag:
// taken for none, it would let through what was to depend on it.
func (t Tag) IsZero() bool { return t == Tag{} }

// Tags is the value of an If-Match or If-None-Match.
type Tags struct {
	Any  bool // "*": any version
	List []Tag
}

// IsZero reports whether there was no such condition.
func (t Tags) IsZero() bool { return !t.Any && t.List == nil }

// match compares with the ETag of an existing object. Only weak comparison
// lets a weak tag match (RFC 9110 section 8.8.3.2). An object without an ETag
// matches "*" alone.
func (t Tags) match(etag string, weak bool) bool {
	if t.Any {
		return true
	}
	for _, tag := range t.List {
		if etag != "" && tag.Value == etag && (weak || !tag.Weak) {
			return true
		}
	}
	return false
}

// IsZero reports whether c always holds.
func (c *Cond) IsZero() bool {
	return c.IfMatch.IsZero() && c.IfNoneMatch.IsZero() &&
		c.IfModifiedSince.IsZero() && c.IfUnmodifiedSince.IsZero()
}

// NeedsObject reports whether c, on a change, holds only where there is an object: with
// IfMatch, and with IfUnmodifiedSince. RFC 9110 section 13.1.4 ignores the latter where
// there is no date, but who sends it replaces a version that was there, and what is gone
// was changed since.
func (c *Cond) NeedsObject() bool { return !c.IfMatch.IsZero() || !c.IfUnmodifiedSince.IsZero() }

// check decides the conditions for an object that exists.
func (c *Cond) check(info *Info) error {
	if !c.IfMatch.IsZero() {
		if !c.IfMatch.match(info.ETag, false) {
			return ErrPrecondition
		}
	} else if !c.IfUnmodifiedSince.IsZero() {
		// RFC 9110 section 13.1.4 ignores the condition where there is no date. A change
		// must not be made on a condition that nobody can decide.
		mod, ok := info.LastModified()
		if ok && mod.After(c.IfUnmodifiedSince) || !ok && c.Unsafe {
			return ErrPrecondition
		}
	}
	if !c.IfNoneMatch.IsZero() {
		if c.IfNoneMatch.match(info.ETag, true) {
			switch {
			case !c.Unsafe:
				return ErrNotModified
			case c.IfNoneMatch.Any:
				return ErrExist
			}
			return ErrPrecondition
		}
	} else if !c.IfModifiedSince.IsZero() && !c.Unsafe {
		if mod, ok := info.LastModified(); ok && !mod.After(c.IfModifiedSince) {
			return ErrNotModified
		}
	}
	return nil
}

// rangeHolds decides If-Range.
func (c *Cond) rangeHolds(info *Info) bool {
	switch {
	case !c.IfRangeTag.IsZero():
		return !c.IfRangeTag.Weak && info.ETag != "" && c.IfRangeTag.Value == info.ETag
	case !c.IfRangeDate.IsZero():
		// A date is a strong validator only if the object cannot have changed
		// twice within its second (RFC 9110 section 8.8.2.2).
		now := c.Now
		if now.IsZero() {
			now = time.Now()
		}
		mod, ok := info.LastModified()
		return ok && mod.Equal(c.IfRangeDate) && now.Sub(mod) >= time.Second
	}
	return true
}

package vfs

import (
	"io"
	"os"
	"syscall"
	"time"
)

// Info describes one version of an object.
type Info struct {
	Name    Name
	Size    int64     // bytes of the whole object
	ModTime time.Time // zero if unknown
	// ContentTime is when the content was last modified; a copy keeps it. Zero if the
	// backend does not know. On disk it equals ModTime. Elsewhere, ModTime is when the
	// object was stored, and only ModTime is a validator in HTTP.
	ContentTime time.Time
	// ETag is an opaque strong entity tag without its quotes; "" if the backend has
	// none. Two versions of an object have different ETags, except as PutOptions.ContentTime says.
	ETag        string
	ContentType string            // "" if the backend does not know it
	Encoding    string            // content coding of the stored bytes, such as "gzip"; "" if none
	Meta        map[string]string // the backend's metadata; nil if none

	// Rule is the allow pattern that matched the name, for the audit record. A Jail
	// sets it.
	Rule string

	// Targets are the names to which symbolic links on the path of Name led, in that order;
	// the object is stored under the last one. A Jail, which sets them, has admitted each for
	// the caller, as it has admitted Name. What holds for everybody, such as what a shared
	// cache may store, must hold for all of them. They are not for clients, and must not be
	// modified.
	Targets []Name
}

// LastModified returns the ModTime as a validator in HTTP, in whole seconds, and
// reports whether it is usable as one. A time before 1970 or in its first two seconds
// does not tell when the object changed: tools for reproducible trees and archives,
// such as Nix and OSTree, set it on everything, and so do programs that do not know the
// time.
func (i *Info) LastModified() (time.Time, bool) {
	const reproducible = 1 // seconds since 1970: what Nix sets
	return i.ModTime.Truncate(time.Second), i.ModTime.Unix() > reproducible
}

// An Object is an open object. The caller closes Body.
type Object struct {
	Info Info
	Span Span // the part of the object that Body yields

	// Body yields exactly Span.Length bytes and then io.EOF, or fails: with
	// [ErrChanged] if the object turned out to be shorter or was replaced. It never
	// yields fewer bytes and a plain EOF. If it is also an io.Seeker or an io.ReaderAt,
	// offsets are relative to the start of the Span. If it is an io.WriterTo, it has
	// read and verified all its bytes before it writes the first. Its errors are the
	// backend's own and may hold paths: do not send them to clients.
	Body io.ReadCloser

	// File is set if Body reads a local file. It is positioned at the Span's start, and
	// Span.Length bytes are to be read from it, so that a server can pass it to
	// sendfile. It is never wrapped. Closing Body closes it. A caller that reads File
	// must not read Body, and must check that it got all Span.Length bytes.
	File *os.File

	// Descriptor is set in place of File if Request.Descriptor was, and if it takes fewer
	// system calls than an os.File. All that is said about File holds for the descriptor
	// to which it gives access, except that only Body reads it by itself.
	Descriptor syscall.Conn

	// Location is set if the backend honored Request.Direct: a URL that gives the bytes
	// to anyone who has it. Body then yields nothing.
	Location string
}

// A Request selects a part of an object and sets conditions. The zero Request means the
// whole object, unconditionally.
type Request struct {
	Range Range
	Cond  Cond
	// Links asks for Error.Link if there is a symbolic link on the path.
	Links bool
	// Descriptor allows a backend to set Object.Descriptor in place of Object.File. A
	// layer that must see every byte clears it.
	Descriptor bool
	// Direct asks for Object.Location instead of bytes. Only a backend whose
	// Caps.Direct is set honors it.
	Direct Direct
}

// Direct says how the store itself should serve an object to a client. The zero Direct
// asks the backend for the bytes.
type Direct struct {
	For   time.Duration // lifetime of the URL; whole seconds, from 1 s to 7 days
	Until time.Time     // latest expiry, if set; once it has passed, Open returns the bytes

	// Headers of the store's response; "" leaves them to the store.
	ContentType, ContentDisposition, CacheControl string
}

// Resolve evaluates req against the version that info describes, in the order of RFC
// 9110 section 13.2.2: the conditions, then If-Range, then the range. All backends use
// it. It fails with an [*Error] that holds info and is [ErrNotModified],
// [ErrPrecondition], [ErrExist] or [ErrRange].
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

// unmet is separate from Resolve so that only a failure moves info to the heap.
func unmet(op string, info Info, err error) error {
	return &Error{Op: op, Name: info.Name.String(), Err: err, Info: &info}
}

// A Span is a contiguous part of an object.
type Span struct {
	Offset int64 // first byte
	Length int64 // number of bytes
	// Partial is set if a range was requested and honored, even if it covers the whole
	// object: the response is then a 206.
	Partial bool
}

// A Range is the single byte range that a request may ask for. The zero Range is the
// whole object.
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

// RangeFrom returns "bytes=first-": everything from the byte first on.
func RangeFrom(first int64) Range { return Range{rangeFrom, max(first, 0), 0} }

// RangeBetween returns "bytes=first-last", both inclusive. If last is before first, the
// range is invalid and the result is the whole object.
func RangeBetween(first, last int64) Range {
	if first < 0 || last < first {
		return Range{}
	}
	return Range{rangeBetween, first, last}
}

// RangeSuffix returns "bytes=-n": the last n bytes.
func RangeSuffix(n int64) Range { return Range{rangeSuffix, 0, max(n, 0)} }

// IsZero reports whether r is the whole object.
func (r Range) IsZero() bool { return r.kind == rangeAll }

// Bounds returns the range as requested: last is -1 for "first-", and first is -1 for
// "-last".
func (r Range) Bounds() (first, last int64) {
	switch r.kind {
	case rangeBetween:
		return r.first, r.last
	case rangeSuffix:
		return -1, r.last
	}
	return r.first, -1
}

// Resolve applies r to an object of size bytes. It reports false if r cannot be
// satisfied (416). For an empty object, every range resolves to the whole object.
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
	// IfRangeTag and IfRangeDate, at most one of them: the range applies only if the
	// object still has this strong tag, or exactly this date. A weak tag ("W/…") never
	// matches.
	IfRangeTag  Tag
	IfRangeDate time.Time
	// Now is the time of the request; zero means the time of the call. A date validates
	// a range only if it is more than a second old.
	Now time.Time
	// Unsafe is set by methods that change something. If-None-Match then fails with
	// ErrPrecondition, or with ErrExist for "*", instead of ErrNotModified, and
	// IfUnmodifiedSince fails if the object has no date. A layer that keeps answers asks
	// its backend, since the change depends on what is there now.
	Unsafe bool
}

// A Tag is an entity tag as a client sent it. Value is the text between the quotes. The
// zero Tag means no tag; Set distinguishes the empty tag from it.
type Tag struct {
	Value string
	Weak  bool
	Set   bool
}

// IsZero reports whether there was no tag. A partly filled-in Tag counts as a tag: to
// ignore it would drop the condition that depends on it.
func (t Tag) IsZero() bool { return t == Tag{} }

// Tags is the value of an If-Match or If-None-Match.
type Tags struct {
	Any  bool // "*": any version
	List []Tag
}

// IsZero reports whether there was no such condition.
func (t Tags) IsZero() bool { return !t.Any && t.List == nil }

// match compares with the ETag of an existing object. A weak tag matches only in a weak
// comparison (RFC 9110 section 8.8.3.2). An object without an ETag matches only "*".
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

// NeedsObject reports whether c, on a change, requires an existing object: with IfMatch
// and with IfUnmodifiedSince. RFC 9110 section 13.1.4 ignores the latter if there is no
// date. But a client that sends it replaces a version that existed, and an object that
// is gone has changed since.
func (c *Cond) NeedsObject() bool { return !c.IfMatch.IsZero() || !c.IfUnmodifiedSince.IsZero() }

// check evaluates the conditions for an object that exists.
func (c *Cond) check(info *Info) error {
	if !c.IfMatch.IsZero() {
		if !c.IfMatch.match(info.ETag, false) {
			return ErrPrecondition
		}
	} else if !c.IfUnmodifiedSince.IsZero() {
		// RFC 9110 section 13.1.4 ignores the condition if there is no date. A change
		// must not proceed on a condition that cannot be evaluated.
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

// rangeHolds evaluates If-Range.
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

package keyed

import (
	"strconv"
	"strings"
)

// A ContentRange is the value of a Content-Range header: the bytes First to Last,
// inclusive, of an object of Size bytes.
type ContentRange struct{ First, Last, Size int64 }

// ParseContentRange parses "bytes FIRST-LAST/SIZE" in its canonical spelling, and
// reports whether that is a valid part of an object. It rejects an unknown size ("*").
// MinIO sends "bytes 0--1/0" for an empty object.
func ParseContentRange(s string) (ContentRange, bool) {
	if s == "bytes 0--1/0" {
		return ContentRange{0, -1, 0}, true
	}
	s, ok := strings.CutPrefix(s, "bytes ")
	if !ok {
		return ContentRange{}, false
	}
	s, size, ok := strings.Cut(s, "/")
	if !ok {
		return ContentRange{}, false
	}
	first, last, ok := strings.Cut(s, "-")
	if !ok {
		return ContentRange{}, false
	}
	var r ContentRange
	for _, f := range []struct {
		to *int64
		s  string
	}{{&r.First, first}, {&r.Last, last}, {&r.Size, size}} {
		v, err := strconv.ParseUint(f.s, 10, 63)
		if err != nil || strconv.FormatUint(v, 10) != f.s {
			return ContentRange{}, false
		}
		*f.to = int64(v)
	}
	return r, r.First <= r.Last && r.Last < r.Size
}

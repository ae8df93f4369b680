package s3

import (
	"strconv"
	"strings"
)

// A contentRange is the value of a Content-Range header: the bytes first to last,
// inclusive, of an object of size bytes.
type contentRange struct{ first, last, size int64 }

// parseContentRange parses "bytes FIRST-LAST/SIZE" in its canonical spelling, and
// reports whether that is a valid part of an object. It rejects an unknown size ("*").
// MinIO sends "bytes 0--1/0" for an empty object.
func parseContentRange(s string) (contentRange, bool) {
	if s == "bytes 0--1/0" {
		return contentRange{0, -1, 0}, true
	}
	s, ok := strings.CutPrefix(s, "bytes ")
	if !ok {
		return contentRange{}, false
	}
	s, size, ok := strings.Cut(s, "/")
	if !ok {
		return contentRange{}, false
	}
	first, last, ok := strings.Cut(s, "-")
	if !ok {
		return contentRange{}, false
	}
	var r contentRange
	for _, f := range []struct {
		to *int64
		s  string
	}{{&r.first, first}, {&r.last, last}, {&r.size, size}} {
		v, err := strconv.ParseUint(f.s, 10, 63)
		if err != nil || strconv.FormatUint(v, 10) != f.s {
			return contentRange{}, false
		}
		*f.to = int64(v)
	}
	return r, r.first <= r.last && r.last < r.size
}

package server

import (
	"net/http"
	"strings"
	"time"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// requestCond returns the preconditions of a request. What they decide is for
// vfs.Request.Resolve to say.
func requestCond(h http.Header) vfs.Cond {
	var c vfs.Cond
	if lines := h["If-Match"]; lines != nil {
		var ok bool
		if c.IfMatch, ok = parseTags(lines); !ok {
			// A condition that cannot be checked does not hold.
			c.IfMatch = vfs.Tags{List: []vfs.Tag{}}
		}
	}
	if lines := h["If-None-Match"]; lines != nil {
		c.IfNoneMatch, _ = parseTags(lines)
	}
	c.IfModifiedSince = parseDate(h["If-Modified-Since"])
	c.IfUnmodifiedSince = parseDate(h["If-Unmodified-Since"])
	if lines := h["If-Range"]; lines != nil {
		c.IfRangeTag, c.IfRangeDate = parseIfRange(lines)
	}
	return c
}

// parseTags reads the lines of an If-Match or If-None-Match as one list. It
// stops at what is no tag; what stood before still counts. Lines without
// anything in them are no condition. It reports false for more than
// maxConditionBytes, and returns no condition then.
func parseTags(lines []string) (vfs.Tags, bool) {
	total := 0
	for _, s := range lines {
		total += len(s)
	}
	if total > maxConditionBytes {
		return vfs.Tags{}, false
	}
	var tags vfs.Tags
	for _, s := range lines {
		s = strings.Trim(s, " \t")
		if s == "*" {
			return vfs.Tags{Any: true}, true
		}
		if s != "" && tags.List == nil {
			tags.List = make([]vfs.Tag, 0, 1)
		}
		for s != "" {
			tag, rest, ok := parseTag(s)
			if !ok {
				return tags, true
			}
			tags.List = append(tags.List, tag)
			rest = strings.TrimLeft(rest, " \t")
			if rest != "" && rest[0] != ',' {
				return tags, true
			}
			s = strings.TrimLeft(rest, " \t,")
		}
	}
	return tags, true
}

// parseTag reads an entity tag at the start of s.
func parseTag(s string) (tag vfs.Tag, rest string, ok bool) {
	s, tag.Weak = strings.CutPrefix(s, "W/")
	if s == "" || s[0] != '"' {
		return vfs.Tag{}, s, false
	}
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			tag.Value, tag.Set = s[1:i], true
			return tag, s[i+1:], true
		case c <= ' ' || c == 0x7f:
			return vfs.Tag{}, s, false
		}
	}
	return vfs.Tag{}, s, false
}

// parseDate reads a header that holds one date. An invalid date is none.
func parseDate(lines []string) time.Time {
	if len(lines) != 1 {
		return time.Time{}
	}
	t, err := http.ParseTime(lines[0])
	if err != nil {
		return time.Time{}
	}
	return t
}

// parseIfRange reads an If-Range. What is neither tag nor date never holds, so
// that the client gets the whole object and not a part of another version.
func parseIfRange(lines []string) (vfs.Tag, time.Time) {
	never := vfs.Tag{Weak: true, Set: true}
	if len(lines) != 1 || len(lines[0]) > maxConditionBytes {
		return never, time.Time{}
	}
	if tag, rest, ok := parseTag(lines[0]); ok && rest == "" {
		return tag, time.Time{}
	}
	if t := parseDate(lines); !t.IsZero() {
		return vfs.Tag{}, t
	}
	return never, time.Time{}
}

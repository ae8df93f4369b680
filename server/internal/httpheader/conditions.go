package httpheader

import (
	"net/http"
	"strings"
	"time"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// Conditions parses the preconditions of a request. vfs.Request.Resolve evaluates them.
//
// A precondition that cannot be parsed, because it is malformed, repeated or too long, is
// never dropped from a write: the write would overwrite what the client meant to keep.
// Such a write fails with 412, even where RFC 9110 section 13.1.4 says to ignore a date.
// For a read, the worst outcome is that the object is sent needlessly or not at all: a
// malformed If-Match matches nothing, and other malformed preconditions are ignored.
func Conditions(r *http.Request) vfs.Cond {
	var c vfs.Cond
	h := r.Header
	understood := true
	if lines := h["If-Match"]; lines != nil {
		c.IfMatch, _ = parseTags(lines)
	}
	if lines := h["If-None-Match"]; lines != nil {
		// Even if it is malformed, If-Modified-Since is not evaluated (RFC 9110 section 13.1.3).
		var ok bool
		c.IfNoneMatch, ok = parseTags(lines)
		understood = understood && ok
	}
	if lines := h["If-Unmodified-Since"]; lines != nil && c.IfMatch.IsZero() {
		var ok bool
		c.IfUnmodifiedSince, ok = parseDate(lines)
		understood = understood && ok
	}
	if changes(r.Method) {
		if !understood {
			c.IfMatch = matchesNothing
		}
		return c
	}
	c.IfModifiedSince, _ = parseDate(h["If-Modified-Since"])
	if lines := h["If-Range"]; lines != nil {
		c.IfRangeTag, c.IfRangeDate = parseIfRange(lines)
	}
	return c
}

// changes reports whether a method may change an object.
func changes(method string) bool { return method != http.MethodGet && method != http.MethodHead }

// matchesNothing is a condition that is never true.
var matchesNothing = vfs.Tags{List: []vfs.Tag{}}

// parseTags parses the lines of an If-Match or If-None-Match as one list: "*" alone, or at
// least one entity tag, separated by commas. For anything else, and for more than
// maxListBytes, it returns matchesNothing and false: the tags in it may not be those that
// the client meant.
func parseTags(lines []string) (vfs.Tags, bool) {
	total := 0
	for _, s := range lines {
		total += len(s)
	}
	if total > maxListBytes {
		return matchesNothing, false
	}
	if len(lines) == 1 && trimSpace(lines[0]) == "*" {
		return vfs.Tags{Any: true}, true
	}
	var list []vfs.Tag
	for _, s := range lines {
		// RFC 9110 section 5.6.1.2: elements may be empty.
		for s = trimEmpty(s); s != ""; s = trimEmpty(s) {
			tag, rest, ok := parseTag(s)
			if !ok {
				return matchesNothing, false
			}
			list = append(list, tag)
			s = trimSpace(rest)
			if s != "" && s[0] != ',' {
				return matchesNothing, false
			}
		}
	}
	if list == nil {
		return matchesNothing, false
	}
	return vfs.Tags{List: list}, true
}

func trimSpace(s string) string { return strings.Trim(s, " \t") }
func trimEmpty(s string) string { return strings.TrimLeft(s, " \t,") }

// parseTag parses the entity tag at the start of s.
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

// TaggedCondition parses an If (RFC 4918 section 10.4) with a single condition, which is that a
// resource has an entity tag: </b.txt> (["tag"]). It returns the reference to the resource, and
// reports false for every other If.
func TaggedCondition(lines []string) (ref string, is vfs.Tags, ok bool) {
	if len(lines) != 1 || len(lines[0]) > maxListBytes {
		return "", matchesNothing, false
	}
	ref, list, closed := strings.Cut(trimSpace(lines[0]), ">")
	ref, opened := strings.CutPrefix(ref, "<")
	list, begun := cutPunctuation(list, '(', '[')
	tag, rest, isTag := parseTag(list)
	rest, ended := cutPunctuation(rest, ']', ')')
	if !closed || !opened || !begun || !isTag || !ended || rest != "" {
		return "", matchesNothing, false
	}
	return ref, vfs.Tags{List: []vfs.Tag{tag}}, true
}

// cutPunctuation removes the marks from the start of s, with the space around them.
func cutPunctuation(s string, marks ...byte) (string, bool) {
	s = trimSpace(s)
	for _, c := range marks {
		if s == "" || s[0] != c {
			return s, false
		}
		s = trimSpace(s[1:])
	}
	return s, true
}

// parseDate parses a header that contains one HTTP-date (RFC 9110 section 5.6.7), and
// reports false for anything else. Dates before 1970 become 1970: no object has one, and
// the zero Time would mean no condition.
func parseDate(lines []string) (time.Time, bool) {
	if len(lines) != 1 {
		return time.Time{}, false
	}
	t, err := http.ParseTime(lines[0])
	if err != nil {
		return time.Time{}, false
	}
	// time.Parse accepts any zone name with the offset of GMT. Only the asctime format has
	// no zone.
	if _, err := time.Parse(time.ANSIC, lines[0]); err != nil && !strings.HasSuffix(lines[0], " GMT") {
		return time.Time{}, false
	}
	if epoch := time.Unix(0, 0).UTC(); t.Before(epoch) {
		return epoch, true
	}
	return t, true
}

// parseIfRange parses an If-Range. If it is neither a tag nor a date, the condition is
// false, so that the client gets the whole object and not a part of another version.
func parseIfRange(lines []string) (vfs.Tag, time.Time) {
	never := vfs.Tag{Weak: true, Set: true}
	if len(lines) != 1 || len(lines[0]) > maxListBytes {
		return never, time.Time{}
	}
	if tag, rest, ok := parseTag(lines[0]); ok && rest == "" {
		return tag, time.Time{}
	}
	if t, ok := parseDate(lines); ok {
		return vfs.Tag{}, t
	}
	return never, time.Time{}
}

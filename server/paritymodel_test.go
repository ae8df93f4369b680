package server_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// A parityStep is one request, in terms that fit any backend: ETags and dates are filled in
// from the current state.
type parityStep struct {
	Method, Name   string
	Narrow         bool // to the mount that hides more
	Body           string
	IfMatch        []parityTag
	IfNoneMatch    []parityTag
	Modified       parityTime // If-Modified-Since
	Unmodified     parityTime // If-Unmodified-Since
	Range          string
	IfRange        parityTag
	IfRangeTime    parityTime
	After          string // of a listing
	Limit          int
	ContentLengthy bool // the request has a Content-Length
}

// A parityTag is an entity tag in a precondition.
type parityTag int

const (
	tagNone parityTag = iota
	tagCurrent
	tagWeak  // the current ETag, as a weak one
	tagStale // of the previous version
	tagOther // never the ETag of any object
	tagAny   // *
	tagBroken
)

// A parityTime is a date in a precondition, relative to that of the current version.
type parityTime int

const (
	timeNone parityTime = iota
	timeBefore
	timeSame
	timeAfter
	timeBroken
)

// A paritied is an object of the model.
type paritied struct {
	body, etag string
	modified   time.Time
}

// A parityModel computes from a map the responses that every backend should give.
type parityModel struct {
	objects map[string]paritied
	stale   map[string]string // the ETags of the last replaced or removed versions
	flat    bool              // the backend has no directories to redirect to
}

// An expected response. Headers that are not in the map may have any value.
type expected struct {
	status int
	body   string // of a GET with 200 or 206
	header map[string]string
}

// answer returns the expected response to s.
func (m *parityModel) answer(asked *parityStep) expected {
	s := new(parityStep)
	*s = *asked
	if writes := s.Method == "PUT" || s.Method == "DELETE"; writes && (malformedTags(s.IfNoneMatch) || s.Unmodified == timeBroken && s.IfMatch == nil) {
		s.IfMatch = []parityTag{tagOther} // an invalid precondition of a write is false
	}
	o, there := m.objects[s.Name]
	switch {
	case strings.HasSuffix(s.Name, "/") || s.Name == "":
		return m.listing(s)
	case s.hides(s.Name):
		return expected{status: 404}
	case s.Method == "PUT" && !creatable(s.Name):
		return expected{status: 422}
	case s.Method == "PUT":
		return m.put(s)
	case s.Method == "DELETE" && !there:
		return expected{status: 404}
	case s.Method == "DELETE":
		if m.unmet(s, o) || m.noneMatched(s, o) {
			return expected{status: 412, header: map[string]string{"Etag": o.etag}}
		}
		return expected{status: 204}
	case !there && m.shows(s, s.Name) && !m.flat:
		return expected{status: 308}
	case !there:
		return expected{status: 404}
	}
	return m.read(s, o)
}

func (m *parityModel) put(s *parityStep) expected {
	o, there := m.objects[s.Name]
	switch {
	case there && (m.unmet(s, o) || m.noneMatched(s, o)):
		return expected{status: 412, header: map[string]string{"Etag": o.etag}}
	case there:
		return expected{status: 204}
	case m.isDir(s.Name) || m.beneathObject(s.Name):
		return expected{status: 404}
	case s.IfMatch != nil || s.Unmodified != timeNone:
		return expected{status: 412} // it replaces an object, and there is none
	}
	switch sibling := m.sibling(s.Name); {
	case sibling == "":
	case m.shows(s, sibling), m.objects[sibling].etag != "" && !s.hides(sibling):
		return expected{status: 409}
	default:
		return expected{status: 404} // a caller who cannot see it must not learn of it
	}
	return expected{status: 201}
}

func (m *parityModel) read(s *parityStep, o paritied) expected {
	validators := map[string]string{"Etag": o.etag, "Last-Modified": o.modified.Format(http.TimeFormat)}
	if m.unmet(s, o) {
		return expected{status: 412, header: map[string]string{"Etag": o.etag}}
	}
	if s.IfNoneMatch != nil {
		if m.noneMatched(s, o) {
			return expected{status: 304, header: map[string]string{"Etag": o.etag}}
		}
	} else if t, ok := s.Modified.of(o); ok && !o.modified.After(t) {
		return expected{status: 304, header: map[string]string{"Etag": o.etag}}
	}
	first, last, kind := cutSpec(s.Range, len(o.body))
	if s.Method == "HEAD" || !m.rangeHolds(s, o) || len(o.body) == 0 {
		kind = specNone
	}
	switch kind {
	case specOutside:
		return expected{status: 416, header: map[string]string{"Content-Range": fmt.Sprintf("bytes */%d", len(o.body))}}
	case specInside:
		validators["Content-Range"] = fmt.Sprintf("bytes %d-%d/%d", first, last, len(o.body))
		validators["Content-Length"] = fmt.Sprint(last - first + 1)
		return expected{206, o.body[first : last+1], validators}
	}
	validators["Content-Length"] = fmt.Sprint(len(o.body))
	return expected{200, o.body, validators}
}

// unmet reports whether If-Match or If-Unmodified-Since is false.
func (m *parityModel) unmet(s *parityStep, o paritied) bool {
	if s.IfMatch != nil {
		return malformedTags(s.IfMatch) || !slices.ContainsFunc(s.IfMatch, func(t parityTag) bool {
			return t == tagAny || t == tagCurrent || t == tagStale && m.stale[s.Name] == o.etag
		})
	}
	t, ok := s.Unmodified.of(o)
	return ok && o.modified.After(t)
}

// noneMatched reports whether If-None-Match matches the version.
func (m *parityModel) noneMatched(s *parityStep, o paritied) bool {
	return !malformedTags(s.IfNoneMatch) && slices.ContainsFunc(s.IfNoneMatch, func(t parityTag) bool {
		return t == tagAny || t == tagCurrent || t == tagWeak || t == tagStale && m.stale[s.Name] == o.etag
	})
}

func malformedTags(tags []parityTag) bool { return slices.Contains(tags, tagBroken) }

func (m *parityModel) rangeHolds(s *parityStep, o paritied) bool {
	switch {
	case s.IfRange == tagStale:
		return m.stale[s.Name] == o.etag
	case s.IfRange != tagNone:
		return s.IfRange == tagCurrent
	}
	return s.IfRangeTime == timeNone // paritySteps has no If-Range with the object's own date
}

// listing returns the expected response for a directory.
func (m *parityModel) listing(s *parityStep) expected {
	if s.Method == "PUT" || s.Method == "DELETE" {
		return expected{status: 404}
	}
	if dir := strings.TrimSuffix(s.Name, "/"); s.Name != "" && !m.shows(s, dir) {
		return expected{status: 404}
	}
	all := map[string]bool{}
	for name := range m.objects {
		rest, below := strings.CutPrefix(name, s.Name)
		if !below {
			continue
		}
		elem, _, deeper := strings.Cut(rest, "/")
		if m.flat {
			// The rules alone decide about a directory: a look into each costs a request.
			name = s.Name + elem
		}
		if s.hides(name) {
			continue
		}
		if deeper {
			elem += "/"
		}
		all[elem] = true
	}
	keys := slices.DeleteFunc(slices.Sorted(maps.Keys(all)), func(key string) bool { return key <= s.After })
	next := ""
	if s.Limit > 0 && len(keys) > s.Limit {
		keys, next = keys[:s.Limit], "…"
	}
	return expected{200, strings.Join(keys, "\n") + "\n" + next, nil}
}

func (m *parityModel) isDir(name string) bool {
	for other := range m.objects {
		if strings.HasPrefix(other, name+"/") {
			return true
		}
	}
	return false
}

// shows reports whether a directory has an object that is visible in the mount of s.
func (m *parityModel) shows(s *parityStep, name string) bool {
	for other := range m.objects {
		if strings.HasPrefix(other, name+"/") && !s.hides(other) {
			return true
		}
	}
	return false
}

func (m *parityModel) beneathObject(name string) bool {
	for i, c := range name {
		if _, there := m.objects[name[:i]]; there && c == '/' {
			return true
		}
	}
	return false
}

// sibling returns a name in the same directory that differs only in case from name, or from
// the topmost directory that would be created for it; "" if there is none.
func (m *parityModel) sibling(name string) string {
	for {
		i := strings.LastIndexByte(name, '/')
		if i < 0 || m.isDir(name[:i]) {
			break
		}
		name = name[:i]
	}
	depth := strings.Count(name, "/")
	for other := range m.objects {
		elems := strings.Split(other, "/")
		if len(elems) <= depth {
			continue
		}
		if at := strings.Join(elems[:depth+1], "/"); at != name && sameDir(at, name) && strings.EqualFold(at, name) {
			return at
		}
	}
	return ""
}

func sameDir(a, b string) bool {
	return a[:strings.LastIndexByte(a, '/')+1] == b[:strings.LastIndexByte(b, '/')+1]
}

// narrowDenied is a name that only the narrow mount hides.
const narrowDenied = "a/b"

// hides reports whether the mount of s hides an object or a directory.
func (s *parityStep) hides(name string) bool {
	return s.Narrow && (name == narrowDenied || strings.HasPrefix(name, narrowDenied+"/")) || name == "denied" || strings.HasPrefix(name, "denied/") || strings.HasPrefix(name, ".") || strings.Contains(name, "/.")
}

func creatable(name string) bool {
	return !strings.Contains(name, ":") && !strings.Contains(name, "aux") && !strings.Contains(name, "\u0301") && !strings.HasSuffix(name, " ")
}

type specKind int

const (
	specNone specKind = iota
	specInside
	specOutside
)

// cutSpec parses a Range for an object of size bytes.
func cutSpec(header string, size int) (first, last int, kind specKind) {
	unit, spec, _ := strings.Cut(header, "=")
	if !strings.EqualFold(unit, "bytes") || strings.Contains(spec, ",") {
		return 0, 0, specNone
	}
	a, b, ok := strings.Cut(spec, "-")
	number := func(s string) (n int, ok bool) {
		_, err := fmt.Sscanf(s, "%d", &n)
		return n, err == nil && fmt.Sprint(n) == s
	}
	x, okA := number(a)
	y, okB := number(b)
	switch {
	case !ok || a == "" && b == "" || a != "" && !okA || b != "" && !okB || okA && okB && y < x:
		return 0, 0, specNone
	case a == "" && y == 0, a != "" && x >= size:
		return 0, 0, specOutside
	case a == "":
		return max(size-y, 0), size - 1, specInside
	case b == "":
		return x, size - 1, specInside
	}
	return x, min(y, size-1), specInside
}

// of returns the date relative to that of the version o.
func (p parityTime) of(o paritied) (time.Time, bool) {
	switch p {
	case timeBefore:
		return o.modified.Add(-time.Hour), true
	case timeSame:
		return o.modified, true
	case timeAfter:
		return o.modified.Add(time.Hour), true
	}
	return time.Time{}, false
}

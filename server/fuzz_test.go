package server_test

import (
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// oneRange matches the only form of Range that is honored: a single range, possibly among
// empty list elements.
var oneRange = regexp.MustCompile(`^(?i:bytes)=[ \t,]*([0-9]*)-([0-9]*)[ \t]*(?:,[ \t]*)*$`)

// expectRange computes, with integers of any size, the response to a Range of ten.
func expectRange(value string) (status int, body, contentRange string) {
	whole := func() (int, string, string) { return 200, ten, "" }
	m := oneRange.FindStringSubmatch(value)
	if m == nil || m[1] == "" && m[2] == "" || len(value) > 16<<10 {
		return whole()
	}
	size := big.NewInt(int64(len(ten)))
	first, last := new(big.Int), new(big.Int)
	first.SetString("0"+m[1], 10)
	last.SetString("0"+m[2], 10)
	switch {
	case m[1] == "":
		if last.Sign() == 0 {
			return 416, "range not satisfiable\n", "bytes */10"
		}
		if first.Sub(size, last); first.Sign() < 0 {
			first.SetInt64(0)
		}
		last.SetInt64(9)
	case m[2] != "" && last.Cmp(first) < 0:
		return whole()
	case first.Cmp(size) >= 0:
		return 416, "range not satisfiable\n", "bytes */10"
	case m[2] == "" || last.Cmp(size) >= 0:
		last.SetInt64(9)
	}
	return 206, ten[first.Int64() : last.Int64()+1], fmt.Sprintf("bytes %v-%v/10", first, last)
}

func FuzzRange(f *testing.F) {
	for _, s := range []string{
		"bytes=0-4", "bytes=-5", "bytes=5-", "bytes=0-0,1-1", "bytes=,,1-2 ,", "BYTES=1-99999999999999999999", "bytes=99999999999999999999-", "bytes=-0",
		"bytes=007-008", "items=0-1", "bytes=5-2", "bytes=+1-2", "bytes= 1 - 2", "bytes=-", "", "bytes=1-2-3", "bytes=\t0-1\t,",
	} {
		f.Add(s)
	}
	h := server.New(jail(f, map[string]string{"a": ten}, allow("**")), server.Config{})
	f.Fuzz(func(t *testing.T, value string) {
		r := httptest.NewRequest("GET", "/a", nil)
		r.Header["Range"] = []string{value}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		status, body, cr := expectRange(value)
		if w.Code != status || w.Body.String() != body || w.Header().Get("Content-Range") != cr {
			t.Errorf("%q: %d %q %q, want %d %q %q", value, w.Code, w.Body, w.Header().Get("Content-Range"), status, body, cr)
		}
	})
}

// FuzzConditions compares the responses to arbitrary preconditions with a model that parses
// the grammar of RFC 9110 by regular expressions. In the inputs, "TAG" stands for the ETag
// of the object, and a line feed separates the lines of a header. An empty header is not
// sent.
func FuzzConditions(f *testing.F) {
	for _, s := range []string{
		"", `"TAG"`, `W/"TAG"`, "*", `"x", "TAG"`, `"a,b"`, `"`, "W/", ",", `"TAG"1234`, `""`, `w/"TAG"`, "\xff", `"TAG",`, "\n", "*\n*", "*\n", `"TAG"` + "\n" + `"x"`,
		"Wed, 04 Mar 2026 05:06:07 GMT", "Wednesday, 04-Mar-26 05:06:07 EST", "Wed Mar  4 05:06:07 2099", "Mon, 01 Jan 0001 00:00:00 GMT", "Thu, 01 Jan 2099 00:00:00 GMT",
	} {
		f.Add(s, "", "", "", "")
		f.Add("", s, "", s, s)
		f.Add("", "", s, s, s)
		f.Add(s, s, s, s, s)
	}
	do := func(h http.Handler, method string, header http.Header) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, "/a", strings.NewReader("new"))
		r.Header = header
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	f.Fuzz(func(t *testing.T, match, noneMatch, unmodified, modified, ifRange string) {
		for _, method := range []string{"GET", "HEAD", "PUT", "DELETE"} {
			b, err := mem.FromMap(map[string]string{"a": ten})
			if err != nil {
				t.Fatal(err)
			}
			h := server.New(jailOver(t, b, allow("**")), server.Config{Write: true})
			now := do(h, "HEAD", http.Header{}).Header()
			m := conditions{header: http.Header{}, tag: now.Get("Etag")}
			if m.date, err = http.ParseTime(now.Get("Last-Modified")); err != nil {
				t.Fatal(err)
			}
			for key, value := range map[string]string{"If-Match": match, "If-None-Match": noneMatch, "If-Unmodified-Since": unmodified, "If-Modified-Since": modified, "If-Range": ifRange} {
				if value != "" {
					m.header[key] = strings.Split(strings.ReplaceAll(value, `"TAG"`, m.tag), "\n")
				}
			}
			m.header["Range"] = []string{"bytes=1-2"}
			want := m.want(method)
			got := do(h, method, m.header)
			if got.Code != want {
				t.Errorf("%s %q: %d, want %d", method, m.header, got.Code, want)
			}
			if body := map[int]string{200: ten, 206: "12", 412: "precondition failed\n"}[want]; method != "HEAD" && got.Body.String() != body {
				t.Errorf("%s %q: %d %q", method, m.header, got.Code, got.Body)
			}
			if method == "GET" && got.Header().Get("Etag") != m.tag {
				t.Errorf("%q: no ETag", m.header)
			}
		}
	})
}

// FuzzDestination copies over an object with arbitrary Destination and If. In the inputs, "TAG"
// stands for the ETag of what is there, and a line feed separates the lines of a header. What is
// there is replaced only if the response says so, and if there is an If, only if that names the
// version that is there and nothing else.
func FuzzDestination(f *testing.F) {
	for _, destination := range []string{"/there", "/%74here", "http://example.com/there", "https://example.com/there", "http://other.example/there", "//there", "/there?x", "/new", "/a", "/there/", "", "/there\n/there"} {
		for _, condition := range []string{"", "\n", `</there> (["TAG"])`, ` </%74here>  ( [ "TAG" ] ) `, `<http://example.com/there> (["TAG"])`, `</there> ([W/"TAG"])`, `</there> (Not ["TAG"])`,
			`</there> (["x"] ["TAG"])`, `</there> (["x"]) (["TAG"])`, `</a> (["TAG"])`, `(["TAG"])`, `</there> (<urn:x> ["TAG"])`, `</there> (["TAG"]`, "\xff"} {
			f.Add(destination, condition)
		}
	}
	f.Fuzz(func(t *testing.T, destination, condition string) {
		b, err := mem.FromMap(map[string]string{"a": "new", "there": "old"})
		if err != nil {
			t.Fatal(err)
		}
		j := jailOver(t, b, allow("**"))
		info, err := j.Head(t.Context(), mustParse(t, "there"), vfs.Request{})
		if err != nil {
			t.Fatal(err)
		}
		tag := `"` + info.ETag + `"`
		condition = strings.ReplaceAll(condition, `"TAG"`, tag)
		r := httptest.NewRequest("COPY", "/a", nil)
		r.Header["Destination"] = strings.Split(destination, "\n")
		if condition != "" {
			r.Header["If"] = strings.Split(condition, "\n")
		}
		w := httptest.NewRecorder()
		server.New(j, server.Config{Write: true, Logger: quiet}).ServeHTTP(w, r)
		content := func(name string) string {
			text, err := j.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			return string(text)
		}
		if w.Code >= 500 || content("a") != "new" || (content("there") == "new") != (w.Code == 204) {
			t.Errorf("%q, %q: %d %s; there is %q", destination, condition, w.Code, w.Body, content("there"))
		}
		version := regexp.MustCompile(`^[ \t]*<[^>]+>[ \t]*\([ \t]*\[[ \t]*` + regexp.QuoteMeta(tag) + `[ \t]*\][ \t]*\)[ \t]*$`)
		if w.Code == 204 && condition != "" && !version.MatchString(condition) {
			t.Errorf("%q, %q: what is there was replaced", destination, condition)
		}
	})
}

// conditions models a request and the object that it is for, with its ETag (in quotes) and
// its date.
type conditions struct {
	header http.Header
	tag    string
	date   time.Time
}

// want returns the expected status. The request has a Range, too.
func (m *conditions) want(method string) int {
	write := method == "PUT" || method == "DELETE"
	if valid, strong, _ := m.tags("If-Match"); m.header["If-Match"] != nil {
		if !valid || !strong {
			return 412
		}
	} else if at, valid := m.at("If-Unmodified-Since"); valid && m.date.After(at) || !valid && write && m.header["If-Unmodified-Since"] != nil {
		return 412
	}
	if valid, _, weak := m.tags("If-None-Match"); m.header["If-None-Match"] != nil {
		switch {
		case write && (!valid || weak):
			return 412
		case weak && valid:
			return 304
		}
	} else if at, valid := m.at("If-Modified-Since"); !write && valid && !m.date.After(at) {
		return 304
	}
	switch {
	case write:
		return 204
	case method == "HEAD":
		return 200
	case m.header["If-Range"] == nil:
		return 206
	}
	// The object is less than a second old, so its date does not identify a version and
	// cannot be used for If-Range.
	if line := m.header["If-Range"]; len(line) == 1 && line[0] == m.tag {
		return 206
	}
	return 200
}

var (
	tagList = regexp.MustCompile(`^[ \t]*(?:(?:W/)?"[^\x00-\x20"\x7f]*"[ \t]*)?(?:,[ \t]*(?:(?:W/)?"[^\x00-\x20"\x7f]*"[ \t]*)?)*$`)
	oneTag  = regexp.MustCompile(`(?:W/)?"[^\x00-\x20"\x7f]*"`)
	anyTag  = regexp.MustCompile(`^[ \t]*\*[ \t]*$`)
)

// tags reports whether header key is well-formed, and whether it matches by strong and by
// weak comparison.
func (m *conditions) tags(key string) (valid, strong, weak bool) {
	list := strings.Join(m.header[key], ",")
	if anyTag.MatchString(list) {
		return true, true, true
	}
	found := oneTag.FindAllString(list, -1)
	valid = tagList.MatchString(list) && found != nil && len(strings.Join(m.header[key], "")) <= 16<<10
	return valid, slices.Contains(found, m.tag), slices.Contains(found, m.tag) || slices.Contains(found, "W/"+m.tag)
}

// at returns the date in header key, if there is a valid one.
func (m *conditions) at(key string) (time.Time, bool) {
	if len(m.header[key]) != 1 {
		return time.Time{}, false
	}
	t, err := http.ParseTime(m.header[key][0])
	_, asctime := time.Parse(time.ANSIC, m.header[key][0])
	return t, err == nil && (asctime == nil || strings.HasSuffix(m.header[key][0], " GMT"))
}

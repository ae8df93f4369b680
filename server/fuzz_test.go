package server_test

import (
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/server"
)

// oneRange is the only form of a Range that counts: one range, maybe among
// empty elements of the list.
var oneRange = regexp.MustCompile(`^(?i:bytes)=[ \t,]*([0-9]*)-([0-9]*)[ \t]*(?:,[ \t]*)*$`)

// expectRange says by arithmetic of any size what a Range gets of ten.
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

func FuzzConditions(f *testing.F) {
	h := server.New(jail(f, map[string]string{"a": ten}, allow("**")), server.Config{})
	do := func(method string, header http.Header) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, "/a", nil)
		r.Header = header
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	tag := do("HEAD", http.Header{}).Header().Get("Etag")
	for _, s := range []string{tag, "W/" + tag, "*", `"x", ` + tag, `"a,b"`, `"`, `W/`, "", ",", tag + "x", `""`, "Wed, 04 Mar 2026 05:06:07 GMT", "w/" + tag, "\xff"} {
		f.Add(s, s, s, s)
	}
	f.Fuzz(func(t *testing.T, match, noneMatch, date, ifRange string) {
		header := http.Header{"If-Match": {match}, "If-None-Match": {noneMatch}, "If-Modified-Since": {date}, "If-Unmodified-Since": {date}, "If-Range": {ifRange}, "Range": {"bytes=1-2"}}
		got, head := do("GET", header), do("HEAD", header)
		if got.Header().Get("Etag") != tag || head.Header().Get("Etag") != tag {
			t.Errorf("%v: no ETag", header)
		}
		if head.Code != got.Code && (head.Code != 200 || got.Code != 206) {
			t.Errorf("%v: HEAD %d, GET %d", header, head.Code, got.Code)
		}
		want := map[int]string{200: ten, 206: "12", 304: "", 412: "precondition failed\n"}
		if body, ok := want[got.Code]; !ok || got.Body.String() != body {
			t.Errorf("%v: %d %q", header, got.Code, got.Body)
		}
		// What does not hold the tag matches nothing but by "*".
		trimmed := func(s string) string { return strings.Trim(s, " \t") }
		names := func(s string) bool { return strings.Contains(s, tag) || trimmed(s) == "*" }
		if trimmed(match) != "" && !names(match) && got.Code != 412 {
			t.Errorf("If-Match %q: %d", match, got.Code)
		}
		if trimmed(noneMatch) != "" && !names(noneMatch) && got.Code == 304 {
			t.Errorf("If-None-Match %q: 304", noneMatch)
		}
		// A part is sent only to who names this very version.
		if at, err := http.ParseTime(ifRange); got.Code == 206 && ifRange != tag && (err != nil || !at.Equal(modTime)) {
			t.Errorf("If-Range %q: 206", ifRange)
		}
	})
}

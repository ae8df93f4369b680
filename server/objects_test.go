package server_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

const ten = "0123456789"

// Ranges, including those of net/http's own tests, and those that net/http answers
// differently.
func TestRanges(t *testing.T) {
	j := jail(t, map[string]string{"a": ten, "empty": ""}, allow("**"))
	url := start(t, server.New(j, server.Config{}))
	for _, c := range []struct {
		sent   string
		status int
		want   string // the body
		cr     string // Content-Range
	}{
		{"bytes=0-4", 206, "01234", "bytes 0-4/10"},
		{"bytes=2-", 206, "23456789", "bytes 2-9/10"},
		{"bytes=-5", 206, "56789", "bytes 5-9/10"},
		{"bytes=3-7", 206, "34567", "bytes 3-7/10"},
		{"bytes=0-0", 206, "0", "bytes 0-0/10"},
		{"bytes=9-9", 206, "9", "bytes 9-9/10"},
		{"bytes=5-1000", 206, "56789", "bytes 5-9/10"},
		{"bytes=-1000", 206, ten, "bytes 0-9/10"},
		{"bytes=0-", 206, ten, "bytes 0-9/10"},
		{"bytes=0-9", 206, ten, "bytes 0-9/10"},
		{"BYTES=0-1", 206, "01", "bytes 0-1/10"},
		{"bytes=00000000000000000000001-00000000000000000000002", 206, "12", "bytes 1-2/10"},
		{"bytes=0-99999999999999999999999", 206, ten, "bytes 0-9/10"},
		{"bytes=-99999999999999999999999", 206, ten, "bytes 0-9/10"},
		{"bytes= 0-1 ", 206, "01", "bytes 0-1/10"},
		{"bytes=,0-1,", 206, "01", "bytes 0-1/10"},

		{"items=0-1", 200, ten, ""},
		{"bytes", 200, ten, ""},
		{"bytes=", 200, ten, ""},
		{"bytes=x", 200, ten, ""},
		{"bytes=-", 200, ten, ""},
		{"bytes=5", 200, ten, ""},
		{"bytes=5-2", 200, ten, ""},
		{"bytes=99999999999999999999-5", 200, ten, ""},
		{"bytes=+1-2", 200, ten, ""},
		{"bytes=1-+2", 200, ten, ""},
		{"bytes=--2", 200, ten, ""},
		{"bytes=1-2-3", 200, ten, ""},
		{"bytes=0x1-2", 200, ten, ""},
		{"bytes=1 -2", 200, ten, ""},
		{"bytes=١-٢", 200, ten, ""},
		{"bytes:0-1", 200, ten, ""},
		{"bytes =0-1", 200, ten, ""},
		{"bytes=0-0,-2", 200, ten, ""},
		{"bytes=0-1,5-8", 200, ten, ""},
		{"bytes=0-1, x", 200, ten, ""},
		{"bytes=0-,1-,2-,3-,4-", 200, ten, ""},
		{"bytes=" + strings.Repeat(" ", 20<<10) + "0-1", 200, ten, ""},
		{"bytes=" + strings.Repeat("0-0,", 50_000), 200, ten, ""},

		{"bytes=10-", 416, "range not satisfiable\n", "bytes */10"},
		{"bytes=20-", 416, "range not satisfiable\n", "bytes */10"},
		{"bytes=10-20", 416, "range not satisfiable\n", "bytes */10"},
		{"bytes=-0", 416, "range not satisfiable\n", "bytes */10"},
		{"bytes=99999999999999999999-", 416, "range not satisfiable\n", "bytes */10"},
		{"bytes=99999999999999999998-99999999999999999999", 416, "range not satisfiable\n", "bytes */10"},
	} {
		r := get(t, "GET", url+"/a", "Range", c.sent)
		if r.Status != c.status || r.Body != c.want || r.Header.Get("Content-Range") != c.cr {
			t.Errorf("%.60q: %d %q %q, want %d %q %q", c.sent, r.Status, r.Body, r.Header.Get("Content-Range"), c.status, c.want, c.cr)
		}
		if r.Header.Get("Etag") == "" || r.Header.Get("Cache-Control") != "no-cache" {
			t.Errorf("%.60q: no ETag or Cache-Control", c.sent)
		}
		if r := get(t, "HEAD", url+"/a", "Range", c.sent); r.Status != 200 || r.Header.Get("Content-Length") != "10" || r.Header.Get("Content-Range") != "" {
			t.Errorf("HEAD %.60q: %d %v", c.sent, r.Status, r.Header)
		}
		if r := get(t, "GET", url+"/empty", "Range", c.sent); r.Status != 200 || r.Header.Get("Content-Length") != "0" || r.Header.Get("Content-Range") != "" {
			t.Errorf("of the empty object, %.60q: %d %v", c.sent, r.Status, r.Header)
		}
	}
	if r := get(t, "GET", url+"/a", "Range", "bytes=0-1", "Range", "bytes=0-1"); r.Status != 200 || r.Body != ten {
		t.Errorf("two Range headers: %d %q", r.Status, r.Body)
	}
}

// Preconditions are evaluated in the order of RFC 9110 section 13.2.2.
func TestPreconditions(t *testing.T) {
	j := jail(t, map[string]string{"a": ten}, allow("**"))
	url := start(t, server.New(j, server.Config{}))
	tag := get(t, "HEAD", url+"/a").Header.Get("Etag")
	const (
		same  = "Wed, 04 Mar 2026 05:06:07 GMT"
		older = "Wed, 04 Mar 2026 05:06:06 GMT"
		newer = "Wed, 04 Mar 2026 05:06:08 GMT"
	)
	long := strings.Repeat(`"x", `, 5000)
	for _, c := range []struct {
		name   string
		status int
		sent   []string
	}{
		{"no match", 200, []string{"If-None-Match", `"x"`}},
		{"match", 304, []string{"If-None-Match", tag}},
		{"weak match", 304, []string{"If-None-Match", "W/" + tag}},
		{"any", 304, []string{"If-None-Match", "*"}},
		{"in a list", 304, []string{"If-None-Match", `"x", W/"y" ,` + tag}},
		{"in a second line", 304, []string{"If-None-Match", `"x"`, "If-None-Match", tag}},
		{"with commas inside", 304, []string{"If-None-Match", `"a,b", ` + tag}},
		{"no quotes", 200, []string{"If-None-Match", strings.Trim(tag, `"`)}},
		{"after an invalid tag", 200, []string{"If-None-Match", `x, ` + tag}},
		{"empty", 200, []string{"If-None-Match", ""}},
		{"too long is ignored", 200, []string{"If-None-Match", long + tag}},
		{"None-Match overrides the date", 200, []string{"If-None-Match", `"x"`, "If-Modified-Since", same}},
		{"an invalid tag overrides the date", 200, []string{"If-None-Match", `x`, "If-Modified-Since", same}},
		{"a list that is too long overrides the date", 200, []string{"If-None-Match", long + tag, "If-Modified-Since", same}},
		{"bytes after the tag", 200, []string{"If-None-Match", tag + "1234"}},
		{"no comma", 200, []string{"If-None-Match", tag + ` "x"`}},
		{"before an invalid tag", 200, []string{"If-None-Match", tag + ", x"}},
		{"before a line with an invalid tag", 200, []string{"If-None-Match", tag, "If-None-Match", "x"}},
		{"any in a list", 200, []string{"If-None-Match", tag + ", *"}},
		{"any in two lines", 200, []string{"If-None-Match", "*", "If-None-Match", "*"}},
		{"any in quotes", 200, []string{"If-None-Match", `"*"`}},
		{"between empty elements", 304, []string{"If-None-Match", " , ,\t" + tag + " ,, "}},
		{"in lower case", 200, []string{"If-None-Match", "w/" + tag}},

		{"modified since, same", 304, []string{"If-Modified-Since", same}},
		{"modified since, newer", 304, []string{"If-Modified-Since", newer}},
		{"modified since, older", 200, []string{"If-Modified-Since", older}},
		{"modified since, RFC 850", 304, []string{"If-Modified-Since", "Wednesday, 04-Mar-26 05:06:07 GMT"}},
		{"modified since, asctime", 304, []string{"If-Modified-Since", "Wed Mar  4 05:06:07 2026"}},
		{"modified since, invalid", 200, []string{"If-Modified-Since", "tomorrow"}},
		{"modified since, epoch", 200, []string{"If-Modified-Since", "Thu, 01 Jan 1970 00:00:00 GMT"}},
		{"modified since, twice", 200, []string{"If-Modified-Since", same, "If-Modified-Since", same}},
		{"modified since, another zone", 200, []string{"If-Modified-Since", "Wednesday, 04-Mar-26 05:06:07 EST"}},
		{"modified since, the zero time of Go", 200, []string{"If-Modified-Since", "Mon, 01 Jan 0001 00:00:00 GMT"}},

		{"Match", 200, []string{"If-Match", tag}},
		{"Match any", 200, []string{"If-Match", "*"}},
		{"Match in a list", 200, []string{"If-Match", `"x",` + tag}},
		{"Match other", 412, []string{"If-Match", `"x"`}},
		{"Match weak", 412, []string{"If-Match", "W/" + tag}},
		{"Match nonsense", 412, []string{"If-Match", "x"}},
		{"Match list that is too long", 412, []string{"If-Match", long + tag}},
		{"Match with bytes after the tag", 412, []string{"If-Match", tag + "1234"}},
		{"Match without a comma", 412, []string{"If-Match", tag + ` "x"`}},
		{"Match before an invalid tag", 412, []string{"If-Match", tag + ", x"}},
		{"Match any in a list", 412, []string{"If-Match", "*, " + tag}},
		{"Match any in two lines", 412, []string{"If-Match", tag, "If-Match", "*"}},
		{"Match nothing", 412, []string{"If-Match", ""}},
		{"Match empty elements", 412, []string{"If-Match", ", ,"}},
		{"Match with an invalid tag overrides the date", 412, []string{"If-Match", "x", "If-Unmodified-Since", same}},
		{"Match before None-Match", 412, []string{"If-Match", `"x"`, "If-None-Match", tag}},
		{"Match, then None-Match", 304, []string{"If-Match", tag, "If-None-Match", tag}},
		{"Match before range", 412, []string{"If-Match", `"x"`, "Range", "bytes=0-1"}},
		{"Match overrides the date", 200, []string{"If-Match", tag, "If-Unmodified-Since", older}},

		{"unmodified since, same", 200, []string{"If-Unmodified-Since", same}},
		{"unmodified since, older", 412, []string{"If-Unmodified-Since", older}},
		{"unmodified since, invalid", 200, []string{"If-Unmodified-Since", "x"}},
		{"unmodified since, twice", 200, []string{"If-Unmodified-Since", older, "If-Unmodified-Since", older}},
		{"unmodified since, the zero time of Go", 412, []string{"If-Unmodified-Since", "Mon, 01 Jan 0001 00:00:00 GMT"}},

		{"None-Match before range", 304, []string{"If-None-Match", tag, "Range", "bytes=0-1"}},
		{"None-Match before a bad range", 304, []string{"If-None-Match", tag, "Range", "bytes=99-"}},

		{"If-Range tag", 206, []string{"If-Range", tag, "Range", "bytes=0-1"}},
		{"If-Range other tag", 200, []string{"If-Range", `"x"`, "Range", "bytes=0-1"}},
		{"If-Range weak", 200, []string{"If-Range", "W/" + tag, "Range", "bytes=0-1"}},
		{"If-Range date", 206, []string{"If-Range", same, "Range", "bytes=0-1"}},
		{"If-Range older", 200, []string{"If-Range", older, "Range", "bytes=0-1"}},
		{"If-Range newer", 200, []string{"If-Range", newer, "Range", "bytes=0-1"}},
		{"If-Range nonsense", 200, []string{"If-Range", "x", "Range", "bytes=0-1"}},
		{"If-Range with bytes after the tag", 200, []string{"If-Range", tag + "x", "Range", "bytes=0-1"}},
		{"If-Range twice", 200, []string{"If-Range", tag, "If-Range", tag, "Range", "bytes=0-1"}},
		{"If-Range in another zone", 200, []string{"If-Range", "Wednesday, 04-Mar-26 05:06:07 EST", "Range", "bytes=0-1"}},
		{"If-Range two tags", 200, []string{"If-Range", tag + ", " + tag, "Range", "bytes=0-1"}},
		{"If-Range fails before a bad range", 200, []string{"If-Range", `"x"`, "Range", "bytes=99-"}},
		{"If-Range alone", 200, []string{"If-Range", `"x"`}},
	} {
		for _, method := range []string{"GET", "HEAD"} {
			r := get(t, method, url+"/a", c.sent...)
			want := c.status
			if method == "HEAD" && want == 206 {
				want = 200
			}
			if r.Status != want {
				t.Errorf("%s, %s: %d, want %d", c.name, method, r.Status, want)
			}
			if r.Header.Get("Etag") != tag || r.Header.Get("Cache-Control") != "no-cache" {
				t.Errorf("%s, %s: ETag %q, Cache-Control %q", c.name, method, r.Header.Get("Etag"), r.Header.Get("Cache-Control"))
			}
			switch {
			case r.Status == 304 && (r.Body != "" || r.Header["Content-Length"] != nil || r.Header["Content-Type"] != nil):
				t.Errorf("%s, %s: 304 with a body, %v", c.name, method, r.Header)
			case r.Status == 200 && method == "GET" && r.Body != ten:
				t.Errorf("%s: body %q", c.name, r.Body)
			}
		}
	}
	// No precondition changes the response for a missing name.
	for _, sent := range [][]string{{"If-Match", "*"}, {"If-None-Match", "*"}, {"If-Match", `"x"`}, {"Range", "bytes=99-"}} {
		if r := get(t, "GET", url+"/missing", sent...); r.Status != 404 {
			t.Errorf("%v of a missing name: %d", sent, r.Status)
		}
	}
}

// An unknown modification time or ETag is not sent.
func TestUnknownValidators(t *testing.T) {
	url := start(t, server.New(jailOver(t, vfs.FromFS(fstest.MapFS{"a": {Data: []byte(ten)}}), allow("**")), server.Config{}))
	r := get(t, "GET", url+"/a", "If-Modified-Since", "Wed, 04 Mar 2026 05:06:07 GMT")
	if r.Status != 200 || r.Header["Last-Modified"] != nil || r.Header["Etag"] != nil {
		t.Errorf("%d %v", r.Status, r.Header)
	}
}

// Reproducible trees and archives set the same modification time on every file. Such times
// are not used as validators, since they do not change with the content.
func TestTimesThatSayNothing(t *testing.T) {
	const epoch = "Thu, 01 Jan 1970 00:00:01 GMT"
	for _, c := range []struct {
		mod  time.Time
		date string
	}{
		{time.Time{}, ""},
		{time.Unix(-1, 0), ""},
		{time.Unix(0, 0), ""},
		{time.Unix(0, 999_999_999), ""},
		{time.Unix(1, 0), ""},
		{time.Unix(1, 999_999_999), ""},
		{time.Unix(2, 0), "Thu, 01 Jan 1970 00:00:02 GMT"},
	} {
		j := jailOver(t, vfs.FromFS(fstest.MapFS{"a": {Data: []byte(ten), ModTime: c.mod}}), allow("**"))
		for name, h := range map[string]http.Handler{
			"New": server.New(j, server.Config{}),
			"SendFile": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				server.SendFile(w, r, j, "a", server.SendOptions{LastModified: c.mod})
			}),
		} {
			for _, cond := range []string{"If-Modified-Since", "If-Unmodified-Since", "If-Range"} {
				r := request(t, h, "GET", "/a", cond, epoch, "Range", "bytes=0-1")
				want := 206
				switch {
				case cond == "If-Range":
					want = 200
				case cond == "If-Unmodified-Since" && c.date != "":
					want = 412
				}
				tag := r.Header.Get("Etag")
				if r.Status != want || want != 412 && r.Header.Get("Last-Modified") != c.date || (tag != "") != (c.date != "") {
					t.Errorf("%s, %v, %s: %d %v, want %d, Last-Modified %q", name, c.mod, cond, r.Status, r.Header, want, c.date)
				}
			}
		}
	}
}

func TestMethods(t *testing.T) {
	b := counted(jailFS(map[string]string{"a": ten}))
	url := start(t, server.New(jailOver(t, b, allow("**")), server.Config{List: true}))
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND", "get"} {
		var first reply
		for _, path := range []string{"/a", "/missing", "/%2e%2e/x", "/"} {
			r := get(t, method, url+path)
			r.Header.Del("Date")
			if r.Status != 405 || r.Header.Get("Allow") != "GET, HEAD, OPTIONS" || r.Body != "method not allowed\n" {
				t.Errorf("%s %s: %d %v %q", method, path, r.Status, r.Header, r.Body)
			}
			if first.Header == nil {
				first = r
			}
			sameHeaders(t, r.Header, first.Header)
		}
	}
	for _, path := range []string{"/a", "/missing", "/%2e%2e/x", "/"} {
		r := get(t, "OPTIONS", url+path)
		if r.Status != 204 || r.Header.Get("Allow") != "GET, HEAD, OPTIONS" || r.Body != "" {
			t.Errorf("OPTIONS %s: %d %v", path, r.Status, r.Header)
		}
	}
	if n := b.calls.Load(); n != 0 {
		t.Errorf("%d backend calls", n)
	}
	w := httptest.NewRecorder()
	server.New(jailOver(t, b, allow("**")), server.Config{}).ServeHTTP(w, httptest.NewRequest("OPTIONS", "*", nil))
	if w.Code != 204 {
		t.Errorf("OPTIONS *: %d", w.Code)
	}
}

// The Content-Type depends on the name alone.
func TestContentTypes(t *testing.T) {
	const page = "<html><script>alert(1)</script>"
	for name, want := range map[string]string{
		"a.html": "text/html; charset=utf-8", "A.HTML": "text/html; charset=utf-8", "a.css": "text/css; charset=utf-8",
		"a.js": "text/javascript; charset=utf-8", "a.mjs": "text/javascript; charset=utf-8", "a.json": "application/json",
		"a.png": "image/png", "a.svg": "image/svg+xml", "a.svgz": "image/svg+xml", "a.wasm": "application/wasm",
		"a.txt": "text/plain; charset=utf-8", "a.pdf": "application/pdf", "a.woff2": "font/woff2", "a.mp4": "video/mp4",
		"a.go": "text/plain; charset=utf-8", "a.md": "text/markdown; charset=utf-8", "a.tar.gz": "application/gzip",
		"a": "application/octet-stream", "a.": "application/octet-stream", "a.unheard-of": "application/octet-stream",
		"html": "application/octet-stream", "a.averyveryverylongextension": "application/octet-stream", "a.htm l": "application/octet-stream",
	} {
		url := start(t, server.New(jail(t, map[string]string{name: page}, allow("**")), server.Config{}))
		r := get(t, "GET", url+"/"+strings.ReplaceAll(name, " ", "%20"))
		if r.Status != 200 || r.Header.Get("Content-Type") != want || r.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %d %v, want %s", name, r.Status, r.Header, want)
		}
		if enc := r.Header.Get("Content-Encoding"); (enc == "gzip") != strings.HasSuffix(name, ".svgz") {
			t.Errorf("%s: Content-Encoding %q", name, enc)
		}
		if r.Header["Content-Disposition"] != nil || r.Header["Content-Security-Policy"] != nil {
			t.Errorf("%s: trusted content, but %v", name, r.Header)
		}
	}
}

// Untrusted content never runs with the rights of the site.
func TestUntrustedContent(t *testing.T) {
	files := map[string]string{}
	for _, ext := range []string{"html", "htm", "xhtml", "svg", "svgz", "xml", "pdf", "mhtml", "js", "css", "swf", "wasm", "json", "zip", "unheard-of",
		"png", "jpg", "gif", "webp", "avif", "mp3", "mp4", "txt"} {
		files["a."+ext] = "<script>alert(1)</script>"
	}
	url := start(t, server.New(jail(t, files, allow("**")), server.Config{Content: server.ContentUntrusted}))
	for name := range files {
		r := get(t, "GET", url+"/"+name)
		inline := strings.Contains("a.png a.jpg a.gif a.webp a.avif a.mp3 a.mp4 a.txt", name)
		if got := r.Header.Get("Content-Disposition"); (got == "") != inline || !inline && !strings.HasPrefix(got, "attachment; ") {
			t.Errorf("%s: Content-Disposition %q", name, got)
		}
		if r.Header.Get("Content-Security-Policy") != "default-src 'none'; sandbox" || r.Header.Get("Cross-Origin-Resource-Policy") != "same-origin" {
			t.Errorf("%s: %v", name, r.Header)
		}
		if r.Header["Content-Encoding"] != nil {
			t.Errorf("%s: Content-Encoding on an attachment", name)
		}
	}
}

func TestMaxAge(t *testing.T) {
	url := start(t, server.New(jail(t, map[string]string{"a": ten}, allow("**")), server.Config{MaxAge: 90_500_000_000}))
	if got := get(t, "GET", url+"/a").Header.Get("Cache-Control"); got != "public, max-age=90" {
		t.Errorf("Cache-Control %q", got)
	}
	if got := get(t, "GET", url+"/b").Header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("of a missing name: %q", got)
	}
}

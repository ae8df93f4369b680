package server_test

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/access"
	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// sendFile calls SendFile for a request with headers given as pairs.
func sendFile(t testing.TB, method, name string, opts server.SendOptions, headers ...string) (*httptest.ResponseRecorder, error) {
	t.Helper()
	j := jail(t, map[string]string{
		"index.html": "<p>hello</p>", "static/a.txt": ten, "x.svgz": "svgz", "secret.txt": canary, "Ñandú.txt": "n", "static/Vögel/v.txt": "v", "empty": "",
	}, vfs.Policy{Allow: vfs.Patterns("**"), Deny: vfs.Patterns("secret.txt")})
	r := httptest.NewRequest(method, "/any/where", nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	err := server.SendFile(w, r, j, name, opts)
	return w, err
}

// The cases are those of werkzeug's and Flask's tests of send_file and send_from_directory,
// without file objects, text mode and StringIO (an object always has a name and bytes),
// X-Sendfile (sendfile is used instead), async and WSGI wrappers, and root_path (the jail
// is the root). Results that differ from theirs are marked.
func TestSendFile(t *testing.T) {
	other := time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, c := range []struct {
		name   string
		file   string
		opts   server.SendOptions
		sent   []string
		status int
		body   string
		want   map[string]string // "" if the header must be missing
	}{
		{"plain", "index.html", server.SendOptions{}, nil, 200, "<p>hello</p>", map[string]string{
			"Content-Type": "text/html; charset=utf-8", "Content-Length": "12", "Cache-Control": "no-cache", "Content-Disposition": "",
			"Last-Modified": "Wed, 04 Mar 2026 05:06:07 GMT", "Accept-Ranges": "bytes", "X-Content-Type-Options": "nosniff"}},
		{"below a directory", "static/a.txt", server.SendOptions{}, nil, 200, ten, nil},
		{"not ASCII", "static/Vögel/v.txt", server.SendOptions{}, nil, 200, "v", nil},
		{"mimetype", "static/a.txt", server.SendOptions{ContentType: "text/x-special"}, nil, 200, ten, map[string]string{"Content-Type": "text/x-special"}},
		{"mimetype with a line end", "static/a.txt", server.SendOptions{ContentType: "a/b\r\nX: y"}, nil, 200, ten, map[string]string{"Content-Type": "a/bX: y", "X": ""}},
		{"type of the download name", "static/a.txt", server.SendOptions{DownloadName: "x.png"}, nil, 200, ten, map[string]string{
			"Content-Type": "image/png", "Content-Disposition": "inline; filename=x.png; filename*=UTF-8''x.png"}}, // theirs: filename alone
		{"unknown type", "empty", server.SendOptions{}, nil, 200, "", map[string]string{"Content-Type": "application/octet-stream", "Content-Length": "0"}},
		{"as attachment", "index.html", server.SendOptions{AsAttachment: true}, nil, 200, "<p>hello</p>", map[string]string{
			"Content-Disposition": "attachment; filename=index.html; filename*=UTF-8''index.html"}},
		{"attachment, download name", "index.html", server.SendOptions{AsAttachment: true, DownloadName: "other.html"}, nil, 200, "<p>hello</p>", map[string]string{
			"Content-Disposition": "attachment; filename=other.html; filename*=UTF-8''other.html"}},
		{"accents lose their marks", "Ñandú.txt", server.SendOptions{AsAttachment: true}, nil, 200, "n", map[string]string{
			"Content-Disposition": "attachment; filename=Nandu.txt; filename*=UTF-8''%C3%91and%C3%BA.txt"}},
		{"no ASCII at all", "index.html", server.SendOptions{AsAttachment: true, DownloadName: "файл.html"}, nil, 200, "<p>hello</p>", map[string]string{
			"Content-Disposition": "attachment; filename=file.html; filename*=UTF-8''%D1%84%D0%B0%D0%B9%D0%BB.html"}}, // theirs: filename=.html
		{"svgz", "x.svgz", server.SendOptions{}, nil, 200, "svgz", map[string]string{"Content-Type": "image/svg+xml", "Content-Encoding": "gzip"}},
		{"svgz as attachment", "x.svgz", server.SendOptions{AsAttachment: true}, nil, 200, "svgz", map[string]string{"Content-Encoding": ""}},
		{"untrusted", "index.html", server.SendOptions{Content: server.ContentUntrusted}, nil, 200, "<p>hello</p>", map[string]string{
			"Content-Disposition": "attachment; filename=index.html; filename*=UTF-8''index.html", "Content-Security-Policy": "default-src 'none'; sandbox"}},
		{"untrusted, with ContentType", "index.html", server.SendOptions{Content: server.ContentUntrusted, ContentType: "Text/Plain"}, nil, 200, "<p>hello</p>", map[string]string{
			"Content-Disposition": ""}},

		{"max_age 0 in theirs", "index.html", server.SendOptions{MaxAge: -1}, nil, 200, "<p>hello</p>", map[string]string{"Cache-Control": "no-cache, max-age=0"}},
		{"max_age", "index.html", server.SendOptions{MaxAge: time.Minute}, nil, 200, "<p>hello</p>", map[string]string{"Cache-Control": "public, max-age=60", "Expires": ""}}, // theirs: with Expires
		{"max_age function", "index.html", server.SendOptions{MaxAge: time.Hour, MaxAgeFunc: func(n vfs.Name) time.Duration { return time.Duration(len(n.String())) * time.Second }},
			nil, 200, "<p>hello</p>", map[string]string{"Cache-Control": "public, max-age=10"}},
		{"max_age function returns 0", "index.html", server.SendOptions{MaxAge: time.Hour, MaxAgeFunc: func(vfs.Name) time.Duration { return 0 }},
			nil, 200, "<p>hello</p>", map[string]string{"Cache-Control": "no-cache"}},

		{"etag", "index.html", server.SendOptions{ETag: "mine"}, nil, 200, "<p>hello</p>", map[string]string{"Etag": `"mine"`}},
		{"etag that needs escaping", "index.html", server.SendOptions{ETag: "a\"b\r\n"}, nil, 200, "<p>hello</p>", map[string]string{"Etag": `"a%22b%0D%0A"`}},
		{"etag off", "index.html", server.SendOptions{NoETag: true}, nil, 200, "<p>hello</p>", map[string]string{"Etag": ""}},
		{"etag, known", "index.html", server.SendOptions{ETag: "mine"}, []string{"If-None-Match", `"mine"`}, 304, "", map[string]string{"Etag": `"mine"`}},
		{"etag, other", "index.html", server.SendOptions{ETag: "mine"}, []string{"If-None-Match", `"x"`}, 200, "<p>hello</p>", nil},
		{"etag, If-Match fails", "index.html", server.SendOptions{ETag: "mine"}, []string{"If-Match", `"x"`}, 412, "precondition failed\n", map[string]string{"Etag": `"mine"`}},
		{"etag off, known date", "index.html", server.SendOptions{NoETag: true}, []string{"If-Modified-Since", "Wed, 04 Mar 2026 05:06:07 GMT"}, 304, "", nil},
		{"last_modified", "index.html", server.SendOptions{LastModified: other}, nil, 200, "<p>hello</p>", map[string]string{"Last-Modified": "Thu, 02 Jan 2020 03:04:05 GMT"}},
		{"last_modified, known", "index.html", server.SendOptions{LastModified: other}, []string{"If-Modified-Since", "Thu, 02 Jan 2020 03:04:05 GMT"}, 304, "", nil},
		{"last_modified, older known", "index.html", server.SendOptions{LastModified: other}, []string{"If-Modified-Since", "Thu, 02 Jan 2020 03:04:04 GMT"}, 200, "<p>hello</p>", nil},

		{"range", "static/a.txt", server.SendOptions{}, []string{"Range", "bytes=4-"}, 206, "456789", map[string]string{"Content-Range": "bytes 4-9/10", "Content-Length": "6"}},
		{"range over the end", "static/a.txt", server.SendOptions{}, []string{"Range", "bytes=4-1000"}, 206, "456789", map[string]string{"Content-Range": "bytes 4-9/10"}},
		{"range, own tag", "static/a.txt", server.SendOptions{ETag: "mine"}, []string{"Range", "bytes=4-5", "If-Range", `"mine"`}, 206, "45", map[string]string{"Etag": `"mine"`}},
		{"range, If-Range fails", "static/a.txt", server.SendOptions{ETag: "mine"}, []string{"Range", "bytes=4-5", "If-Range", `"x"`}, 200, ten, map[string]string{"Etag": `"mine"`, "Content-Range": ""}},
		{"bad range, own tag", "static/a.txt", server.SendOptions{ETag: "mine"}, []string{"Range", "bytes=40-"}, 416, "range not satisfiable\n", map[string]string{"Content-Range": "bytes */10", "Etag": `"mine"`}},
		{"bad range, If-Range fails", "static/a.txt", server.SendOptions{ETag: "mine"}, []string{"Range", "bytes=40-", "If-Range", `"x"`}, 200, ten, map[string]string{"Etag": `"mine"`}},
		{"bad range, known", "static/a.txt", server.SendOptions{ETag: "mine"}, []string{"Range", "bytes=40-", "If-None-Match", "*"}, 304, "", nil},
		{"two ranges", "static/a.txt", server.SendOptions{}, []string{"Range", "bytes=1-2,4-5"}, 200, ten, nil},                              // theirs: 416
		{"weak If-Range", "static/a.txt", server.SendOptions{ETag: "m"}, []string{"Range", "bytes=4-5", "If-Range", `W/"m"`}, 200, ten, nil}, // theirs: 206
		{"unconditional", "static/a.txt", server.SendOptions{Unconditional: true}, []string{"Range", "bytes=4-", "If-None-Match", "*"}, 200, ten, nil},

		{"missing", "nothing", server.SendOptions{AsAttachment: true}, nil, 404, "not found\n", map[string]string{"Content-Disposition": "", "Cache-Control": "no-store"}},
		{"denied", "secret.txt", server.SendOptions{}, nil, 404, "not found\n", nil},
		{"directory", "static", server.SendOptions{}, nil, 404, "not found\n", nil},
		{"up", "../secret.txt", server.SendOptions{}, nil, 404, "not found\n", nil},
		{"up and down", "static/../index.html", server.SendOptions{}, nil, 404, "not found\n", nil}, // theirs: the file
		{"absolute", "/etc/passwd", server.SendOptions{}, nil, 404, "not found\n", nil},
		{"empty", "", server.SendOptions{}, nil, 404, "not found\n", nil},
		{"NUL", "index.html\x00", server.SendOptions{}, nil, 404, "not found\n", nil}, // theirs: once an exception
		{"backslash", `static\a.txt`, server.SendOptions{}, nil, 404, "not found\n", nil},
		{"a name is not decoded again", "index%2ehtml", server.SendOptions{}, nil, 404, "not found\n", nil},
	} {
		for _, method := range []string{"GET", "HEAD"} {
			w, err := sendFile(t, method, c.file, c.opts, c.sent...)
			status, body := c.status, c.body
			if method == "HEAD" {
				body = ""
				if status == 206 || status == 416 {
					continue // HEAD has no ranges
				}
			}
			if w.Code != status || w.Body.String() != body {
				t.Errorf("%s, %s: %d %q, want %d %q", c.name, method, w.Code, w.Body, status, body)
			}
			for key, want := range c.want {
				got := w.Header().Get(key)
				if want == "" && w.Header()[key] != nil || got != want {
					t.Errorf("%s, %s: %s %q, want %q", c.name, method, key, got, want)
				}
			}
			if (err == nil) != (status < 300) || status == 404 && !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: error %v", c.name, err)
			}
		}
	}
	if w, err := sendFile(t, "POST", "index.html", server.SendOptions{}); w.Code != http.StatusMethodNotAllowed || err != nil {
		t.Errorf("POST: %d %v", w.Code, err)
	}
}

// Every refused or missing name gets the same response, from SendFile and from the handler.
func TestSendFileMissesAlike(t *testing.T) {
	want, _ := sendFile(t, "GET", "missing", server.SendOptions{})
	for _, name := range []string{"secret.txt", "static", "../x", "", "\xff", strings.Repeat("a", 2000), "static/a.txt/"} {
		got, _ := sendFile(t, "GET", name, server.SendOptions{ETag: "x", AsAttachment: true, MaxAge: time.Hour})
		sameHeaders(t, got.Header(), want.Header())
		if got.Body.String() != want.Body.String() {
			t.Errorf("%q: %q", name, got.Body)
		}
	}
	byHandler := send(t, server.New(jail(t, yard, yardPolicy()), server.Config{}), "GET", "/missing.txt")
	sameHeaders(t, byHandler.Header(), want.Header())
}

// An object that the jail allows for the principal of a request is recorded with that
// principal, and kept out of shared caches whatever MaxAge the caller sets.
func TestSendFileForPrincipal(t *testing.T) {
	p := gatePolicy()
	p.Authorize = vfs.AuthorizeFunc(func(ctx context.Context, _ vfs.Op, n vfs.Name) error {
		if !strings.HasPrefix(n.String(), "public/") && auth.FromContext(ctx).Name != "alice" {
			return access.ErrDenied
		}
		return nil
	})
	p.Authorize = publicFolder{p.Authorize}
	jail, rec := jailOver(t, gateTree(), p), &recorder{}
	h := asPrincipal(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = server.SendFile(w, r, jail, r.URL.Path[1:], server.SendOptions{MaxAge: time.Minute, Recorder: rec, Logger: quiet})
	}))
	for i, tt := range []struct {
		target, as, cache string
		status            int
	}{
		{"/home/alice/a.txt", "alice", "private, no-store", 200},
		{"/home/alice/a.txt", "bob", "no-store", 404},
		{"/home/alice/a.txt", "", "no-store", 404},
		{"/public/p.txt", "alice", "public, max-age=60", 200},
		{"/public/p.txt", "", "public, max-age=60", 200},
	} {
		got := request(t, h, "GET", tt.target, "As", tt.as)
		if got.Status != tt.status || got.Header.Get("Cache-Control") != tt.cache {
			t.Errorf("%s as %q: %d %q, want %d %q", tt.target, tt.as, got.Status, got.Header.Get("Cache-Control"), tt.status, tt.cache)
		}
		want := auth.Principal{Name: tt.as}
		if a := rec.wait(t, i+1)[i]; a.Principal != want.String() {
			t.Errorf("%s as %q: recorded as %q", tt.target, tt.as, a.Principal)
		}
	}
}

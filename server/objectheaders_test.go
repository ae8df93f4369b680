package server_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/vfstest"
)

// Headers that middleware may have set before it calls the server: ofAnObject describe the
// object that the middleware expected, ofTheirOwn are its own.
var (
	ofAnObject = http.Header{
		"Content-Encoding": {"gzip"}, "Etag": {`"theirs"`}, "ETag": {`"theirs, too"`}, "Content-Type": {"text/html"}, "Content-Length": {"99"},
		"Content-Range": {"bytes 1-2/3"}, "Last-Modified": {"Tue, 01 Jan 2019 00:00:00 GMT"}, "Cache-Control": {"public, max-age=99"},
		"Content-Disposition": {"inline; filename=theirs"}, "Content-Language": {"de"}, "Content-Location": {"/theirs"}, "Expires": {"Fri, 01 Jan 2100 00:00:00 GMT"},
		"Accept-Ranges": {"bytes"}, "Content-Digest": {"sha-256=:x=:"}, "Repr-Digest": {"sha-256=:x=:"}, "Digest": {"x"}, "Content-Md5": {"x"},
	}
	ofTheirOwn = http.Header{
		"Access-Control-Allow-Origin": {"https://app.example"}, "Vary": {"Origin"}, "X-Frame-Options": {"DENY"}, "X-Request-Id": {"1"}, "Strict-Transport-Security": {"max-age=1"},
		"Set-Cookie": {"a=b"}, "Server": {"theirs"},
	}
)

// wrapped sets headers before it calls h.
func wrapped(h http.Handler, headers ...http.Header) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, set := range headers {
			for key, values := range set {
				w.Header()[key] = slices.Clone(values)
			}
		}
		h.ServeHTTP(w, r)
	})
}

// TestHeadersOfOthers: headers by which middleware describes an object are removed from
// responses that are not objects, and from objects if the server sets them itself. All
// other headers of the middleware stay in every response.
func TestHeadersOfOthers(t *testing.T) {
	newTree := func(t *testing.T) vfs.Backend {
		b, err := mem.FromMap(map[string]string{"a.txt": ten, "page.html": "<p>", "dir/b.txt": "b", "a.js": "js", "a.js.gz": "gz", "panics": "x", "fails": "x"})
		if err != nil {
			t.Fatal(err)
		}
		return vfstest.NewFaults(b,
			vfstest.Fault{Op: "open", Name: "panics", Do: func() { panic("on purpose") }},
			vfstest.Fault{Op: "open", Name: "fails", Err: vfs.ErrUnavailable},
		)
	}
	files := func(cfg server.Config) func(t *testing.T) http.Handler {
		return func(t *testing.T) http.Handler {
			cfg.Logger = quiet
			return server.New(jailOver(t, newTree(t), allow("**")), cfg)
		}
	}
	sendFile := func(opts server.SendOptions) func(t *testing.T) http.Handler {
		return func(t *testing.T) http.Handler {
			j := jailOver(t, newTree(t), allow("**"))
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				opts.Logger = quiet
				_ = server.SendFile(w, r, j, strings.TrimPrefix(r.URL.Path, "/"), opts)
			})
		}
	}
	reads := []string{
		"GET /a.txt", "HEAD /a.txt", "GET /a.txt Range: bytes=1-2", "GET /a.txt Range: bytes=99-", "GET /a.txt If-None-Match: *", "GET /a.txt If-Match: \"x\"",
		"GET /missing", "GET /dir", "GET /..", "GET /fails", "GET /panics", "POST /a.txt", "OPTIONS /a.txt", "GET /page.html",
	}
	for _, site := range []struct {
		name  string
		open  func(t *testing.T) http.Handler
		asked []string
	}{
		{"SendFile", sendFile(server.SendOptions{}), reads},
		{"SendFile, NoETag", sendFile(server.SendOptions{NoETag: true, AsAttachment: true}), reads},
		{"New", files(server.Config{}), reads},
		{"New, all on", files(server.Config{List: true, Write: true, Sidecars: true, Content: server.ContentUntrusted}), append([]string{
			"GET /dir/", "GET /", "GET / Accept: application/json", "HEAD /", "GET /a.js Accept-Encoding: gzip", "GET /a.js",
			"PUT /new.txt", "PUT /a.txt", "PUT /a.txt If-Match: \"x\"", "PUT /A.TXT", "PUT /aux", "PUT /a.txt Content-Encoding: gzip", "PUT /a.txt Content-Range: bytes 0-1/2", "DELETE /a.txt", "DELETE /missing",
		}, reads...)},
		{"Limit", func(t *testing.T) http.Handler {
			l := server.Limits{PerClient: server.NewRates(1e-9, 1)}
			h := server.Limit(files(server.Config{})(t), l)
			request(t, h, "GET", "/a.txt")
			return h
		}, []string{"GET /a.txt"}},
		{"NewUploads", func(t *testing.T) http.Handler { return uploadsInMemory(t, server.UploadConfig{}).handler }, []string{
			"POST /", "POST / Content-Disposition: attachment; filename=a", "GET /", "GET /missing", "PUT /", "GET /123e4567-e89b-42d3-a456-426614174000", "OPTIONS /",
		}},
	} {
		for _, asked := range site.asked {
			target, header, _ := strings.Cut(asked, ": ")
			words := strings.Fields(target)
			var headers []string
			if len(words) > 2 {
				headers = []string{words[2], header}
			}
			bare := requestBody(t, site.open(t), words[0], words[1], "body", headers...)
			got := requestBody(t, wrapped(site.open(t), ofAnObject, ofTheirOwn), words[0], words[1], "body", headers...)
			if got.Status != bare.Status || got.Body != bare.Body && !strings.Contains(bare.Body, `"id"`) {
				t.Errorf("%s, %s: %d %q, not %d %q", site.name, asked, got.Status, got.Body, bare.Status, bare.Body)
			}
			want := bare.Header.Clone()
			object := bare.Header.Get("Accept-Ranges") != ""
			for key, values := range ofAnObject {
				kept := object && slices.Contains([]string{"Content-Encoding", "Content-Language", "Content-Location", "Content-Disposition", "Expires", "Repr-Digest", "Digest"}, key) ||
					bare.Status == 304 && (key == "Content-Location" || key == "Expires")
				if kept && want[key] == nil {
					want[key] = values
				}
			}
			for key, values := range ofTheirOwn {
				want[key] = append(slices.Clone(values), want[key]...)
			}
			for _, key := range []string{"Etag", "Last-Modified", "Location", "Content-Length"} { // these belong to another tree and time
				if (key != "Content-Length" || words[0] == "POST") && want[key] != nil && got.Header[key] != nil && got.Header.Get(key) != ofAnObject.Get(key) {
					want[key] = got.Header[key]
				}
			}
			sameLines(t, site.name+", "+asked, got.Header, want)
		}
	}
}

func sameLines(t testing.TB, what string, got, want http.Header) {
	t.Helper()
	for key := range want {
		if !slices.Equal(got[key], want[key]) {
			t.Errorf("%s: %s: %q, want %q", what, key, got[key], want[key])
		}
	}
	for key := range got {
		if want[key] == nil {
			t.Errorf("%s: %s: %q, want none", what, key, got[key])
		}
	}
}

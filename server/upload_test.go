package server_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/server/internal/memcatalog"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A stored is a file in the response to an upload.
type stored struct {
	ID, Name, Type string
	Size           int64
	SHA256         string
	Created        string
	Owner          string
	Can            [1]string // "" without a right
}

// An uploadSite is an upload server in memory, or over a backend of the test.
type uploadSite struct {
	url     string
	backend vfs.Backend
	catalog *memcatalog.Catalog
	jail    *vfs.Jail
	handler http.Handler
}

// newUploads returns uploads in memory, without a listener. The header "As" sets the
// principal of a request.
func newUploads(t testing.TB, cfg server.UploadConfig) *uploadSite {
	t.Helper()
	return newUploadsOver(t, mem.New(), cfg)
}

func newUploadsOver(t testing.TB, b vfs.Backend, cfg server.UploadConfig) *uploadSite {
	t.Helper()
	s := &uploadSite{backend: b, catalog: &memcatalog.Catalog{}}
	s.jail = jailOver(t, b, catalog.Policy())
	if cfg.Logger == nil {
		cfg.Logger = quiet
	}
	s.handler = asPrincipal(server.NewUploads(s.jail, s.catalog, cfg))
	return s
}

func uploadsOver(t testing.TB, b vfs.Backend, cfg server.UploadConfig) *uploadSite {
	t.Helper()
	s := newUploadsOver(t, b, cfg)
	s.url = start(t, s.handler)
	return s
}

func uploadsInMemory(t testing.TB, cfg server.UploadConfig) *uploadSite {
	t.Helper()
	return uploadsOver(t, mem.New(), cfg)
}

func asPrincipal(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if as := r.Header.Get("As"); as != "" {
			r = r.WithContext(auth.WithPrincipal(r.Context(), auth.Principal{Name: as}))
		}
		h.ServeHTTP(w, r)
	})
}

// sendRequest sends a request with a body, and headers given as pairs.
func sendRequest(t testing.TB, method, url string, body io.Reader, headers ...string) reply {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	all, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{res.StatusCode, res.Header, string(all)}
}

// files returns the files in the response to a POST, which must be 201.
func (r reply) files(t testing.TB) []stored {
	t.Helper()
	if r.Status != http.StatusCreated {
		t.Fatalf("%d %q, want 201", r.Status, r.Body)
	}
	var answer struct{ Files []stored }
	d := json.NewDecoder(strings.NewReader(r.Body))
	d.DisallowUnknownFields()
	if err := d.Decode(&answer); err != nil {
		t.Fatalf("%v in %q", err, r.Body)
	}
	return answer.Files
}

// postRaw uploads content as a file called name.
func postRaw(t testing.TB, url, name, content string, headers ...string) stored {
	t.Helper()
	headers = append([]string{"Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name})}, headers...)
	return sendRequest(t, "POST", url+"/", strings.NewReader(content), headers...).files(t)[0]
}

// A formPart is a part of a multipart body; header is sent verbatim.
type formPart struct{ header, content string }

func filePart(filename, content string) formPart {
	return formPart{`Content-Disposition: form-data; name="f"; filename="` + filename + `"`, content}
}

const boundary = "the-boundary"

// form returns a multipart body.
func form(parts ...formPart) string {
	var b strings.Builder
	for _, p := range parts {
		fmt.Fprintf(&b, "--%s\r\n%s\r\n\r\n%s\r\n", boundary, p.header, p.content)
	}
	return b.String() + "--" + boundary + "--\r\n"
}

func postForm(t testing.TB, url string, body string, headers ...string) reply {
	t.Helper()
	headers = append([]string{"Content-Type", "multipart/form-data; boundary=" + boundary}, headers...)
	return sendRequest(t, "POST", url+"/", strings.NewReader(body), headers...)
}

func sum(content string) string {
	s := sha256.Sum256([]byte(content))
	return hex.EncodeToString(s[:])
}

// holds returns the number of catalog rows and of objects.
func (s *uploadSite) holds(t testing.TB) (rows, objects int) {
	t.Helper()
	for _, err := range s.catalog.All(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		rows++
	}
	for _, err := range s.backend.List(context.Background(), vfs.Root, "") {
		if err != nil {
			t.Fatal(err)
		}
		objects++
	}
	return rows, objects
}

func (s *uploadSite) wantEmpty(t testing.TB, what string) {
	t.Helper()
	if rows, objects := s.holds(t); rows != 0 || objects != 0 {
		t.Errorf("%s: %d rows and %d objects are left", what, rows, objects)
	}
}

func TestUploadRaw(t *testing.T) {
	s := uploadsInMemory(t, server.UploadConfig{})
	const content = "%PDF-1.7 and so on"
	r := sendRequest(t, "POST", s.url+"/", strings.NewReader(content), "Content-Disposition", `attachment; filename="Rechnung März.pdf"`, "Content-Type", "text/html", "As", "alice")
	f := r.files(t)[0]
	if id, err := uuid.Parse(f.ID); err != nil || id.Version() != 4 || id.String() != f.ID {
		t.Errorf("the ID is %q", f.ID)
	}
	if got, want := r.Header.Get("Location"), "/"+f.ID; got != want {
		t.Errorf("Location: %q, want %q", got, want)
	}
	want := stored{f.ID, "Rechnung März.pdf", "application/pdf", int64(len(content)), sum(content), f.Created, "alice", [1]string{"delete"}}
	if f != want {
		t.Errorf("got  %+v\nwant %+v", f, want)
	}

	got := get(t, "GET", s.url+"/"+f.ID)
	if got.Status != 200 || got.Body != content {
		t.Fatalf("GET: %d %q", got.Status, got.Body)
	}
	for key, want := range map[string]string{
		"Content-Type":                 "application/pdf",
		"Content-Disposition":          `attachment; filename="Rechnung Marz.pdf"; filename*=UTF-8''Rechnung%20M%C3%A4rz.pdf`,
		"Content-Security-Policy":      "default-src 'none'; sandbox",
		"Cross-Origin-Resource-Policy": "same-origin",
		"X-Content-Type-Options":       "nosniff",
	} {
		if got := got.Header.Values(key); len(got) != 1 || got[0] != want {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
	head := get(t, "HEAD", s.url+"/"+f.ID)
	head.Header.Del("Date")
	got.Header.Del("Date")
	sameHeaders(t, head.Header, got.Header)

	if r := get(t, "GET", s.url+"/"+f.ID, "If-None-Match", got.Header.Get("Etag")); r.Status != 304 {
		t.Errorf("with its ETag: %d", r.Status)
	}
	if r := get(t, "GET", s.url+"/"+f.ID, "Range", "bytes=1-3"); r.Status != 206 || r.Body != "PDF" {
		t.Errorf("a range: %d %q", r.Status, r.Body)
	}

	want.Can = [1]string{} // the record is the same for everyone
	for _, query := range []string{"?meta", "?meta="} {
		meta := get(t, "GET", s.url+"/"+f.ID+query)
		var rec stored
		if err := json.Unmarshal([]byte(meta.Body), &rec); meta.Status != 200 || err != nil || rec != want {
			t.Errorf("GET %s: %d %q, %v", query, meta.Status, meta.Body, err)
		}
		if head := get(t, "HEAD", s.url+"/"+f.ID+query); head.Status != 200 || head.Body != "" || head.Header.Get("Content-Type") != "application/json" {
			t.Errorf("HEAD %s: %+v", query, head)
		}
	}
	if r := get(t, "GET", s.url+"/"+f.ID+"?metadata"); r.Body != content {
		t.Errorf("another query: %q", r.Body)
	}

	missing := get(t, "GET", s.url+"/"+uuid.NewString())
	for _, who := range []string{"", "bob"} {
		if r := sendRequest(t, "DELETE", s.url+"/"+f.ID, nil, "As", who); r.Status != 404 || r.Body != missing.Body {
			t.Errorf("DELETE by %q: %d %q", who, r.Status, r.Body)
		}
	}
	if r := sendRequest(t, "DELETE", s.url+"/"+f.ID, nil, "As", "alice", "If-Match", `"other"`); r.Status != 412 {
		t.Errorf("DELETE of another version: %d", r.Status)
	}
	if r := sendRequest(t, "DELETE", s.url+"/"+f.ID, nil, "As", "alice", "If-Match", got.Header.Get("Etag")); r.Status != 204 || r.Body != "" {
		t.Errorf("DELETE: %d %q", r.Status, r.Body)
	}
	for _, target := range []string{"", "?meta"} {
		if r := get(t, "GET", s.url+"/"+f.ID+target); r.Status != 404 {
			t.Errorf("GET %s after DELETE: %d", target, r.Status)
		}
	}
	s.wantEmpty(t, "after the DELETE")
}

func TestUploadForm(t *testing.T) {
	s := uploadsInMemory(t, server.UploadConfig{})
	png := "\x89PNG\r\n\x1a\n" + strings.Repeat("x", 100)
	r := postForm(t, s.url, form(
		formPart{`Content-Disposition: form-data; name="comment"`, "a field"},
		filePart("a.html", "<p>a</p>"),
		formPart{"Content-Disposition: form-data; name=none; filename=\"\"\r\nContent-Type: application/octet-stream", ""},
		filePart("picture", png),
		filePart("", "no name"),
	))
	files := r.files(t)
	if got := r.Header.Get("Location"); got != "" {
		t.Errorf("Location for several files: %q", got)
	}
	want := []struct{ name, media, content, kind string }{
		{"a.html", "text/html; charset=utf-8", "<p>a</p>", "attachment"},
		{"picture", "image/png", png, "inline"},
		{"file", "text/plain; charset=utf-8", "no name", "inline"},
	}
	if len(files) != len(want) {
		t.Fatalf("got %+v", files)
	}
	for i, f := range files {
		w := want[i]
		if f.Name != w.name || f.Type != w.media || f.SHA256 != sum(w.content) || f.Owner != "" {
			t.Errorf("got %+v, want %+v", f, w)
		}
		r := get(t, "GET", s.url+"/"+f.ID)
		kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Disposition"))
		if r.Body != w.content || err != nil || kind != w.kind || params["filename"] != w.name {
			t.Errorf("%s: %q, %s %q %v", w.name, r.Body, kind, params, err)
		}
		// An upload without an owner may be deleted by anyone who knows its ID.
		if r := sendRequest(t, "DELETE", s.url+"/"+f.ID, nil, "As", "bob"); r.Status != 204 {
			t.Errorf("DELETE: %d", r.Status)
		}
	}
	s.wantEmpty(t, "after the DELETEs")
}

// TestUploadRoutes: only IDs have routes, in a single spelling.
func TestUploadRoutes(t *testing.T) {
	s := uploadsInMemory(t, server.UploadConfig{})
	f := postRaw(t, s.url, "a.txt", "content")
	pending := uuid.New()
	if err := s.catalog.Begin(t.Context(), catalog.Record{ID: pending}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.jail.Create(t.Context(), catalog.ObjectName(pending), strings.NewReader("x"), vfs.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	v7 := uuid.Must(uuid.NewV7())
	s.catalog.Put(catalog.Record{ID: v7, State: catalog.Ready})

	missing := request(t, s.handler, "GET", "/"+uuid.NewString())
	if missing.Status != 404 {
		t.Fatalf("missing: %d", missing.Status)
	}
	for _, target := range []string{
		"/", "//", "/?meta", "/" + f.ID + "/", "//" + f.ID, "/./" + f.ID, "/" + strings.ToUpper(f.ID), "/" + strings.ReplaceAll(f.ID, "-", ""),
		"/{" + f.ID + "}", "/urn:uuid:" + f.ID, "/" + f.ID + "%00", "/x/" + f.ID, "/" + f.ID + ".txt", "/a.txt", "/..", "/%2e%2e/etc/passwd", "/files",
		"/" + pending.String(), "/" + pending.String() + "?meta", "/" + v7.String(), "/" + v7.String() + "?meta",
	} {
		for _, method := range []string{"GET", "DELETE"} {
			if r := request(t, s.handler, method, target); r.Status != 404 || r.Body != missing.Body || fmt.Sprint(r.Header) != fmt.Sprint(missing.Header) {
				t.Errorf("%s %s: %+v, want %+v", method, target, r, missing)
			}
		}
		if r := request(t, s.handler, "HEAD", target); r.Status != 404 || r.Body != "" {
			t.Errorf("HEAD %s: %+v", target, r)
		}
	}
	if r := request(t, s.handler, "GET", "/"+f.ID); r.Body != "content" {
		t.Errorf("the object itself: %+v", r)
	}
	for _, tt := range []struct {
		method, target string
		status         int
		allow          string
	}{
		{"PUT", "/" + f.ID, 405, "GET, HEAD, POST, DELETE, OPTIONS"},
		{"PUT", "/", 405, "GET, HEAD, POST, DELETE, OPTIONS"},
		{"PATCH", "/x", 405, "GET, HEAD, POST, DELETE, OPTIONS"},
		{"POST", "/" + f.ID, 405, "GET, HEAD, DELETE, OPTIONS"},
		{"POST", "/x/", 405, "GET, HEAD, DELETE, OPTIONS"},
		{"POST", "//", 405, "GET, HEAD, DELETE, OPTIONS"},
		{"OPTIONS", "/", 204, "GET, HEAD, POST, DELETE, OPTIONS"},
		{"OPTIONS", "/x", 204, "GET, HEAD, POST, DELETE, OPTIONS"},
	} {
		if r := request(t, s.handler, tt.method, tt.target); r.Status != tt.status || r.Header.Get("Allow") != tt.allow {
			t.Errorf("%s %s: %d, Allow: %q", tt.method, tt.target, r.Status, r.Header.Get("Allow"))
		}
	}
}

var uuidName = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

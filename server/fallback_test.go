package server_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/backends/disk"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/ownfile"
)

func mustParse(t *testing.T, s string) vfs.Name {
	t.Helper()
	n, err := vfs.ParseName(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A single-page application answers for its routes, and for nothing that the rules refuse.
func TestFallback(t *testing.T) {
	files := map[string]string{"index.html": "app", "assets/a.js": "js", "secret/key": "secret", "docs/index.html": "docs"}
	p := vfs.Policy{Allow: vfs.Patterns("**"), Deny: vfs.Patterns("secret")}
	cfg := server.Config{Fallback: mustParse(t, "index.html"), FallbackFor: vfs.Patterns("**"), MaxAge: 1e12}
	url := start(t, server.New(jail(t, files, p), cfg))
	plain := start(t, server.New(jail(t, files, p), server.Config{MaxAge: 1e12}))
	for path, want := range map[string]string{
		"/":                  "app",
		"/users/42":          "app",
		"/users/42/":         "app",
		"/users/42?tab=1":    "app",
		"/assets":            "app",
		"/assets/":           "app",
		"/assets/missing.js": "app",
		"/assets/a.js":       "js",
		"/docs/":             "docs",
	} {
		r := get(t, "GET", url+path)
		if r.Status != 200 || r.Body != want {
			t.Errorf("%s: %d %q, want %q", path, r.Status, r.Body, want)
		}
		if fell := want == "app" && path != "/"; fell && (r.Header.Get("Cache-Control") != "no-cache" || r.Header.Get("Content-Type") != "text/html; charset=utf-8") {
			t.Errorf("%s: %v", path, r.Header)
		}
	}
	if r := get(t, "GET", url+"/users/42", "If-None-Match", get(t, "GET", url+"/").Header.Get("Etag")); r.Status != 304 {
		t.Errorf("a fallback that the client has: %d", r.Status)
	}
	if r := get(t, "HEAD", url+"/users/42"); r.Status != 200 || r.Body != "" || r.Header.Get("Content-Length") != "3" {
		t.Errorf("HEAD: %d %q %v", r.Status, r.Body, r.Header)
	}
	for _, path := range []string{"/secret/key", "/secret/none", "/secret", "/secret/", "/.env", "/a/../secret/key", "/a%2fb", "/a%00", "//", "/SECRET/key"} {
		got, want := get(t, "GET", url+path), get(t, "GET", plain+path)
		if got.Status != 404 || got.Body != want.Body || len(got.Header) != len(want.Header) {
			t.Errorf("%s: %d %q, want the 404 of a server without a fallback", path, got.Status, got.Body)
		}
	}
	some := start(t, server.New(jail(t, files, p), server.Config{Fallback: mustParse(t, "index.html"), FallbackFor: vfs.Patterns("app/**")}))
	for path, want := range map[string]int{"/app/x": 200, "/app/x/y": 200, "/other": 404, "/assets/none": 404} {
		if r := get(t, "GET", some+path); r.Status != want {
			t.Errorf("with FallbackFor, %s: %d, want %d", path, r.Status, want)
		}
	}
	// What may not be read falls back to nothing.
	hidden := start(t, server.New(jail(t, files, vfs.Policy{Allow: vfs.Patterns("assets/**")}), server.Config{Fallback: mustParse(t, "index.html")}))
	if r := get(t, "GET", hidden+"/assets/none"); r.Status != 404 {
		t.Errorf("a fallback that the rules refuse: %d %q", r.Status, r.Body)
	}
}

// What cannot be served although the rules allow it is not told from what is missing.
func TestFallbackTellsNothing(t *testing.T) {
	dir := t.TempDir()
	write := func(name string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("index.html")
	write("own.key")
	defer ownfile.Hold(ownfile.File{Path: filepath.Join(dir, "own.key")})()
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "link")); err != nil {
		t.Skip(err)
	}
	if err := os.Symlink("/etc", filepath.Join(dir, "dirlink")); err != nil {
		t.Fatal(err)
	}
	b, err := disk.New(dir, disk.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	url := start(t, server.New(jailOver(t, b, allow("**")), server.Config{Fallback: mustParse(t, "index.html"), Logger: quiet}))
	for _, path := range []string{"/none", "/link", "/dirlink", "/dirlink/passwd", "/own.key", "/dirlink/"} {
		if r := get(t, "GET", url+path); r.Status != 200 || r.Body != "index.html" {
			t.Errorf("%s: %d %q", path, r.Status, r.Body)
		}
	}
}

func TestIndexFiles(t *testing.T) {
	files := map[string]string{"a/index.htm": "htm", "b/index.html": "html", "b/index.htm": "other", "c/default.html": "default"}
	url := start(t, server.New(jail(t, files, allow("**")), server.Config{Index: []string{"index.html", "index.htm"}}))
	for path, want := range map[string]string{"/a/": "htm", "/b/": "html", "/c/": "not found\n"} {
		if r := get(t, "GET", url+path); r.Body != want {
			t.Errorf("%s: %d %q, want %q", path, r.Status, r.Body, want)
		}
	}
	if r := get(t, "GET", url+"/a"); r.Status != http.StatusPermanentRedirect {
		t.Errorf("a directory with an index file, without its slash: %d", r.Status)
	}
	for _, bad := range [][]string{{"a/b"}, {""}, {".."}, {"a/"}} {
		if !panics(func() { server.New(jail(t, files, allow("**")), server.Config{Index: bad}) }) {
			t.Errorf("Index %q was accepted", bad)
		}
	}
}

func panics(f func()) (did bool) {
	defer func() { did = recover() != nil }()
	f()
	return false
}

// The page for refusals is one for all of them.
func TestNotFoundPage(t *testing.T) {
	page := "<!doctype html><title>Nothing here</title>"
	files := map[string]string{"pub/a": "a", "secret": "s", "pub/dir/x": "x"}
	url := start(t, server.New(jail(t, files, allow("pub/**")), server.Config{NotFound: []byte(page)}))
	first := get(t, "GET", url+"/pub/none")
	if first.Status != 404 || first.Body != page || first.Header.Get("Content-Type") != "text/html; charset=utf-8" || first.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %q %v", first.Status, first.Body, first.Header)
	}
	for _, path := range []string{"/secret", "/none", "/pub/dir", "/pub/", "/", "/pub/../secret", "/%00", "/pub/.env"} {
		r := get(t, "GET", url+path)
		r.Header.Set("Date", first.Header.Get("Date"))
		if r.Status != 404 || r.Body != page || len(r.Header) != len(first.Header) {
			t.Errorf("%s: %d %q %v", path, r.Status, r.Body, r.Header)
		}
	}
	if r := get(t, "HEAD", url+"/none"); r.Status != 404 || r.Body != "" {
		t.Errorf("HEAD: %d %q", r.Status, r.Body)
	}
	if !panics(func() {
		server.New(jail(t, files, allow("pub/**")), server.Config{NotFound: []byte(strings.Repeat("x", 1<<20))})
	}) {
		t.Error("a page of 1 MiB was accepted")
	}
}

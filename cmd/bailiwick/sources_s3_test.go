//go:build unix

package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
)

// A directory over a bucket: the bucket is asked once for what the directory does not have,
// never written to, and what is removed stays removed. A cache is in front of the bucket
// only.
func TestServeDirectoryOverBucket(t *testing.T) {
	s := startBucketSite(t)
	dir := tree(t, map[string]string{"site/index.html": "of the directory"})
	site, cache := filepath.Join(dir, "site"), filepath.Join(dir, "cache")
	for _, cached := range []bool{false, true} {
		args := []string{"serve", site, s.source, "--allow", "**/*.html", "--deny", "drafts", "--write", "--list", "--listen", "127.0.0.1:0"}
		if cached {
			args = append(args, "--cache", cache, "--cache-ttl", "1h", "--cache-size", "64MiB")
		}
		p := start(t, args...)
		asks := func(request string, status int, body string, calls ...string) {
			t.Helper()
			s.gateway.Reset(t)
			if got := exchange(t, p.url, request, ""); got.status != status || body != "" && got.body != body {
				t.Errorf("cached %t: %s: %d %q, want %d %q", cached, request, got.status, got.body, status, body)
			}
			var made []string
			for _, r := range s.gateway.Requests(t) {
				made = append(made, r.Op)
			}
			if !slices.Equal(made, calls) {
				t.Errorf("cached %t: %s cost %q, want %q", cached, request, made, calls)
			}
		}
		asks("GET /index.html", 200, "of the directory")
		asks("GET /docs/a.html", 200, "a", "GetObject")
		if cached {
			asks("GET /docs/a.html", 200, "a")
		} else {
			asks("GET /docs/a.html", 200, "a", "GetObject")
		}
		asks("GET /missing.html", 404, "", "GetObject")
		asks("GET /docs/a.png", 404, "")
		asks("GET /.bailiwick-overlay/", 404, "")
		p.stop()
	}
	// The second server finds the cache of the first one, in a directory of its own.
	caches, err := filepath.Glob(filepath.Join(cache, "*", "bailiwick-cache"))
	if err != nil || len(caches) != 1 {
		t.Errorf("the cache directories are %q, %v", caches, err)
	}

	p := start(t, "serve", site, s.source, "--allow", "**/*.html", "--write", "--list", "--listen", "127.0.0.1:0", "--cache", cache, "--cache-ttl", "1h")
	if got := change(t, "DELETE", p.url+"/docs/a.html", ""); got != 204 {
		t.Errorf("DELETE: %d", got)
	}
	if got := change(t, "PUT", p.url+"/new.html", "new"); got != 201 {
		t.Errorf("PUT: %d", got)
	}
	for range 2 {
		for path, want := range map[string]int{"/docs/a.html": 404, "/new.html": 200, "/index.html": 200} {
			if status, _ := get(t, p.url+path); status != want {
				t.Errorf("GET %s: %d, want %d", path, status, want)
			}
		}
		p.stop()
		p = start(t, "serve", site, s.source, "--allow", "**/*.html", "--listen", "127.0.0.1:0")
	}
	if code, stdout, _ := runCommand(t, "stat", s.source, "docs/a.html"); code != cli.ExitDone || !strings.Contains(stdout, "size: 1\n") {
		t.Errorf("the object in the bucket: %d %s", code, stdout)
	}
	if _, err := os.Stat(filepath.Join(site, "new.html")); err != nil {
		t.Error(err)
	}
	_, stdout, _ := runCommand(t, "scan", site, s.source, "--allow", "**/*.html")
	for line, want := range map[string]bool{
		"allowed\tindex.html\t**/*.html\tin " + site + "\n": true, "docs/a.html": false, ".bailiwick-overlay": false, "\tin " + s.source + "\n": true,
	} {
		if strings.Contains(stdout, line) != want {
			t.Errorf("scan has %q: %t\n%s", line, !want, stdout)
		}
	}

	// A readiness probe asks each source.
	p = start(t, "serve", site, s.source, "--allow", "**/*.html", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0")
	s.gateway.Reset(t)
	if status, _ := get(t, p.admin+"/readyz"); status != 200 {
		t.Errorf("readyz: %d", status)
	}
	if asked := s.gateway.Requests(t); len(asked) != 1 {
		t.Errorf("readyz cost %v", asked)
	}
	s.gateway.Stop()
	if status, _ := get(t, p.admin+"/readyz"); status != 503 {
		t.Errorf("readyz without the bucket: %d", status)
	}
	// A source that fails never looks like one without the object.
	for path, want := range map[string]int{"/index.html": 200, "/docs/b.html": 503, "/missing.html": 503} {
		if status, _ := get(t, p.url+path); status != want {
			t.Errorf("GET %s without the bucket: %d, want %d", path, status, want)
		}
	}
}

// A bucket over a bucket, both cached: what clients change is seen at once, and after a
// restart that finds the same caches.
func TestServeBucketOverBucket(t *testing.T) {
	s := startBucketSite(t)
	upper := "s3://" + s.gateway.Bucket(t, "bailiwick-upper").Name + at(s.gateway)
	cache := t.TempDir()
	serve := func() *process {
		t.Helper()
		return start(t, "serve", upper, s.source, "--allow", "**/*.html", "--allow", ".*/**", "--write", "--list", "--listen", "127.0.0.1:0", "--cache", cache, "--cache-ttl", "1h", "--cache-stale", "1h")
	}
	p := serve()
	if status, body := get(t, p.url+"/docs/a.html"); status != 200 || body != "a" {
		t.Fatalf("%d %q", status, body)
	}
	for _, c := range []struct {
		request, body string
		status        int
	}{
		{"DELETE /docs/a.html", "", 204}, {"DELETE /docs/a.html", "", 404}, {"PUT /index.html", "replaced", 204}, {"PUT /new.html", "new", 201}, {"DELETE /new.html", "", 204},
	} {
		method, path, _ := strings.Cut(c.request, " ")
		if got := change(t, method, p.url+path, c.body); got != c.status {
			t.Errorf("%s: %d, want %d", c.request, got, c.status)
		}
	}
	check := func() {
		t.Helper()
		for path, want := range map[string]string{"/docs/a.html": "not found\n", "/index.html": "replaced", "/new.html": "not found\n", "/.bailiwick-overlay/": "not found\n"} {
			if _, body := get(t, p.url+path); body != want {
				t.Errorf("GET %s: %q, want %q", path, body, want)
			}
		}
		_, listing := p.do(t, "", "/", asJSON)
		if !strings.Contains(listing, `"index.html"`) || strings.Contains(listing, "overlay") {
			t.Error(listing)
		}
	}
	check()
	p.stop()
	p = serve()
	check()
	p.stop()
	if caches, err := filepath.Glob(filepath.Join(cache, "*", "bailiwick-cache")); err != nil || len(caches) != 2 {
		t.Errorf("the cache directories are %q, %v", caches, err)
	}
	if _, stdout, _ := runCommand(t, "ls", upper, "--dotfiles"); !strings.Contains(stdout, ".bailiwick-overlay/") {
		t.Errorf("the first bucket has %q", stdout)
	}
}

//go:build unix

package main

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

const page = "<!DOCTYPE html><script>alert(document.cookie)</script>"

// put uploads the page to a path.
func (p *process) put(t *testing.T, path string) {
	t.Helper()
	resp, body := p.do(t, "", path, func(r *http.Request) {
		r.Method = http.MethodPut
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(page)), int64(len(page))
	})
	if resp.StatusCode != 201 && resp.StatusCode != 204 {
		t.Fatalf("PUT %s: %d %q", path, resp.StatusCode, body)
	}
}

// shown reports whether a browser would render the page with this site's origin.
func (p *process) shown(t *testing.T, path string) bool {
	t.Helper()
	resp, body := p.do(t, "", path)
	if resp.StatusCode != 200 || body != page {
		t.Fatalf("GET %s: %d %q", path, resp.StatusCode, body)
	}
	download := strings.HasPrefix(resp.Header.Get("Content-Disposition"), "attachment")
	sandboxed := strings.Contains(resp.Header.Get("Content-Security-Policy"), "sandbox")
	if download != sandboxed {
		t.Errorf("GET %s: %v", path, resp.Header)
	}
	return !download
}

// A page that a client uploaded never runs with this site's origin: not from the mount
// that accepted it, nor from any other whose source overlaps.
func TestContentGoesBySource(t *testing.T) {
	dir := tree(t, map[string]string{"www/a.html": page, "www/pub/x": "", "own/a.html": page})
	if err := os.Symlink(filepath.Join("www", "pub"), filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	writeConfig(t, dir, `
access_log: {file: "off"}
mounts:
  - {path: /, source: www, allow: ["**"]}
  - {path: /edit, source: www/pub, allow: ["**"], write: true}
  - {path: /linked, source: link, allow: ["**"]}
  - {path: /same, source: ./own/../www/pub, allow: ["**"]}
  - {path: /said, source: www/pub, allow: ["**"], content: trusted}
  - {path: /own, source: own, allow: ["**"]}
  - {path: /mem, source: "mem:", allow: ["**"]}
  - {path: /memedit, source: "mem:", allow: ["**"], write: true}
`)
	p := launch(t, command("serve", "--config", filepath.Join(dir, "bailiwick.yaml")))
	p.put(t, "/edit/put.html")
	p.put(t, "/memedit/put.html")
	for path, shown := range map[string]bool{
		"/edit/put.html": false, "/pub/put.html": false, "/linked/put.html": false, "/same/put.html": false, "/a.html": false,
		"/mem/put.html": false, "/memedit/put.html": false,
		"/said/put.html": true, "/own/a.html": true, // the controls
	} {
		if p.shown(t, path) != shown {
			t.Errorf("GET %s: shown: %v", path, !shown)
		}
	}
	p.await(regexp.MustCompile(`^/: content: untrusted, since clients can write to it by /edit: `))
	p.await(regexp.MustCompile(`^/said: content: trusted, though clients can write to it by /edit: `))
}

// A reload that lets clients write makes the content of overlapping mounts untrusted.
func TestContentChangesByReload(t *testing.T) {
	const mounts = `
access_log: {file: "off"}
landlock: off
mounts:
  - {path: /, source: www, allow: ["**"]}
  - {path: /edit, source: www, allow: ["**"], write: WRITE}
`
	with := func(write string) string { return strings.ReplaceAll(mounts, "WRITE", write) }
	p, dir := configured(t, with("false"), map[string]string{"www/a.html": page})
	if !p.shown(t, "/a.html") {
		t.Error("the operator's own page is a download")
	}
	for i, write := range []string{"true", "false"} {
		writeConfig(t, dir, with(write))
		p.signal(syscall.SIGHUP)
		p.awaitCount(regexp.MustCompile(`^reloaded`), i+1)
		if p.shown(t, "/a.html") != (write == "false") {
			t.Errorf("after a reload with write: %s: shown: %v", write, write == "true")
		}
	}
	// A reload that adds uploads below a mount is refused and changes nothing.
	writeConfig(t, dir, `
access_log: {file: "off"}
landlock: off
mounts:
  - {path: /, source: www, allow: ["**"]}
  - {path: /up, source: www/up, uploads: {catalog: "sqlite:c.db"}}
`)
	p.signal(syscall.SIGHUP)
	p.await(regexp.MustCompile(`^reload refused, .*mounts\[0\]\.source: it contains the uploads of the mount at `))
	if !p.shown(t, "/a.html") {
		t.Error("a refused reload changed the content setting")
	}
}

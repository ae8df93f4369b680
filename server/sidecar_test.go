package server_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/backends/disk"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

func TestSidecars(t *testing.T) {
	files := tree(map[string]string{
		"a.js": "original", "a.js.br": "brotli", "a.js.gz": "gzipped!", "a.js.zst": "zstandard",
		"old.js": "original", "old.js.gz": "older", "denied.js": "original", "denied.js.gz": canary,
		"alone.js.gz": "no original", "plain.js": "plain",
	})
	files["old.js.gz"].ModTime = modTime.Add(-time.Minute)
	p := allow("**")
	p.Deny = vfs.Patterns("denied.js.gz")
	url := start(t, server.New(jailOver(t, vfs.FromFS(files), p), server.Config{Sidecars: true}))
	for _, c := range []struct{ path, accept, body, encoding string }{
		{"/a.js", "", "original", ""},
		{"/a.js", "identity", "original", ""},
		{"/a.js", "gzip", "gzipped!", "gzip"},
		{"/a.js", "x-gzip", "gzipped!", "gzip"},
		{"/a.js", "GZIP", "gzipped!", "gzip"},
		{"/a.js", "gzip, br", "brotli", "br"},
		{"/a.js", "gzip, deflate, br, zstd", "brotli", "br"},
		{"/a.js", "zstd, gzip", "zstandard", "zstd"},
		{"/a.js", "br;q=0.5, gzip;q=0.9", "gzipped!", "gzip"},
		{"/a.js", "br;q=0, gzip", "gzipped!", "gzip"},
		{"/a.js", "*", "brotli", "br"},
		{"/a.js", "br;q=0, *", "zstandard", "zstd"},
		{"/a.js", "*;q=0", "original", ""},
		{"/a.js", "gzip;q=0.5, identity", "original", ""},
		{"/a.js", "gzip;q=abc", "original", ""},
		{"/old.js", "gzip", "original", ""},
		{"/denied.js", "gzip", "original", ""},
		{"/plain.js", "gzip, br, zstd", "plain", ""},
		{"/a.js.gz", "gzip", "gzipped!", ""},
	} {
		r := get(t, "GET", url+c.path, "Accept-Encoding", c.accept)
		if r.Status != 200 || r.Body != c.body || r.Header.Get("Content-Encoding") != c.encoding || r.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%s, %q: %d %q %v", c.path, c.accept, r.Status, r.Body, r.Header)
		}
		if c.encoding != "" && r.Header.Get("Content-Type") != "text/javascript; charset=utf-8" {
			t.Errorf("%s, %q: %v", c.path, c.accept, r.Header)
		}
		same := get(t, "GET", url+c.path, "Accept-Encoding", c.accept, "If-None-Match", r.Header.Get("Etag"))
		if same.Status != 304 || same.Header.Get("Vary") != "Accept-Encoding" || same.Header.Get("Etag") != r.Header.Get("Etag") {
			t.Errorf("%s, %q: %d %v", c.path, c.accept, same.Status, same.Header)
		}
	}
	if r := get(t, "GET", url+"/alone.js", "Accept-Encoding", "gzip"); r.Status != 404 || r.Header["Vary"] != nil {
		t.Errorf("without its original: %d %v", r.Status, r.Header)
	}
	if r := get(t, "GET", url+"/a.js", "Accept-Encoding", "gzip", "Range", "bytes=0-1"); r.Status != 206 || r.Body != "gz" || r.Header.Get("Content-Range") != "bytes 0-1/8" {
		t.Errorf("a range: %d %q %v", r.Status, r.Body, r.Header)
	}
	tags := map[string]bool{}
	for _, accept := range []string{"", "br", "gzip", "zstd"} {
		tags[get(t, "HEAD", url+"/a.js", "Accept-Encoding", accept).Header.Get("Etag")] = true
	}
	if len(tags) != 4 { // gzip and the original have the same size and time
		t.Errorf("tags %v", tags)
	}
}

// A sidecar that is in another layer than the original was made from another file, however
// new it is.
func TestSidecarsOfLayers(t *testing.T) {
	files := tree(map[string]string{"own.js": "own", "own.js.br": "of own", "over.js": "over", "over.js.br": "of another", "over.js.gz": "of over"})
	files["over.js.br"].ModTime = modTime.Add(time.Minute)
	b := answeringBackend{vfs.FromFS(files), nil, map[string]int{"own.js": 2, "own.js.br": 2, "over.js": 1, "over.js.br": 2, "over.js.gz": 1}}
	url := start(t, server.New(jailOver(t, b, allow("**")), server.Config{Sidecars: true}))
	for _, method := range []string{"GET", "HEAD"} {
		for _, c := range []struct{ path, accept, encoding, body string }{
			{"/own.js", "br", "br", "of own"}, {"/over.js", "br", "", "over"}, {"/over.js", "br, gzip", "gzip", "of over"},
		} {
			want := c.body
			if method == "HEAD" {
				want = ""
			}
			r := get(t, method, url+c.path, "Accept-Encoding", c.accept)
			if r.Status != 200 || r.Body != want || r.Header.Get("Content-Encoding") != c.encoding {
				t.Errorf("%s %s, %s: %d %q %v", method, c.path, c.accept, r.Status, r.Body, r.Header)
			}
		}
	}
}

// agedFiles returns a backend over a directory with files whose content is their name. The number
// of each is its time, in minutes.
func agedFiles(t *testing.T, files map[string]int) vfs.Backend {
	t.Helper()
	dir, start := t.TempDir(), time.Now().Add(-time.Hour)
	for name, minutes := range files {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, time.Time{}, start.Add(time.Duration(minutes)*time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	b, err := disk.New(dir, disk.Options{Writable: true, SkipSelfTest: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// A sidecar that was older than its original is so, too, after both were copied or moved, in
// either order.
func TestSidecarOfMoved(t *testing.T) {
	for _, method := range []string{"COPY", "MOVE"} {
		for _, order := range [][]string{{"", ".gz"}, {".gz", ""}} {
			b := agedFiles(t, map[string]int{"a.css": 2, "a.css.gz": 1})
			h := server.New(jailOver(t, b, allow("**")), server.Config{Write: true, Sidecars: true, Content: server.ContentTrusted})
			for _, suffix := range order {
				if r := sendTo(t, h, method, "/a.css"+suffix, "", "Destination", "/b.css"+suffix); r.Status != 201 {
					t.Fatalf("%s of a.css%s: %d %q", method, suffix, r.Status, r.Body)
				}
			}
			if r := sendTo(t, h, "GET", "/b.css", "", "Accept-Encoding", "gzip"); r.Body != "a.css" {
				t.Errorf("%s %q: %d %q", method, order, r.Status, r.Body)
			}
		}
	}
}

// An object that is copied or moved to the name of another one does not get its sidecar,
// although it can be older than that: clients that accept encodings would get the previous
// content for good.
func TestSidecarOfReplaced(t *testing.T) {
	for _, method := range []string{"COPY", "MOVE"} {
		for _, removes := range []bool{false, true} {
			for what, cfg := range map[string]server.Config{"own": {Sidecars: true}, "beside": {SidecarsBeside: true}} {
				b := agedFiles(t, map[string]int{"old.css": 1, "style.css": 2, "style.css.gz": 3})
				cfg.Write, cfg.Content = true, server.ContentTrusted
				h := server.New(jailOver(t, b, allow("**")), cfg)
				serving := server.New(jailOver(t, b, allow("**")), server.Config{Sidecars: true})
				if removes {
					sendTo(t, h, "DELETE", "/style.css", "")
				} else if r := sendTo(t, serving, "GET", "/style.css", "", "Accept-Encoding", "gzip"); r.Body != "style.css.gz" {
					t.Fatalf("before: %d %q", r.Status, r.Body)
				}
				if r := sendTo(t, h, method, "/old.css", "", "Destination", "/style.css"); r.Status/100 != 2 {
					t.Fatalf("%s: %d %q", method, r.Status, r.Body)
				}
				for _, accept := range []string{"identity", "gzip"} {
					if r := sendTo(t, serving, "GET", "/style.css", "", "Accept-Encoding", accept); r.Body != "old.css" {
						t.Errorf("%s, %s, removed before: %t; %s: %d %q", what, method, removes, accept, r.Status, r.Body)
					}
				}
			}
		}
	}
}

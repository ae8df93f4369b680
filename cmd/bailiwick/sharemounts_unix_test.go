//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/server/auth/htpasswd"
)

// asked sends a request to a host of p, as alice unless who is "".
func (p *process) asked(t *testing.T, host, method, path, who, body string, headers ...string) (status int, header http.Header, text string) {
	t.Helper()
	resp, text := p.do(t, "", path, func(r *http.Request) {
		r.Host, r.Method = host, method
		if body != "" {
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
		}
		if who != "" {
			r.SetBasicAuth(who, "password")
		}
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
	})
	return resp.StatusCode, resp.Header, text
}

// shareOn makes a share as alice on a host, and returns its link.
func (p *process) shareOn(t *testing.T, host, body string) string {
	t.Helper()
	status, _, text := p.asked(t, host, "POST", "/.bailiwick/shares", "alice", body, "Content-Type", "application/json")
	var made struct{ URL string }
	if err := json.Unmarshal([]byte(text), &made); err != nil || status != 201 {
		t.Fatalf("a share of %s on %s: %d %q", body, host, status, text)
	}
	return made.URL
}

// TestSharesOfMounts has mounts of several hosts, nested ones, and two of one directory: a share
// opens what its path was on the host that it was made on, and nothing of another mount.
func TestSharesOfMounts(t *testing.T) {
	dir := tree(t, map[string]string{
		"a/x.txt": "x of a", "a/pdf/report.pdf": "the report", "b/x.txt": "CANARY of b", "all/x.txt": "x of all", "all/deep/x.txt": "hidden on a.example", "ball/x.txt": "CANARY of ball",
		"a/deep/x.txt": "CANARY below the nested mount", "nested/x.txt": "CANARY of the nested mount", "nested/own.txt": "own",
	})
	hash, err := htpasswd.Hash("password")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "users"), []byte("alice:"+hash+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	writeConfig(t, dir, `
access_log: {file: "off"}
users: {htpasswd: users}
shares: {catalog: "sqlite:shares.db"}
mounts:
  - {host: a.example, path: /files, source: a, allow: ["**"], list: true, write: true, access: [{who: authenticated, can: [read, list, write, share]}]}
  - {host: a.example, path: /files/deep, source: nested, allow: ["**"], list: true, access: [{who: authenticated, can: [read, list]}, {who: authenticated, can: [share], names: [own.txt]}]}
  - {host: b.example, path: /files, source: b, allow: ["**"], list: true, access: [{who: authenticated, can: [read, list, share]}]}
  - {host: a.example, path: /site, source: a/pdf, allow: ["**"], precompressed: true, index: [start.html]}
  - {path: /all, source: all, allow: ["**"], list: true, access: [{who: authenticated, can: [read, list, share]}]}
  - {host: a.example, path: /all/deep, source: nested, allow: ["**"], access: [{who: authenticated, can: [read]}]}
  - {host: b.example, path: /all, source: ball, allow: ["**"], access: [{who: authenticated, can: [read, share]}]}
`)
	p := launch(t, command("serve", "--config", filepath.Join(dir, "bailiwick.yaml")))
	const unknown = "/.bailiwick/s/AAAAAAAAAAAAAAAAAAAAAA/x.txt"
	opens := func(what, host, link, want string) {
		t.Helper()
		status, header, text := p.asked(t, host, "GET", link, "", "")
		if want != "" {
			if status != 200 || text != want {
				t.Errorf("%s: %d %q, want %q", what, status, text, want)
			}
			return
		}
		s, h, body := p.asked(t, host, "GET", unknown, "", "")
		header.Del("Date")
		h.Del("Date")
		if status != s || text != body || !equalHeaders(header, h) {
			t.Errorf("%s: %d %q %v, want %d %q %v", what, status, text, header, s, body, h)
		}
	}

	// A share is of the host that it was made on. The control is the same path there.
	onA := p.shareOn(t, "a.example", `{"path":"/files/x.txt"}`)
	opens("on its host", "a.example", onA, "x of a")
	opens("on its host, with a port", "A.example:8080", onA, "x of a")
	for _, host := range []string{"b.example", "c.example", "B.example:80", "b.example.", "127.0.0.1", "a.example.b.example"} {
		opens("on the host "+host, host, onA, "")
	}
	if _, _, text := p.asked(t, "b.example", "GET", "/files/x.txt", "alice", ""); text != "CANARY of b" {
		t.Errorf("the control: %q", text)
	}
	// A path of all hosts is what no other mount has there.
	onAll := p.shareOn(t, "a.example", `{"path":"/all/x.txt"}`)
	opens("a path of all hosts", "a.example", onAll, "x of all")
	opens("a path of all hosts, on another", "127.0.0.1", onAll, "x of all")
	opens("a path of all hosts, where another mount has it", "b.example", onAll, "")

	// A mount of one host below that of all hides what is below it on its host only.
	allTop := strings.TrimSuffix(p.shareOn(t, "a.example", `{"path":"/all/"}`), "/")
	opens("what a mount of this host hides", "a.example", allTop+"/deep/x.txt", "")
	opens("on another host", "127.0.0.1", allTop+"/deep/x.txt", "hidden on a.example")
	for host, has := range map[string]bool{"a.example": false, "127.0.0.1": true} {
		if status, _, text := p.asked(t, host, "GET", allTop+"/?zip", "", ""); status != 200 || !strings.Contains(text, "x of all") || strings.Contains(text, "hidden on a.example") != has {
			t.Errorf("the archive on %s: %d %q", host, status, text)
		}
	}

	// A share of a directory has nothing of a mount below it, and none of what that hides.
	top := strings.TrimSuffix(p.shareOn(t, "a.example", `{"path":"/files/"}`), "/")
	opens("the directory", "a.example", top+"/x.txt", "x of a")
	for _, below := range []string{"/deep/x.txt", "/deep/own.txt", "/deep/", "/deep", "/deep%2fx.txt", "/pdf/../deep/x.txt", "/%64eep/x.txt", "/DEEP/x.txt"} {
		opens("below the directory: "+below, "a.example", top+below, "")
	}
	if status, _, text := p.asked(t, "a.example", "GET", top+"/?zip", "", ""); status != 200 || strings.Contains(text, "CANARY") || !strings.Contains(text, "the report") {
		t.Errorf("the archive: %d %q", status, text)
	}
	opens("an object of the mount below", "a.example", p.shareOn(t, "a.example", `{"path":"/files/deep/own.txt"}`), "own")
	own := p.shareOn(t, "a.example", `{"path":"/files/deep/"}`)
	opens("what may be shared in the mount below", "a.example", own+"own.txt", "own")
	opens("what may not be shared there", "a.example", own+"x.txt", "")
	opens("above it", "a.example", own+"../x.txt", "")
	for _, refused := range []string{
		"/files/deep/x.txt", "/files/../files/x.txt", "/files/deep/../x.txt", "/.bailiwick/shares", onA, strings.TrimSuffix(onA, "/x.txt"), top + "/", "/files/.bailiwick/s/x", "/FILES/x.txt", "/files%2fx.txt", "//files/x.txt", "/nothing/x.txt",
	} {
		body, _ := json.Marshal(map[string]string{"path": refused})
		if status, _, text := p.asked(t, "a.example", "POST", "/.bailiwick/shares", "alice", string(body), "Content-Type", "application/json"); status != 400 && status != 404 {
			t.Errorf("a share of %s: %d %q", refused, status, text)
		}
	}

	// What a file request adds to one mount changes nothing in another one of the same files.
	drop := p.shareOn(t, "a.example", `{"path":"/files/pdf/","upload":true}`)
	for name, want := range map[string]int{"report.pdf.gz": 415, "report.pdf.br": 415, "start.html": 201} {
		var form bytes.Buffer
		w := multipart.NewWriter(&form)
		part, _ := w.CreateFormFile("file", name)
		_, _ = part.Write([]byte("CANARY"))
		w.Close()
		if status, _, text := p.asked(t, "a.example", "POST", drop, "", form.String(), "Content-Type", w.FormDataContentType()); status != want {
			t.Errorf("%s: %d %q, want %d", name, status, text, want)
		}
	}
	for path, want := range map[string]int{"/site/report.pdf": 200, "/site/": 404} {
		if status, _, text := p.asked(t, "a.example", "GET", path, "", "", "Accept-Encoding", "gzip, br"); status != want || strings.Contains(text, "CANARY") {
			t.Errorf("%s: %d %q", path, status, text)
		}
	}
}

func equalHeaders(a, b http.Header) bool {
	for _, h := range []http.Header{a, b} {
		for key := range h {
			if strings.Join(a[key], "\n") != strings.Join(b[key], "\n") {
				return false
			}
		}
	}
	return true
}

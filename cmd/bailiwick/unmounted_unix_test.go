//go:build unix

package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Credentials, including links, are also checked where no mount is. Otherwise a caller
// could find the paths and hosts of mounts with wrong credentials.
func TestUnmountedRevealsNothing(t *testing.T) {
	dir, etc := tree(t, siteFiles), t.TempDir()
	file, keys, logged := filepath.Join(etc, "bailiwick.yaml"), filepath.Join(etc, "keys"), filepath.Join(etc, "access.jsonl")
	write(t, filepath.Join(etc, "users"), users)
	write(t, keys, linkKeys)
	write(t, file, fmt.Sprintf(`
listen: ["127.0.0.1:0"]
hosts: [other.example]
users: {htpasswd: users}
links: {keys: keys}
access_log: {file: %s}
mounts:
  - {path: /docs, source: %[2]s, allow: ["*.html"]}
  - {path: /hosted, host: one.example, source: %[2]s, allow: ["*.html"]}
`, logged, dir))
	p := start(t, "serve", "--config", file)
	header := func(value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Authorization", value) }
	}
	for _, tt := range []struct {
		what   string
		target string // appended to a path
		status int
		change func(*http.Request)
	}{
		{"no credentials", "", 404, func(*http.Request) {}},
		{"wrong credentials", "", 401, header("Basic YWxpY2U6Z3Vlc3M=")},
		{"malformed credentials", "", 401, header("Malformed")},
		{"an unsupported scheme", "", 401, header("Bearer x")},
		{"valid credentials", "", 404, as("alice")},
		{"a bad link", "?bw_signature=x", 404, func(*http.Request) {}},
		{"a bad link and wrong credentials", "?bw_signature=x", 404, header("Bearer x")},
	} {
		var want string
		for i, path := range []string{"/docs/missing", "/", "/other/missing", "/hosted/missing"} {
			resp, body := p.do(t, "other.example", path+tt.target, tt.change)
			resp.Header.Del("Date")
			got := fmt.Sprint(resp.StatusCode, resp.Header, body)
			if i == 0 {
				want = got
			}
			if resp.StatusCode != tt.status || got != want {
				t.Errorf("%s at %s: %s, want %s", tt.what, path, got, want)
			}
		}
	}
	if resp, _ := p.do(t, "", signed(t, keys, "/other/missing")); resp.StatusCode != 404 {
		t.Errorf("a valid link to no mount: %d", resp.StatusCode)
	}
	p.signal(syscall.SIGTERM)
	p.exit()
	data, err := os.ReadFile(logged)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(data), `"principal":"alice"`); n != 4 {
		t.Errorf("%d of 4 requests were recorded as alice's", n)
	}
}

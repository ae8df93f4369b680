//go:build unix

package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestUnixProxy has a proxy that connects to a socket of the service manager. With unix among
// the trusted ones, cookies are for TLS only where the client uses it, and the record has the
// client; otherwise the server warns.
func TestUnixProxy(t *testing.T) {
	path, err := exec.LookPath("bailiwick")
	if err != nil {
		t.Fatal(err)
	}
	for trusted, name := range map[string]string{"trusted_proxies: [unix]": "__Host-bailiwick=", "": "bailiwick="} {
		dir := tree(t, map[string]string{"users": users, "session-keys": linkKeys, "site/a.txt": "a"})
		write(t, filepath.Join(dir, "bailiwick.yaml"), fmt.Sprintf(`
users: {htpasswd: users, sessions: {keys: session-keys}}
%s
access_log: {file: access.jsonl}
mounts:
  - {source: site, allow: ["**"], access: [{who: authenticated, can: [read]}]}
`, trusted))
		for _, secret := range []string{"users", "session-keys"} {
			if err := os.Chmod(filepath.Join(dir, secret), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		short, err := os.MkdirTemp("", "bw") // a socket's path must be short
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(short)
		at := filepath.Join(short, "s")
		l, err := net.Listen("unix", at)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		tcp, err := net.Listen("tcp", "127.0.0.1:0") // whose address launch awaits
		if err != nil {
			t.Fatal(err)
		}
		defer tcp.Close()
		var passed []*os.File
		for _, l := range []interface{ File() (*os.File, error) }{tcp.(*net.TCPListener), l.(*net.UnixListener)} {
			f, err := l.File()
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			passed = append(passed, f)
		}
		cmd := command()
		cmd.Path, cmd.Args = "/bin/sh", []string{"sh", "-c", `LISTEN_PID=$$ exec "$0" "$@"`, path, "serve", "--config", filepath.Join(dir, "bailiwick.yaml")}
		cmd.Env = append(cmd.Env, "LISTEN_FDS=2")
		cmd.ExtraFiles = passed
		p := launch(t, cmd)
		if warns := strings.Contains(strings.Join(p.said(), "\n"), "all clients of the Unix socket"); warns != (trusted == "") {
			t.Errorf("with %q, it says %q", trusted, p.said())
		}
		proxy := &http.Client{
			Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, "unix", at)
			}},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
		r, err := http.NewRequestWithContext(t.Context(), "POST", "http://files.example/.bailiwick/login", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		form(url.Values{"user": {"alice"}, "password": {"pw"}})(r)
		r.Header.Set("X-Forwarded-Proto", "https")
		r.Header.Set("X-Forwarded-For", "198.51.100.7")
		resp, err := proxy.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if set := resp.Header.Get("Set-Cookie"); resp.StatusCode != 303 || !strings.HasPrefix(set, name) {
			t.Errorf("with %q: %d %q", trusted, resp.StatusCode, set)
		}
		p.stop()
		remote := regexp.MustCompile(`"remote":"([^"]*)"`).FindStringSubmatch(fileText(t, filepath.Join(dir, "access.jsonl")))
		if remote == nil || (remote[1] == "198.51.100.7") != (trusted != "") {
			t.Errorf("with %q, the record has %q", trusted, remote)
		}
	}
}

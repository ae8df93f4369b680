package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// nginx starts nginx as a proxy for upstream, with further directives for the location,
// and returns its URL.
func nginx(t *testing.T, upstream, directives string) string {
	t.Helper()
	program, err := exec.LookPath("nginx")
	if err != nil {
		program = "/usr/sbin/nginx" // not in the PATH of ordinary users
		if _, err := os.Stat(program); err != nil {
			if os.Getenv("BAILIWICK_REQUIRE_SERVERS") == "1" {
				t.Fatal(err)
			}
			t.Skip("there is no nginx")
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "nginx.conf"), fmt.Sprintf(`
daemon off;
master_process off;
pid %[1]s/pid;
error_log stderr;
events {}
http {
	access_log off;
	client_body_temp_path %[1]s; proxy_temp_path %[1]s; fastcgi_temp_path %[1]s; uwsgi_temp_path %[1]s; scgi_temp_path %[1]s;
	server {
		listen %[2]s;
		location / {
			proxy_pass %[3]s;
			proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
			%[4]s
		}
	}
}
`, dir, addr, upstream, directives))
	cmd := exec.Command(program, "-p", dir, "-e", "stderr", "-c", filepath.Join(dir, "nginx.conf"))
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("nginx: %s", &stderr)
		}
	})
	eventually(t, func() string {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			return err.Error()
		}
		conn.Close()
		return ""
	})
	return "http://" + addr
}

// from sends a GET from the loopback address client, with X-Forwarded-For if forwarded is
// not empty, and returns the status.
func from(t *testing.T, client, url, forwarded string) int {
	t.Helper()
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(client)}}
	c := &http.Client{Transport: &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true}}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if forwarded != "" {
		r.Header.Set("X-Forwarded-For", forwarded)
	}
	resp, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

// Behind a trusted nginx, the log has the client's address. An X-Forwarded-For that the
// client itself sends is ignored, whether it arrives through nginx or directly from an
// untrusted peer.
func TestProxyNginx(t *testing.T) {
	const client, forged = "127.0.0.2", "203.0.113.9"
	for _, c := range []struct{ trusted, direct, proxied, chained string }{
		{"", client, "127.0.0.1", "127.0.0.1"},
		{"trusted_proxies: [192.0.2.0/24]\n", client, "127.0.0.1", "127.0.0.1"},
		{"trusted_proxies: [127.0.0.1/32]\n", client, client, client},
		// The control: a client that is a trusted proxy can forge the address.
		{"trusted_proxies: [127.0.0.0/8]\n", forged, client, forged},
	} {
		p, _ := configured(t, c.trusted+"mounts: [{source: d, allow: ['**']}]\n", map[string]string{"d/a": ""})
		front := nginx(t, p.url, "")
		from(t, client, p.url+"/direct", forged)
		from(t, client, front+"/proxied", "")
		from(t, client, front+"/chained", forged)
		for path, want := range map[string]string{"/direct": c.direct, "/proxied": c.proxied, "/chained": c.chained} {
			got := p.await(regexp.MustCompile(`"remote":"([^":]*)[":].*"raw":"` + path + `"`))
			if got != want {
				t.Errorf("%s%s: the record has %s, want %s", c.trusted, path, got, want)
			}
		}
		p.stop()
	}
}

// Behind a trusted proxy, each client has its own rate limit, and cannot evade it with a
// forged X-Forwarded-For.
func TestProxyRates(t *testing.T) {
	p, _ := configured(t, `
trusted_proxies: [127.0.0.1/32]
limits: {rate_per_client: 1/h}
mounts: [{source: d, allow: ["**"]}]
`, map[string]string{"d/a": ""})
	front := nginx(t, p.url, "")
	for _, c := range []struct {
		client, forwarded string
		want              int
	}{
		{"127.0.0.2", "", 200},
		{"127.0.0.2", "", 429},
		{"127.0.0.2", "203.0.113.9", 429},
		{"127.0.0.3", "", 200},
	} {
		if got := from(t, c.client, front+"/a", c.forwarded); got != c.want {
			t.Errorf("%s %s: %d, want %d", c.client, c.forwarded, got, c.want)
		}
	}
}

// By default nginx sends the host of proxy_pass, a loopback address, which is always
// accepted. If it forwards the client's Host, that host must be configured.
func TestProxyHosts(t *testing.T) {
	const host = "files.example.org"
	for _, c := range []struct {
		directives, hosts string
		want              int
	}{
		{"", "", 200},
		{"proxy_set_header Host $host;", "", 404},
		{"proxy_set_header Host $host;", "hosts: [" + host + "]\n", 200},
		{"proxy_set_header Host $http_host;", "hosts: [" + host + "]\n", 200},
	} {
		p, _ := configured(t, c.hosts+"mounts: [{source: d, allow: ['**']}]\n", map[string]string{"d/a": ""})
		front := nginx(t, p.url, c.directives)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, front+"/a", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != c.want {
			t.Errorf("%s %s: %d, want %d", c.directives, c.hosts, resp.StatusCode, c.want)
		}
		p.stop()
	}
}

//go:build unix

package main

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
)

// raw sends a request verbatim on a new connection and returns the response's status and
// body.
func raw(t *testing.T, network, addr, request string) (int, string) {
	t.Helper()
	conn, err := net.Dial(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("%q: %v", request, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%q: %v", request, err)
	}
	return resp.StatusCode, string(body)
}

func (p *process) addr() string { return p.url[strings.Index(p.url, "//")+2:] }

// A website that resolves its own name to this machine (DNS rebinding) can neither read
// nor write. The control is the same server with that host configured.
func TestRebinding(t *testing.T) {
	dir := tree(t, map[string]string{"a.txt": "secret"})
	args := []string{"--allow", "**", "--write", "--access-log", filepath.Join(t.TempDir(), "log")}
	attacks := []struct{ request, what string }{
		{"GET /a.txt HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n", "read"},
		{"GET /a.txt HTTP/1.1\r\nHost: EVIL.example:PORT\r\nConnection: close\r\n\r\n", "read with a port"},
		{"GET /a.txt HTTP/1.1\r\nHost: evil.example.\r\nConnection: close\r\n\r\n", "trailing dot"},
		{"GET http://evil.example:PORT/a.txt HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", "absolute form"},
		{"PUT /new.txt HTTP/1.1\r\nHost: evil.example\r\nOrigin: http://evil.example\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx", "write"},
		{"DELETE /new.txt HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n", "delete"},
		{"GET /a.txt HTTP/1.0\r\nHost: evil.example\r\n\r\n", "HTTP/1.0"},
		{"OPTIONS /a.txt HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n", "methods"},
	}
	p := serveTree(t, dir, args...)
	_, port, _ := net.SplitHostPort(p.addr())
	attack := func(p *process, request string) (int, string) {
		return raw(t, "tcp", p.addr(), strings.ReplaceAll(request, "PORT", port))
	}
	for _, a := range attacks {
		if status, body := attack(p, a.request); status != 404 || body != "not found\n" {
			t.Errorf("%s: %d %q", a.what, status, body)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "new.txt")); err == nil {
		t.Error("another site wrote a file")
	}
	for _, host := range []string{"localhost", "LOCALHOST:1", "localhost.", "127.0.0.1", "127.0.0.1:PORT", "[::1]", "[::1]:PORT"} {
		if status, body := attack(p, "GET /a.txt HTTP/1.1\r\nHost: "+host+"\r\nConnection: close\r\n\r\n"); status != 200 || body != "secret" {
			t.Errorf("Host: %s: %d %q", host, status, body)
		}
	}
	if status, _ := attack(p, "GET /a.txt HTTP/1.0\r\n\r\n"); status != 200 {
		t.Errorf("without a Host: %d", status)
	}
	if status, _ := attack(p, "GET http://127.0.0.1/a.txt HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"); status != 200 {
		t.Errorf("absolute form: its host takes precedence over Host: %d", status)
	}
	p.await(regexp.MustCompile(`a request for an unknown host got 404.*--host.* host=evil\.example`))
	p.stop()

	control := serveTree(t, dir, append(args, "--host", "evil.example")...)
	_, port, _ = net.SplitHostPort(control.addr())
	for _, a := range attacks {
		if status, _ := attack(control, a.request); status >= 400 {
			t.Errorf("%s fails even for a configured host, so it proves nothing: %d", a.what, status)
		}
	}
}

// Without a list of hosts, only loopback listeners restrict the Host. With one, every
// listener does.
func TestHostsByListener(t *testing.T) {
	dir := tree(t, map[string]string{"d/a": "a"})
	for _, c := range []struct {
		hosts string
		want  map[string][3]int // by Host, for each listener
	}{
		{"", map[string][3]int{
			"localhost": {200, 200, 200}, "127.0.0.7": {404, 200, 200}, "evil.example": {404, 200, 404}, "m.example": {200, 200, 200},
		}},
		{"hosts: [files.example]", map[string][3]int{
			"localhost": {200, 404, 200}, "127.0.0.7": {404, 404, 200}, "evil.example": {404, 404, 404}, "m.example": {200, 200, 200}, "files.example": {200, 200, 200},
		}},
	} {
		file := filepath.Join(dir, "bailiwick.yaml")
		write(t, file, `listen: ["127.0.0.1:0", "0.0.0.0:0", "127.0.0.7:0"]`+"\n"+c.hosts+`
access_log: {file: "off"}
mounts: [{source: d, allow: ["**"]}, {path: /m, host: m.example, source: d, allow: ["**"]}]
`)
		p := launch(t, command("serve", "--config", file))
		p.awaitCount(regexp.MustCompile(`^listening on`), 3)
		var addrs []string
		for _, line := range p.said() {
			if at, ok := strings.CutPrefix(line, "listening on http://"); ok {
				addrs = append(addrs, strings.Replace(at, "[::]", "127.0.0.1", 1))
			}
		}
		for host, want := range c.want {
			for i, addr := range addrs {
				status, _ := raw(t, "tcp", addr, "GET /a HTTP/1.1\r\nHost: "+host+"\r\nConnection: close\r\n\r\n")
				if status != want[i] {
					t.Errorf("%s: Host: %s at %s: %d, want %d", c.hosts, host, addr, status, want[i])
				}
			}
		}
		p.stop()
	}
}

// The variable takes one host a line. A reload replaces the hosts. The admin listener is
// restricted, too, and explain agrees with the server.
func TestHostsEverywhere(t *testing.T) {
	dir := tree(t, map[string]string{"d/a": "a"})
	with := func(hosts string) {
		writeConfig(t, dir, hosts+`
access_log: {file: "off"}
admin: 127.0.0.1:0
mounts: [{source: d, allow: ["**"]}]
`)
	}
	with("hosts: [one.example, two.example]")
	p := launch(t, command("serve", "--config", filepath.Join(dir, "bailiwick.yaml")))
	check := func(when string, want map[string]int) {
		t.Helper()
		for host, status := range want {
			if resp, _ := p.do(t, host, "/a"); resp.StatusCode != status {
				t.Errorf("%s: %s: %d, want %d", when, host, resp.StatusCode, status)
			}
			if got, _ := raw(t, "tcp", strings.TrimPrefix(p.admin, "http://"), "GET /livez HTTP/1.1\r\nHost: "+host+"\r\nConnection: close\r\n\r\n"); got != status {
				t.Errorf("%s: %s at the admin listener: %d, want %d", when, host, got, status)
			}
		}
	}
	check("at first", map[string]int{"localhost": 200, "one.example": 200, "two.example:80": 200, "three.example": 404})
	with("hosts: [three.example]")
	p.signal(syscall.SIGHUP)
	p.await(reloadedLine)
	check("after a reload", map[string]int{"localhost": 200, "one.example": 404, "three.example": 200})
	for host, code := range map[string]int{"three.example": cli.ExitDone, "localhost": cli.ExitDone, "one.example": cli.ExitFailed} {
		if got, out, said := runCommand(t, "explain", "--config", filepath.Join(dir, "bailiwick.yaml"), "--host", host, "a"); got != code {
			t.Errorf("explain --host %s: exit code %d: %s%s", host, got, out, said)
		}
	}

	cmd := command("serve", filepath.Join(dir, "d"), "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--allow", "**", "--access-log", "off")
	cmd.Env = append(cmd.Env, "BAILIWICK_HOST=one.example\ntwo.example")
	p = launch(t, cmd)
	check("with the variable", map[string]int{"localhost": 200, "one.example": 200, "two.example:80": 200, "three.example": 404})
	// explain does not take the request's host from the variable.
	cmd = command("explain", filepath.Join(dir, "d"), "--allow", "**", "a")
	cmd.Env = append(cmd.Env, "BAILIWICK_HOST=one.example\ntwo.example")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("explain: %v: %s", err, out)
	}
}

// Of the sockets that a service manager passes, a loopback one is restricted. A Unix
// socket is not: no browser can reach it.
func TestHostsOfPassedSockets(t *testing.T) {
	dir := tree(t, map[string]string{"d/a": "a"})
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	short, err := os.MkdirTemp("", "bw") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(short)
	unix, err := net.Listen("unix", filepath.Join(short, "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close()
	var files []*os.File
	for _, l := range []interface{ File() (*os.File, error) }{tcp.(*net.TCPListener), unix.(*net.UnixListener)} {
		f, err := l.File()
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		files = append(files, f)
	}
	path, err := exec.LookPath("bailiwick")
	if err != nil {
		t.Fatal(err)
	}
	cmd := command()
	cmd.Path, cmd.Args = "/bin/sh", []string{"sh", "-c", `LISTEN_PID=$$ exec "$0" "$@"`, path, "serve", filepath.Join(dir, "d"), "--allow", "**", "--access-log", "off"}
	cmd.Env = append(cmd.Env, "LISTEN_FDS=2")
	cmd.ExtraFiles = files
	launch(t, cmd)
	for _, c := range []struct {
		l    net.Listener
		host string
		want int
	}{{tcp, "localhost", 200}, {tcp, "evil.example", 404}, {unix, "evil.example", 200}} {
		if got, _ := raw(t, c.l.Addr().Network(), c.l.Addr().String(), fmt.Sprintf("GET /a HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", c.host)); got != c.want {
			t.Errorf("%s: Host: %s: %d, want %d", c.l.Addr(), c.host, got, c.want)
		}
	}
}

// DNS rebinding gains nothing from the server name in TLS or the :authority of HTTP/2. A
// server name that is not in the certificate makes no difference.
func TestRebindingTLS(t *testing.T) {
	cert, key := issue(t, issue(t, nil, "authority"), "server").pems(t)
	p, _ := configured(t, tlsConfig, map[string]string{"server.pem": cert, "server.key": key, "d/a.txt": "secret"})
	for _, h2 := range []bool{false, true} {
		for _, name := range []string{"127.0.0.1", "localhost", "evil.example"} {
			transport := &http.Transport{
				TLSClientConfig:   &tls.Config{InsecureSkipVerify: true, ServerName: name},
				ForceAttemptHTTP2: h2,
			}
			for host, want := range map[string]int{"localhost": 200, "127.0.0.1": 200, "evil.example": 404, "evil.example:443": 404, "localhost.evil.example": 404} {
				req, err := http.NewRequestWithContext(t.Context(), "GET", "https://"+p.addr()+"/a.txt", nil)
				if err != nil {
					t.Fatal(err)
				}
				req.Host = host
				resp, err := transport.RoundTrip(req)
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if err != nil || (resp.ProtoMajor == 2) != h2 {
					t.Fatalf("%s: %v", resp.Proto, err)
				}
				if resp.StatusCode != want || want == 404 && (string(body) != "not found\n" || resp.Header.Get("Cache-Control") != "no-store") {
					t.Errorf("%s, SNI %s, host %s: %d %q, want %d", resp.Proto, name, host, resp.StatusCode, body, want)
				}
			}
			transport.CloseIdleConnections()
		}
	}
}

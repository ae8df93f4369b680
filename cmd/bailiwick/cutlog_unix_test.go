//go:build unix

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
)

// startedRequests are requests that are in the server's handler, which waits for the
// client.
type startedRequests struct {
	t     *testing.T
	paths map[string]int // the number of requests by path
	conns []net.Conn
}

func (b *startedRequests) dial(p *process) (net.Conn, *bufio.Reader) {
	b.t.Helper()
	conn, err := net.Dial("tcp", p.addr())
	if err != nil {
		b.t.Fatal(err)
	}
	// A small window, so that a large response waits for its reader.
	if err := conn.(*net.TCPConn).SetReadBuffer(4096); err != nil {
		b.t.Fatal(err)
	}
	b.conns = append(b.conns, conn)
	return conn, bufio.NewReaderSize(conn, 16)
}

// startGet begins to read a large file, and stops.
func (b *startedRequests) startGet(p *process, path string) {
	b.t.Helper()
	b.paths[path]++
	conn, r := b.dial(p)
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path)
	if line, err := r.ReadString('\n'); err != nil || !strings.Contains(line, " 200 ") {
		b.t.Fatalf("GET %s: %q %v", path, line, err)
	}
}

// startPut begins to send a body, and stops.
func (b *startedRequests) startPut(p *process, path string) {
	b.t.Helper()
	b.paths[path]++
	conn, r := b.dial(p)
	fmt.Fprintf(conn, "PUT %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n", path)
	if line, err := r.ReadString('\n'); err != nil || !strings.Contains(line, " 100 ") {
		b.t.Fatalf("PUT %s: %q %v", path, line, err)
	}
	fmt.Fprint(conn, "part")
}

// finishPut sends a PUT that is acknowledged.
func (b *startedRequests) finishPut(p *process, path string) {
	b.t.Helper()
	b.paths[path]++
	status, _ := raw(b.t, "tcp", p.addr(), fmt.Sprintf("PUT %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx", path))
	if status != 201 {
		b.t.Fatalf("PUT %s: %d", path, status)
	}
}

func (b *startedRequests) close() {
	for _, c := range b.conns {
		c.Close()
	}
}

// check compares the number of requests with the lines in logs.
func (b *startedRequests) check(when string, logs ...string) {
	b.t.Helper()
	lines := map[string]int{}
	for _, log := range logs {
		data, err := os.ReadFile(log)
		if err != nil {
			b.t.Fatal(err)
		}
		for line := range strings.Lines(string(data)) {
			var record struct{ Raw string }
			if err := json.Unmarshal([]byte(line), &record); err != nil {
				b.t.Errorf("%s: %v: %q", when, err, line)
			}
			lines[record.Raw]++
		}
	}
	for path, want := range b.paths {
		if lines[path] != want {
			b.t.Errorf("%s: %d lines for %d requests for %s", when, lines[path], want, path)
		}
	}
}

const large = 8 << 20

// However a server ends, each started request has a line in the log, including the last
// ones.
func TestEachStartedRequestHasALine(t *testing.T) {
	rounds := 2
	if os.Getenv("BAILIWICK_LONG") == "1" {
		rounds = 30
	}
	for name, end := range map[string]struct {
		drain string
		end   func(p *process)
		code  int
	}{
		"SIGTERM, and the drain time ends": {"0s", func(p *process) { p.signal(syscall.SIGTERM) }, cli.ExitDone},
		"a second SIGTERM": {"1h", func(p *process) {
			p.signal(syscall.SIGTERM)
			p.awaitClosed()
			p.signal(syscall.SIGTERM)
		}, cli.ExitFailed},
		"SIGINT and SIGTERM at once": {"1h", func(p *process) { p.signal(syscall.SIGINT); p.signal(syscall.SIGTERM) }, cli.ExitFailed},
		"many signals": {"1h", func(p *process) {
			for range 20 {
				_ = p.cmd.Process.Signal(syscall.SIGTERM)
				_ = p.cmd.Process.Signal(syscall.SIGHUP)
			}
			// The system may have merged them into one.
			p.awaitClosed()
			_ = p.cmd.Process.Signal(syscall.SIGTERM)
		}, cli.ExitFailed},
		"SIGQUIT": {"1h", func(p *process) { p.signal(syscall.SIGQUIT) }, 2},
		"SIGABRT": {"1h", func(p *process) { p.signal(syscall.SIGABRT) }, 2},
	} {
		t.Run(name, func(t *testing.T) {
			for range rounds {
				dir, log := tree(t, map[string]string{"d/large": strings.Repeat("x", large)}), filepath.Join(t.TempDir(), "log")
				p := serveTree(t, filepath.Join(dir, "d"), "--allow", "**", "--write", "--access-log", log, "--drain", end.drain)
				b := &startedRequests{t: t, paths: map[string]int{}}
				for i := range 5 {
					b.startGet(p, "/large")
					b.startPut(p, fmt.Sprint("/put-", i))
					b.finishPut(p, fmt.Sprint("/done-", i))
				}
				end.end(p)
				if code := p.exit(); code != end.code {
					t.Errorf("exit code %d, want %d", code, end.code)
				}
				b.close()
				b.check(name, log)
			}
		})
	}
}

// Requests that outlive a reload have their lines in the log of their own configuration.
func TestEachStartedRequestHasALineAfterReloads(t *testing.T) {
	dir := tree(t, map[string]string{"d/large": strings.Repeat("x", large)})
	with := func(log string) string {
		return "access_log: {file: " + log + "}\ndrain: 0s\nmounts: [{source: d, allow: ['**'], write: true}]\n"
	}
	writeConfig(t, dir, with("log0"))
	p := launch(t, command("serve", "--config", filepath.Join(dir, "bailiwick.yaml")))
	b := &startedRequests{t: t, paths: map[string]int{}}
	logs := []string{filepath.Join(dir, "log0")}
	for i := range 4 {
		b.startGet(p, "/large")
		b.startPut(p, fmt.Sprint("/put-", i))
		b.finishPut(p, fmt.Sprint("/done-", i))
		next := fmt.Sprint("log", i/2+1) // every second reload keeps the log
		logs = append(logs, filepath.Join(dir, next))
		writeConfig(t, dir, with(next))
		p.signal(syscall.SIGHUP)
		p.awaitCount(reloadedLine, i+1)
	}
	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != cli.ExitDone {
		t.Errorf("exit code %d", code)
	}
	b.close()
	b.check("after reloads", logs[0], logs[1], logs[3])
}

// A failed listener ends the server, and started requests have their lines.
func TestEachStartedRequestHasALineAfterAFailure(t *testing.T) {
	dir := tree(t, map[string]string{"d/large": strings.Repeat("x", large)})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	socket, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	log := filepath.Join(dir, "log")
	path, err := exec.LookPath("bailiwick")
	if err != nil {
		t.Fatal(err)
	}
	cmd := command()
	cmd.Path, cmd.Args = "/bin/sh", []string{"sh", "-c", `LISTEN_PID=$$ exec "$0" "$@"`, path, "serve", filepath.Join(dir, "d"),
		"--allow", "**", "--write", "--access-log", log, "--drain", "0s", "--landlock", "off"}
	cmd.Env = append(cmd.Env, "LISTEN_FDS=1")
	cmd.ExtraFiles = []*os.File{socket}
	p := launch(t, cmd)
	b := &startedRequests{t: t, paths: map[string]int{}}
	for i := range 5 {
		b.startGet(p, "/large")
		b.startPut(p, fmt.Sprint("/put-", i))
		b.finishPut(p, fmt.Sprint("/done-", i))
	}
	// The server's descriptor refers to the same socket.
	if err := syscall.Shutdown(int(socket.Fd()), syscall.SHUT_RDWR); err != nil {
		t.Fatal(err)
	}
	if code := p.exit(); code != cli.ExitFailed {
		t.Errorf("exit code %d", code)
	}
	b.close()
	b.check("a listener failed", log)
}

// HTTP/2 streams are requests, too.
func TestEachStartedStreamHasALine(t *testing.T) {
	ca := issue(t, nil, "authority")
	dir := tree(t, map[string]string{"d/large": strings.Repeat("x", large)})
	issue(t, ca, "server").save(t, dir, "server")
	writeConfig(t, dir, "tls: {cert: server.pem, key: server.key}\naccess_log: {file: log}\ndrain: 0s\nmounts: [{source: d, allow: ['**']}]\n")
	p := launch(t, command("serve", "--config", filepath.Join(dir, "bailiwick.yaml")))
	client := ca.trusting(nil)
	defer client.CloseIdleConnections()
	b := &startedRequests{t: t, paths: map[string]int{}}
	for range 20 {
		b.paths["/large"]++
		resp, err := client.Get(p.url + "/large")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if resp.ProtoMajor != 2 || resp.StatusCode != 200 {
			t.Fatalf("%s %s", resp.Proto, resp.Status)
		}
	}
	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != cli.ExitDone {
		t.Errorf("exit code %d", code)
	}
	b.check("HTTP/2", filepath.Join(dir, "log"))
}

//go:build unix

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/daemon"
)

// Variables that put other sockets in the place of the system's, for the processes of
// these tests.
const (
	syslogVariable  = "TEST_SYSLOG_SOCKET"
	journalVariable = "TEST_JOURNAL_SOCKET"
)

func init() {
	if path := os.Getenv(syslogVariable); path != "" {
		daemon.SyslogSocket = path
	}
	if path := os.Getenv(journalVariable); path != "" {
		daemon.JournalSocket = path
	}
}

// A logDaemon is a socket that a system's log listens on.
type logDaemon struct {
	*net.UnixConn
	path string
}

func listenLog(t *testing.T, path string) *logDaemon {
	t.Helper()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &logDaemon{conn, path}
}

// next returns the next message.
func (d *logDaemon) next(t *testing.T) string {
	t.Helper()
	buf := make([]byte, 64<<10)
	if err := d.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	n, err := d.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	return string(buf[:n])
}

// The access log goes to the system's, a message a record, also from within the
// kernel's jail, and after the daemon was restarted.
func TestServeSystemLog(t *testing.T) {
	for target, c := range map[string]struct {
		variable string
		message  *regexp.Regexp
	}{
		// What log(3) sends: daemon.info is 3*8 + 6.
		"syslog:": {syslogVariable, regexp.MustCompile(`^<30>[A-Z][a-z]{2} [ 0-9]{2} [0-9:]{8} bailiwick\[[0-9]+\]: (\{.*\})\n$`)},
		// https://systemd.io/JOURNAL_NATIVE_PROTOCOL/
		"journal:": {journalVariable, regexp.MustCompile(`^PRIORITY=6\nSYSLOG_IDENTIFIER=bailiwick\nMESSAGE=(\{.*\})\n$`)},
	} {
		t.Run(target, func(t *testing.T) {
			// The address of a socket has at most some hundred bytes.
			run, err := os.MkdirTemp("/tmp", "log")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { os.RemoveAll(run) })
			path := filepath.Join(run, "socket")
			t.Setenv(c.variable, path)
			dir := tree(t, siteFiles)

			code, _, stderr := runCommand(t, "serve", dir, "--allow", "**", "--listen", "127.0.0.1:0", "--access-log", target)
			if code != cli.ExitUsage || !strings.Contains(stderr, target) {
				t.Errorf("without a daemon: %d, %s", code, stderr)
			}

			d := listenLog(t, path)
			p := serveTree(t, dir, "--allow", "**/*.html", "--access-log", target)
			expect := func(raw string) {
				t.Helper()
				m := c.message.FindStringSubmatch(d.next(t))
				if m == nil {
					t.Fatalf("a message that is no record of %s", raw)
				}
				var r map[string]any
				if err := json.Unmarshal([]byte(m[1]), &r); err != nil || r["raw"] != raw {
					t.Errorf("%s: %v, want %s", m[1], err, raw)
				}
			}
			get(t, p.url+"/index.html")
			expect("/index.html")
			long := "/" + strings.Repeat("%0A", 2000)
			get(t, p.url+long)
			expect(long)

			d.Close()
			os.Remove(path)
			get(t, p.url+"/lost")
			d = listenLog(t, path)
			get(t, p.url+"/index.html")
			// What came in between may be lost, and may not.
			if m := c.message.FindStringSubmatch(d.next(t)); m == nil {
				t.Error("no record after the daemon was restarted")
			}

			p.signal(syscall.SIGHUP)
			p.await(regexp.MustCompile(`^reloaded`))
			p.signal(syscall.SIGTERM)
			if code := p.exit(); code != cli.ExitDone {
				t.Errorf("exit code %d", code)
			}
		})
	}
}

// An access log without a reader blocks nothing: requests, a reload and the end of the
// server work, and lost records are counted.
func TestServeStuckLog(t *testing.T) {
	dir := tree(t, siteFiles)
	fifo := filepath.Join(t.TempDir(), "log")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, stderr := runCommand(t, "serve", dir, "--allow", "**", "--listen", "127.0.0.1:0", "--access-log", fifo)
	if code != cli.ExitUsage {
		t.Errorf("a pipe that nobody reads: %d, %s", code, stderr)
	}
	reader, err := os.OpenFile(fifo, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	p := serveTree(t, dir, "--allow", "**/*.html", "--access-log", fifo, "--admin", "127.0.0.1:0")
	long := "/" + strings.Repeat("x", 7<<10)
	dropped := func() bool {
		_, body := get(t, p.admin+"/metrics")
		return !strings.Contains(body, "bailiwick_access_log_dropped_total 0\n")
	}
	for i := 0; !dropped(); i++ {
		if i > 100 {
			t.Fatal("nothing is lost though nobody reads")
		}
		for range 10 {
			if status, _ := get(t, p.url+long); status != 404 {
				t.Fatalf("%d", status)
			}
		}
	}
	for range 3 {
		p.signal(syscall.SIGHUP)
	}
	p.await(regexp.MustCompile(`^reloaded`))
	if status, _ := get(t, p.url+"/index.html"); status != 200 {
		t.Errorf("after the reload: %d", status)
	}
	// What is read from now on is whole lines, but for where the old pipe was left.
	seen := make(chan error, 1)
	go func() {
		lines := bufio.NewScanner(reader)
		for lines.Scan() {
			if strings.Contains(lines.Text(), `"raw":"/index.html"`) && json.Valid(lines.Bytes()) {
				seen <- nil
				return
			}
		}
		seen <- fmt.Errorf("the pipe ended: %v", lines.Err())
	}()
	// A request's record may be lost as long as the reader has not caught up.
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	timeout := time.After(patience)
	for read := false; !read; {
		get(t, p.url+"/index.html")
		select {
		case err := <-seen:
			if err != nil {
				t.Error(err)
			}
			read = true
		case <-tick.C:
		case <-timeout:
			t.Fatal("no record reaches a reader that reads again")
		}
	}
	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != cli.ExitDone {
		t.Errorf("exit code %d", code)
	}
}

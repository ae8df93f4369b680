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

// These variables replace the system's log sockets in the processes of these tests.
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

// A logDaemon listens on a socket in place of the system log.
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

// The access log goes to the system log, one message for each record, also under Landlock
// and after a restart of the log daemon.
func TestServeSystemLog(t *testing.T) {
	for target, c := range map[string]struct {
		variable string
		message  *regexp.Regexp
	}{
		// The format of syslog(3): daemon.info is 3*8 + 6.
		"syslog:": {syslogVariable, regexp.MustCompile(`^<30>[A-Z][a-z]{2} [ 0-9]{2} [0-9:]{8} bailiwick\[[0-9]+\]: (\{.*\})\n$`)},
		// https://systemd.io/JOURNAL_NATIVE_PROTOCOL/
		"journal:": {journalVariable, regexp.MustCompile(`^PRIORITY=6\nSYSLOG_IDENTIFIER=bailiwick\nMESSAGE=(\{.*\})\n$`)},
	} {
		t.Run(target, func(t *testing.T) {
			// A socket's path has at most about 100 bytes.
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
					t.Fatalf("the message is not a record of %s", raw)
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
			// The record in between may be lost or not.
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

// An access log that nobody reads blocks nothing: requests, reloads and the shutdown
// proceed, and lost records are counted.
func TestServeStuckLog(t *testing.T) {
	dir := tree(t, siteFiles)
	fifo := filepath.Join(t.TempDir(), "log")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, stderr := runCommand(t, "serve", dir, "--allow", "**", "--listen", "127.0.0.1:0", "--access-log", fifo)
	if code != cli.ExitUsage {
		t.Errorf("a pipe without a reader: %d, %s", code, stderr)
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
			t.Fatal("no record is lost although nobody reads")
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
	// From here on the reader gets whole lines, except where the old pipe was closed.
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
	// Records may be lost until the reader has caught up.
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
			t.Fatal("the reader got no record after it resumed")
		}
	}
	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != cli.ExitDone {
		t.Errorf("exit code %d", code)
	}
}

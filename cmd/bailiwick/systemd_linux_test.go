package main

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
)

// TestSystemd acts as the service manager of a unit with Type=notify and a socket: it
// passes the listeners and receives the notifications.
func TestSystemd(t *testing.T) {
	dir := tree(t, map[string]string{"d/a": "a"})
	file := filepath.Join(dir, "bailiwick.yaml")
	// The address in the file is in use. The passed sockets override it.
	var sockets []*os.File
	var addrs []string
	for range 2 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		f, err := l.(*net.TCPListener).File()
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		sockets, addrs = append(sockets, f), append(addrs, l.Addr().String())
	}
	write(t, file, "listen: ['"+addrs[0]+"']\nadmin: 127.0.0.1:0\nlimits: {connections: 1}\nmounts: [{source: d, allow: ['**']}]\n")
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	notification := func() string {
		t.Helper()
		buf := make([]byte, 4096)
		if err := manager.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		n, err := manager.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		return string(buf[:n])
	}

	path, err := exec.LookPath("bailiwick")
	if err != nil {
		t.Fatal(err)
	}
	cmd := command()
	// The shell sets LISTEN_PID, as the manager does between fork and exec.
	cmd.Path, cmd.Args = "/bin/sh", []string{"sh", "-c", `LISTEN_PID=$$ exec "$0" "$@"`, path, "serve", "--config", file}
	cmd.Env = append(cmd.Env, "LISTEN_FDS=2", "NOTIFY_SOCKET="+filepath.Join(dir, "notify"))
	cmd.ExtraFiles = sockets
	p := launch(t, cmd)
	if got := notification(); !strings.HasPrefix(got, "READY=1\n") {
		t.Errorf("ready: %q", got)
	}
	// The limit is one connection at a time over both listeners.
	for range 3 {
		for _, addr := range addrs {
			p.await(regexp.MustCompile(`^listening on http://` + regexp.QuoteMeta(addr) + `$`))
			if status, body := get(t, "http://"+addr+"/a"); status != http.StatusOK || body != "a" {
				t.Errorf("%s: %d %q", addr, status, body)
			}
		}
	}
	reloading := regexp.MustCompile(`^RELOADING=1\nMONOTONIC_USEC=[1-9][0-9]*$`)
	for n, text := range []string{"mounts: []\n", "listen: ['" + addrs[0] + "']\nadmin: 127.0.0.1:0\nlimits: {connections: 1}\nmounts: [{source: d, allow: ['a']}]\n"} {
		write(t, file, text)
		p.signal(syscall.SIGHUP)
		if got := notification(); !reloading.MatchString(got) {
			t.Errorf("reload %d: %q", n, got)
		}
		if got := notification(); !strings.HasPrefix(got, "READY=1\n") {
			t.Errorf("after reload %d: %q", n, got)
		}
	}
	p.await(regexp.MustCompile(`^reload refused`))
	p.await(reloadedLine)
	p.signal(syscall.SIGTERM)
	if got := notification(); got != "STOPPING=1" {
		t.Errorf("the end: %q", got)
	}
	if code := p.exit(); code != cli.ExitDone {
		t.Errorf("exit code %d", code)
	}
	// The manager keeps the sockets open for the next start.
	conn, err := net.Dial("tcp", addrs[1])
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}

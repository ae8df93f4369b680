package systemd_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/systemd"
)

// TestMain also runs the service that a test starts.
func TestMain(m *testing.M) {
	if os.Getenv("BAILIWICK_TEST_SERVICE") == "" {
		os.Exit(m.Run())
	}
	// The service manager sets LISTEN_PID between fork and exec.
	lookup := func(key string) string {
		if key == "LISTEN_PID" {
			return fmt.Sprint(os.Getpid())
		}
		return os.Getenv(key)
	}
	listeners, err := systemd.Listeners(lookup)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	for i, l := range listeners {
		conn, err := l.Accept()
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Fprintf(conn, "socket %d", i)
		conn.Close()
	}
}

func TestListeners(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("descriptors are not passed on Windows")
	}
	const count = 2
	var files []*os.File
	var addrs []string
	for range count {
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
		files, addrs = append(files, f), append(addrs, l.Addr().String())
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "BAILIWICK_TEST_SERVICE=1", fmt.Sprint("LISTEN_FDS=", count))
	cmd.ExtraFiles = files
	out := new(strings.Builder)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for i, addr := range addrs {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(conn)
		if want := fmt.Sprint("socket ", i); string(got) != want || err != nil {
			t.Errorf("%q, %v, want %q", got, err, want)
		}
		conn.Close()
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestListenersElsewhere(t *testing.T) {
	for _, env := range []map[string]string{
		{}, {"LISTEN_FDS": "1"}, {"LISTEN_PID": "1", "LISTEN_FDS": "1"}, {"LISTEN_PID": "x", "LISTEN_FDS": "1"},
	} {
		all, err := systemd.Listeners(func(key string) string { return env[key] })
		if all != nil || err != nil {
			t.Errorf("%v: %v, %v", env, all, err)
		}
	}
	for _, fds := range []string{"", "0", "-1", "x", "1000000"} {
		env := map[string]string{"LISTEN_PID": fmt.Sprint(os.Getpid()), "LISTEN_FDS": fds}
		if _, err := systemd.Listeners(func(key string) string { return env[key] }); err == nil {
			t.Errorf("LISTEN_FDS=%q is not an error", fds)
		}
	}
}

func TestNotifier(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such sockets")
	}
	var none systemd.Notifier
	if err := none.Ready("x"); err != nil {
		t.Error(err)
	}
	dir, err := os.MkdirTemp("", "notify") // t.TempDir can be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "s")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	n := systemd.NewNotifier(func(string) string { return path })
	for _, tt := range []struct {
		send func() error
		want string
	}{
		{func() error { return n.Ready("serving\nREADY=0") }, "READY=1\nSTATUS=serving READY=0"},
		{n.Reloading, "RELOADING=1\nMONOTONIC_USEC="},
		{func() error { return n.Status("draining") }, "STATUS=draining"},
		{n.Stopping, "STOPPING=1"},
	} {
		if err := tt.send(); err != nil {
			t.Fatal(err)
		}
		var buf [1000]byte
		got, err := conn.Read(buf[:])
		if err != nil || !strings.HasPrefix(string(buf[:got]), tt.want) {
			t.Errorf("%q, %v, want %q", buf[:got], err, tt.want)
		}
	}
	os.Remove(path)
	if err := n.Stopping(); err == nil {
		t.Error("a missing service manager is not an error")
	}
}

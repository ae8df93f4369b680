package main_test

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// requireStrace returns the path of strace.
func requireStrace(t *testing.T) string {
	t.Helper()
	strace, err := exec.LookPath("strace")
	if err != nil {
		if os.Getenv("BAILIWICK_REQUIRE_SERVERS") != "" {
			t.Fatal("strace is not installed")
		}
		t.Skip("strace is not installed")
	}
	return strace
}

// TestSendfile traces the system calls of the real server with an access log. A large file
// goes from disk to the socket by sendfile, without being copied through the server's memory.
func TestSendfile(t *testing.T) {
	strace := requireStrace(t)
	dir := t.TempDir()
	data := make([]byte, 5<<20)
	for i := range data {
		data[i] = byte(rand.Uint32())
	}
	if err := os.WriteFile(filepath.Join(dir, "large.bin"), data, 0o600); err != nil {
		t.Fatal(err)
	}
	trace := filepath.Join(t.TempDir(), "trace")
	log := filepath.Join(t.TempDir(), "access.jsonl")
	// With -D the child process, which gets the interrupt, is the server and not strace.
	t.Run("serve", func(t *testing.T) {
		base := serveForTest(t, []string{strace, "-D", "-f", "-qq", "-e", "trace=sendfile", "-e", "signal=none", "-o", trace},
			"serve", dir, "--allow", "**", "--listen", "127.0.0.1:0", "--access-log", log, "--admin", "127.0.0.1:0")
		if status, body := fetch(t, base+"/large.bin"); status != 200 || !bytes.Equal(body, data) {
			t.Errorf("status %d, %d bytes", status, len(body))
		}
	})
	calls, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	sent := 0
	for _, m := range regexp.MustCompile(`(?m)sendfile.*\)\s+= (\d+)$`).FindAllSubmatch(calls, -1) {
		n, _ := strconv.Atoi(string(m[1]))
		sent += n
	}
	if sent != len(data) {
		t.Errorf("sendfile sent %d of %d bytes:\n%.2000s", sent, len(data), calls)
	}
	if line, err := os.ReadFile(log); err != nil || bytes.Count(line, []byte("\n")) != 1 || !bytes.Contains(line, []byte("large.bin")) {
		t.Errorf("access log: %s, %v", line, err)
	}
}

// TestSystemCalls counts what a request of the real server costs: which calls name, open, read,
// send and close, and how often.
func TestSystemCalls(t *testing.T) {
	strace := requireStrace(t)
	dir := t.TempDir()
	for name, size := range map[string]int{"small.bin": 1 << 10, "medium.bin": 100 << 10} {
		if err := os.WriteFile(filepath.Join(dir, name), make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{
		"small.bin":  "close 2, fstat 1, openat 1, openat2 1, pread64 1, write 1",
		"medium.bin": "close 2, fstat 1, openat 1, openat2 1, sendfile 1, sendmsg 1",
	} {
		trace := filepath.Join(t.TempDir(), "trace")
		t.Run(name, func(t *testing.T) {
			base := serveForTest(t, []string{strace, "-D", "-f", "-qq", "-y", "-e", "signal=none", "-o", trace,
				"-e", "trace=openat,openat2,fstat,newfstatat,statx,fcntl,epoll_ctl,pread64,write,writev,sendmsg,sendto,sendfile,setsockopt,dup,dup3,lseek,close"},
				"serve", dir, "--allow", "**", "--listen", "127.0.0.1:0", "--access-log", "off")
			for range 3 {
				if status, _ := fetch(t, base+"/"+name); status != 200 {
					t.Fatalf("status %d", status)
				}
			}
		})
		calls, err := os.ReadFile(trace)
		if err != nil {
			t.Fatal(err)
		}
		if got := callsOfLast(string(calls), name); got != want {
			t.Errorf("%s: %s, want %s:\n%s", name, got, want, calls[max(0, len(calls)-4000):])
		}
	}
}

// callsOfLast counts the calls for the file called name in a trace, from its last open but one
// to the last one: that request began after the server had answered another on its connection.
func callsOfLast(trace, name string) string {
	var opens []int
	for _, m := range regexp.MustCompile(`(?m)^.*openat2\(.*, "`+regexp.QuoteMeta(name)+`"`).FindAllStringIndex(trace, -1) {
		opens = append(opens, m[0])
	}
	if len(opens) < 2 {
		return "too few requests"
	}
	count := map[string]int{}
	for _, m := range regexp.MustCompile(`(?m)^\d+ +(\w+)\((.*)`).FindAllStringSubmatch(trace[opens[len(opens)-2]:opens[len(opens)-1]], -1) {
		// All but what wakes the runtime's own poller.
		if strings.Contains(m[2], name) || strings.Contains(m[2], "/fd>") || strings.Contains(m[2], "<socket:") {
			count[m[1]]++
		}
	}
	var list []string
	for _, call := range slices.Sorted(maps.Keys(count)) {
		list = append(list, fmt.Sprintf("%s %d", call, count[call]))
	}
	return strings.Join(list, ", ")
}

package main_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
)

// TestSendfile traces the system calls of the real server with an access log. Except for
// its first bytes, a large file goes from disk to the socket by sendfile, without being
// copied through the server's memory.
func TestSendfile(t *testing.T) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		if os.Getenv("BAILIWICK_REQUIRE_SERVERS") != "" {
			t.Fatal("strace is not installed")
		}
		t.Skip("strace is not installed")
	}
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
	// net/http sends the first 512 bytes together with the header.
	if sent < len(data)-512 {
		t.Errorf("sendfile sent %d of %d bytes:\n%.2000s", sent, len(data), calls)
	}
	if line, err := os.ReadFile(log); err != nil || bytes.Count(line, []byte("\n")) != 1 || !bytes.Contains(line, []byte("large.bin")) {
		t.Errorf("access log: %s, %v", line, err)
	}
}

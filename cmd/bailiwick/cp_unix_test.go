//go:build unix

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
)

// An interrupted copy leaves the old object unchanged and no temporary files.
func TestCpInterrupted(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(sig.String(), func(t *testing.T) {
			dir := tree(t, map[string]string{"old": "of before"})
			for _, name := range []string{"old", "new"} {
				code, said := interrupted(t, sig, filepath.Join(dir, name))
				if code != cli.ExitFailed || said != "copied 0 objects, 0 bytes\nbailiwick: interrupted; run the command again to continue\n" {
					t.Errorf("%s: exit code %d, %q", name, code, said)
				}
			}
			entries, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			if len(entries) != 1 || entries[0].Name() != "old" {
				t.Errorf("the directory has %v, want only the old file", entries)
			}
			if got, err := os.ReadFile(filepath.Join(dir, "old")); err != nil || string(got) != "of before" {
				t.Errorf("the old file has %q, %v", got, err)
			}
		})
	}
}

// interrupted sends sig to a copy that waits for more standard input, and returns its
// exit code and standard error.
func interrupted(t *testing.T, sig syscall.Signal, to string) (code int, said string) {
	t.Helper()
	cmd := command("cp", "-", to)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// More than a pipe buffers: once it is written, the copy has started.
	if _, err := stdin.Write(make([]byte, 4<<20)); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	return cmd.ProcessState.ExitCode(), stderr.String()
}

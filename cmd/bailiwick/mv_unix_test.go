//go:build unix

package main

import (
	"bufio"
	"bytes"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
)

// manyFiles returns more files than a run can finish before it is interrupted.
func manyFiles(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{}
	for i := range 1500 {
		files[fmt.Sprintf("d%02d/f%04d", i/100, i)] = fmt.Sprintf("file %d", i)
	}
	return files
}

// interruptedAfterFirst runs a command that prints its results, and interrupts it after
// the first one.
func interruptedAfterFirst(t *testing.T, args ...string) (code int, stderr string) {
	t.Helper()
	cmd := command(append(args, "--json", "--parallel", "1")...)
	var said bytes.Buffer
	cmd.Stderr = &said
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stdout)
	if !lines.Scan() {
		t.Fatalf("no result was printed: %s", &said)
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() {
	}
	_ = cmd.Wait()
	return cmd.ProcessState.ExitCode(), said.String()
}

// An interrupted mv loses nothing, and a second run finishes it.
func TestMvInterrupted(t *testing.T) {
	want := manyFiles(t)
	from, to := tree(t, want), filepath.Join(t.TempDir(), "to")
	code, said := interruptedAfterFirst(t, "mv", from, to)
	if code != cli.ExitFailed || !strings.Contains(said, "bailiwick: interrupted; run the command again to continue\n") {
		t.Fatalf("exit code %d, %q", code, said)
	}
	here, there := contents(t, from), contents(t, to)
	if len(here) == 0 || len(there) == 0 {
		t.Fatalf("%d files stayed, and %d were moved: it was not interrupted midway", len(here), len(there))
	}
	for name, text := range want {
		if here[name] != text && there[name] != text {
			t.Errorf("%s is neither in the source nor in the target", name)
		}
	}
	if code, _, stderr := runCommand(t, "mv", from, to); code != cli.ExitDone {
		t.Errorf("again: exit code %d, %q", code, stderr)
	}
	if here, there := contents(t, from), contents(t, to); len(here) > 0 || !maps.Equal(there, want) {
		t.Errorf("%d files stayed, and %d of %d were moved", len(here), len(there), len(want))
	}
}

// A sync --delete that is interrupted while it copies removes nothing.
func TestSyncInterrupted(t *testing.T) {
	from, to := tree(t, manyFiles(t)), tree(t, map[string]string{"old": "of before", "zz/old": "too"})
	code, said := interruptedAfterFirst(t, "sync", "--delete", from, to)
	if code != cli.ExitFailed || !strings.Contains(said, "interrupted") || strings.Contains(said, "removed") {
		t.Errorf("exit code %d, %q", code, said)
	}
	if there := contents(t, to); there["old"] != "of before" || there["zz/old"] != "too" {
		t.Errorf("it removed something: %q", said)
	}
}

// What the target has of the source as a bind mount is the only copy: sync --delete and mv
// refuse to begin.
func TestMirrorOntoMountedSource(t *testing.T) {
	for what, args := range map[string][]string{"sync": {"sync", "--delete"}, "mv": {"mv"}} {
		t.Run(what, func(t *testing.T) {
			dir := tree(t, map[string]string{"data/y/f": "only", "data/z": "z", "backup/z": "z"})
			if !bind(t, filepath.Join(dir, "data", "y"), filepath.Join(dir, "backup", "x")) {
				t.Skip("no privilege to mount")
			}
			code, _, said := runCommand(t, append(args, filepath.Join(dir, "data"), filepath.Join(dir, "backup"))...)
			if code != cli.ExitUsage || !strings.Contains(said, "shares directories with") {
				t.Errorf("exit %d: %s", code, said)
			}
			if got := filesIn(t, filepath.Join(dir, "data")); !slices.Equal(got, []string{"y/f", "z"}) {
				t.Errorf("the source has %q", got)
			}
		})
	}
}

package main

import (
	"bytes"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
)

// On a terminal, one line shows the progress of the copy. At the end only the summary
// remains.
func TestCpProgressOnTerminal(t *testing.T) {
	outside, inside := openTerminal(t)
	target := filepath.Join(t.TempDir(), "big")
	cmd := command("cp", "-", target)
	cmd.Stderr = inside
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	inside.Close()
	if _, err := stdin.Write(make([]byte, 2_500_000)); err != nil {
		t.Fatal(err)
	}
	if err := outside.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	var seen bytes.Buffer
	buf := make([]byte, 4096)
	for ended := false; !strings.Contains(seen.String(), "copied"); {
		n, err := outside.Read(buf)
		seen.Write(buf[:n])
		if err != nil {
			t.Fatalf("%v; the terminal has %q", err, &seen)
		}
		if !ended && strings.Contains(seen.String(), "0 objects, 2.5 MB, ") {
			ended = true
			stdin.Close()
		}
	}
	rest, _ := io.ReadAll(outside) // reading a closed terminal is an error
	seen.Write(rest)
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v: %q", err, &seen)
	}
	last := seen.String()[strings.LastIndex(seen.String(), "\x1b[K")+len("\x1b[K"):]
	if last != "copied 1 object, 2.5 MB\r\n" {
		t.Errorf("at the end, the terminal has %q", last)
	}
}

// Unreadable files are reported, and the rest is copied.
func TestCpUnreadable(t *testing.T) {
	from := tree(t, map[string]string{"a": "a", "b/closed": "b", "c/d": "d", "e": "e"})
	for _, name := range []string{"e", "c"} {
		if err := os.Chmod(filepath.Join(from, name), 0); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { _ = os.Chmod(filepath.Join(from, "c"), 0o700) })
	to := filepath.Join(t.TempDir(), "to")
	cmd := command("cp", from, to)
	if os.Geteuid() == 0 {
		// The owner of the files, without the privilege to bypass their modes.
		limited := exec.Command("setpriv", append([]string{"--bounding-set=-dac_override,-dac_read_search"}, cmd.Args...)...)
		limited.Env = cmd.Env
		cmd = limited
	}
	var said bytes.Buffer
	cmd.Stderr = &said
	_ = cmd.Run()
	code, stderr := cmd.ProcessState.ExitCode(), said.String()
	for _, line := range []string{`c/: no permission to read it \(permission\)`, `e: no permission to read it \(permission\)`} {
		if !regexp.MustCompile(`(?m)^bailiwick: ` + line + `$`).MatchString(stderr) {
			t.Errorf("standard error lacks %s:\n%s", line, stderr)
		}
	}
	if code != cli.ExitFailed || !strings.Contains(stderr, "copied 2 objects, 2 bytes; 2 refused") {
		t.Errorf("exit code %d:\n%s", code, stderr)
	}
}

// A full disk is reported once, no partial object is left, and existing objects are
// unchanged.
func TestCpFullDisk(t *testing.T) {
	from := tree(t, map[string]string{"a": "small", "b": strings.Repeat("x", 4<<20), "c": "more"})
	disk := smallDisk(t, "size=1m")
	if err := os.WriteFile(filepath.Join(disk, "b"), []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, stderr := runCommand(t, "cp", from, disk, "--parallel", "1")
	if code != cli.ExitFailed {
		t.Errorf("exit code %d", code)
	}
	want := "bailiwick: b: no space left\ncopied 1 object, 5 bytes; 1 failed\n" +
		"bailiwick: stopped: no space left at " + disk + "; free some, and run the command again to continue\n"
	if stderr != want {
		t.Errorf("standard error is %q, want %q", stderr, want)
	}
	if got, want := contents(t, disk), (map[string]string{"a": "small", "b": "old"}); !maps.Equal(got, want) {
		t.Errorf("the disk has %q", got)
	}
}

// With a full disk or an unreadable directory, no data is lost: mv removes only what it
// copied, and sync removes nothing.
func TestMoveAndSyncFail(t *testing.T) {
	big := map[string]string{"a": "small", "b": strings.Repeat("x", 4<<20)}
	from, disk := tree(t, big), smallDisk(t, "size=1m")
	code, _, stderr := runCommand(t, "mv", from, disk, "--parallel", "1")
	if code != cli.ExitFailed || !strings.Contains(stderr, "moved 1 object, 5 bytes; 1 failed\nbailiwick: stopped: no space left at "+disk) {
		t.Errorf("mv: exit code %d, %q", code, stderr)
	}
	if got := contents(t, from); got["b"] != big["b"] || len(got) != 1 {
		t.Errorf("mv: %d files stayed", len(got))
	}
	if err := os.WriteFile(filepath.Join(disk, "old"), []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, stderr = runCommand(t, "sync", from, disk, "--delete")
	if code != cli.ExitFailed || strings.Contains(stderr, "removed") {
		t.Errorf("sync to a full disk: exit code %d, %q", code, stderr)
	}
	if got, want := contents(t, disk), (map[string]string{"a": "small", "old": "old"}); !maps.Equal(got, want) {
		t.Errorf("the disk has %q", got)
	}

	from = tree(t, map[string]string{"a": "a", "c/d": "d"})
	to := tree(t, map[string]string{"c/d": "d", "c/old": "old", "old": "old"})
	if err := os.Chmod(filepath.Join(from, "c"), 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(filepath.Join(from, "c"), 0o700) })
	cmd := command("sync", from, to, "--delete")
	if os.Geteuid() == 0 {
		limited := exec.Command("setpriv", append([]string{"--bounding-set=-dac_override,-dac_read_search"}, cmd.Args...)...)
		limited.Env = cmd.Env
		cmd = limited
	}
	var said bytes.Buffer
	cmd.Stderr = &said
	_ = cmd.Run()
	if cmd.ProcessState.ExitCode() != cli.ExitFailed || !strings.Contains(said.String(), "nothing was removed at ") {
		t.Errorf("sync of an unreadable directory: %q", &said)
	}
	if got, want := contents(t, to), (map[string]string{"a": "a", "c/d": "d", "c/old": "old", "old": "old"}); !maps.Equal(got, want) {
		t.Errorf("the target has %q", got)
	}
}

// openTerminal returns the two ends of a terminal.
func openTerminal(t *testing.T) (outside, inside *os.File) {
	t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	outside = os.NewFile(uintptr(fd), "/dev/ptmx")
	t.Cleanup(func() { outside.Close() })
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	inside, err = os.OpenFile("/dev/pts/"+strconv.Itoa(number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return outside, inside
}

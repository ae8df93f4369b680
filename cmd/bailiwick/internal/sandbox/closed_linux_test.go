package sandbox_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/sandbox"
)

// nobody is an unprivileged user on most systems, and otherwise an unused ID.
const nobody = 65534

// besideClosed restricts this process, as an unprivileged user, to some directories that
// the user may open and one that it may not.
func besideClosed(dir string) error {
	if os.Getuid() == 0 {
		if err := syscall.Setresuid(nobody, nobody, nobody); err != nil {
			return err
		}
	}
	closed := filepath.Join(dir, "closed/.aws")
	if _, err := os.Open(closed); !errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("before the sandbox: %v, want permission denied", err) // the control
	}
	_, line, err := sandbox.Restrict(sandbox.Paths{Read: append(sandbox.System(), closed), Write: []string{closed}})
	if err != nil {
		return err
	}
	fmt.Println(line)
	return read("/etc/hosts")
}

// TestRestrictBesideClosed restricts a process to a directory that its user may not
// open, such as another user's home directory.
func TestRestrictBesideClosed(t *testing.T) {
	dir := t.TempDir()
	closed := filepath.Join(dir, "closed")
	if err := os.MkdirAll(filepath.Join(closed, ".aws"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(closed, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(closed, 0o700) })
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "BAILIWICK_TEST_SANDBOX_CLOSED="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if !strings.Contains(string(out), "landlock: on") {
		t.Skipf("%s", out)
	}
}

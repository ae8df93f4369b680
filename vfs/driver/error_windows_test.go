package driver_test

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

var systemErrors = []struct {
	err    error
	reason vfs.Reason
}{
	{syscall.Errno(123), reason.Unholdable},
	{syscall.Errno(161), reason.Unholdable},
	{syscall.Errno(206), reason.Unholdable},
	{status(0xC0000033), reason.Unholdable}, // STATUS_OBJECT_NAME_INVALID
	{syscall.Errno(267), reason.Missing},
	{syscall.Errno(1921), reason.Symlink},
	{syscall.ERROR_PATH_NOT_FOUND, reason.Missing},
	{syscall.ERROR_ACCESS_DENIED, reason.Permission},
	{syscall.Errno(32), ""},   // ERROR_SHARING_VIOLATION
	{syscall.Errno(1117), ""}, // ERROR_IO_DEVICE
}

// status is an error of the native interface, like x/sys/windows's NTStatus.
type status uint32

func (s status) Error() string { return "native status" }

func (s status) Errno() syscall.Errno {
	if s == 0xC0000033 {
		return 123
	}
	return 0
}

// TestReservedCharacters compares with the errors of Windows itself.
func TestReservedCharacters(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(dir+`\ab`, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	b := vfs.FromFS(os.DirFS(dir))
	for _, name := range []string{
		"a?", "a*", "?b", "*", `"ab"`, "<ab", "ab>", "a|b", "a?/ab", "*/ab", "ab/c", "ab/?",
		strings.Repeat("x", 255), strings.Repeat("y/", 400) + "z", "NUL/x", "ab:stream", "C:ab",
	} {
		n := mustName(t, name)
		_, opened := b.Open(t.Context(), n, vfs.Request{})
		_, looked := b.Stat(t.Context(), n, vfs.Request{})
		var listed error
		for _, listed = range b.List(t.Context(), n, "") {
		}
		for call, err := range map[string]error{"Open": opened, "Stat": looked, "List": listed} {
			if !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s(%q): %v", call, name, err)
			}
		}
	}
}

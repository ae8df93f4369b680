package disk

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/windows"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

func name(t *testing.T, s string) vfs.Name {
	t.Helper()
	n, err := vfs.ParseName(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestImpossibleNames: names that Windows cannot store are missing like any other, for
// every operation, which leaves nothing behind.
func TestImpossibleNames(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "ab"), []byte("ab"), 0o600); err != nil {
		t.Fatal(err)
	}
	b, err := New(dir, Options{Writable: true, SkipSelfTest: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	for _, s := range []string{
		"a?", "a*", "?b", "*", `"ab"`, "<ab", "ab>", "a|b", "a?/ab", "*/ab", "ab/c", "ab/?", "new/a?", "new/*/x",
		strings.Repeat("y/", 20) + "?",
	} {
		n := name(t, s)
		_, opened := b.Open(t.Context(), n, vfs.Request{})
		_, looked := b.Stat(t.Context(), n, vfs.Request{})
		_, put := b.Put(t.Context(), n, strings.NewReader("x"), vfs.PutOptions{})
		removed := b.Remove(t.Context(), n, vfs.Cond{})
		var listed error
		for _, listed = range b.List(t.Context(), n, "") {
		}
		for call, err := range map[string]error{"Open": opened, "Stat": looked, "Put": put, "Remove": removed, "List": listed} {
			if !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s(%q): %v", call, s, err)
			}
		}
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

// TestErrors: the result of each kind of failure, for a reader and for a writer.
func TestErrors(t *testing.T) {
	n := name(t, "a")
	for _, tt := range []struct {
		err         error
		read, write error
		reason      vfs.Reason
	}{
		{windows.ERROR_INVALID_NAME, fs.ErrNotExist, fs.ErrNotExist, reason.Unholdable},
		{windows.ERROR_BAD_PATHNAME, fs.ErrNotExist, fs.ErrNotExist, reason.Unholdable},
		{windows.ERROR_FILENAME_EXCED_RANGE, fs.ErrNotExist, fs.ErrNotExist, reason.Unholdable},
		{windows.ERROR_ACCESS_DENIED, fs.ErrNotExist, fs.ErrNotExist, reason.Permission},
		{windows.ERROR_SHARING_VIOLATION, vfs.ErrUnavailable, vfs.ErrUnavailable, ""},
		{windows.ERROR_LOCK_VIOLATION, vfs.ErrUnavailable, vfs.ErrUnavailable, ""},
		{windows.ERROR_TOO_MANY_OPEN_FILES, vfs.ErrUnavailable, vfs.ErrUnavailable, ""},
		{windows.ERROR_DISK_FULL, windows.ERROR_DISK_FULL, vfs.ErrFull, ""},
		{windows.ERROR_DISK_QUOTA_EXCEEDED, windows.ERROR_DISK_QUOTA_EXCEEDED, vfs.ErrFull, ""},
		{windows.ERROR_IO_DEVICE, windows.ERROR_IO_DEVICE, windows.ERROR_IO_DEVICE, ""},
	} {
		read := rootError("open", n, &fs.PathError{Op: "openat", Path: `C:\somewhere`, Err: tt.err})
		write := writeError("put", n, &os.LinkError{Op: "renameat", Old: `C:\somewhere`, New: "x", Err: tt.err})
		for _, got := range []struct{ err, want error }{{read, tt.read}, {write, tt.write}} {
			if !errors.Is(got.err, got.want) || vfs.ReasonOf(got.err) != tt.reason || errors.Is(got.err, fs.ErrNotExist) != (tt.reason != "") {
				t.Errorf("%v: %v, reason %q, want %v, %q", tt.err, got.err, vfs.ReasonOf(got.err), got.want, tt.reason)
			}
			if strings.Contains(got.err.Error(), "somewhere") {
				t.Errorf("%v: the error reveals the path: %v", tt.err, got.err)
			}
		}
	}
}

// TestUnsupported: what FAT and exFAT report of a hard link, so that Put renames instead. No
// other failure of a link leads to a rename, which could replace a file.
func TestUnsupported(t *testing.T) {
	for err, want := range map[error]bool{
		windows.ERROR_INVALID_FUNCTION: true, windows.ERROR_NOT_SUPPORTED: true, windows.ERROR_CALL_NOT_IMPLEMENTED: true,
		windows.ERROR_ALREADY_EXISTS: false, windows.ERROR_FILE_EXISTS: false, windows.ERROR_ACCESS_DENIED: false, windows.ERROR_TOO_MANY_LINKS: false, windows.ERROR_NOT_SAME_DEVICE: false,
	} {
		if got := isUnsupported(&os.LinkError{Op: "linkat", Old: "a", New: "b", Err: err}); got != want {
			t.Errorf("%v: %t, want %t", err, got, want)
		}
	}
	if isUnsupported(nil) {
		t.Error("no error is unsupported")
	}
}

// TestChangesOfOpenFiles: a file that is being read is replaced or removed, or the
// change can be retried. It never looks missing, and the reader gets one whole version.
func TestChangesOfOpenFiles(t *testing.T) {
	dir := t.TempDir()
	b, err := New(dir, Options{Writable: true, SkipSelfTest: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	old := strings.Repeat("old", smallBytes)
	n := name(t, "file")
	put := func(data string) error {
		_, err := b.Put(t.Context(), n, strings.NewReader(data), vfs.PutOptions{})
		return err
	}
	if err := put(old); err != nil {
		t.Fatal(err)
	}
	obj, err := b.Open(t.Context(), n, vfs.Request{})
	if err != nil {
		t.Fatal(err)
	}
	if err := put("new"); err != nil && !errors.Is(err, vfs.ErrUnavailable) {
		t.Errorf("Put during a read: %v (%v)", err, errors.Unwrap(err))
	}
	if got, err := io.ReadAll(obj.Body); err != nil || string(got) != old {
		t.Errorf("the reader got %d bytes, %v", len(got), err)
	}
	obj.Body.Close()
	if err := put("new"); err != nil {
		t.Errorf("Put after the reader: %v", err)
	}
	// Open the file like another program: shared for reading and writing, but not for
	// deletion.
	f, err := os.Open(filepath.Join(dir, "file"))
	if err != nil {
		t.Fatal(err)
	}
	for call, err := range map[string]error{"Put": put("newer"), "Remove": b.Remove(t.Context(), n, vfs.Cond{})} {
		if err != nil && !errors.Is(err, vfs.ErrUnavailable) {
			t.Errorf("%s beside another program: %v (%v)", call, err, errors.Unwrap(err))
		}
	}
	f.Close()
	if err := put("newest"); err != nil {
		t.Errorf("Put after the other program: %v", err)
	}
	if err := b.Remove(t.Context(), n, vfs.Cond{}); err != nil {
		t.Errorf("Remove after the other program: %v", err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

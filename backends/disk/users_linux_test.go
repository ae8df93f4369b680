package disk_test

import (
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/bailiwick-fs/bailiwick/backends/disk"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// If several users may write to a directory, one can write while another's server is
// open and keeps its incomplete objects in a directory that only it can access.
func TestUsersSideBySide(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to act as several users")
	}
	dir := t.TempDir()
	for path, mode := range map[string]os.FileMode{"/..": 0o755, "": 0o777} {
		if err := os.Chmod(dir+path, mode); err != nil {
			t.Fatal(err)
		}
	}
	// as runs f as a user, on a thread that ends with it.
	as := func(uid uintptr, f func()) {
		done := make(chan syscall.Errno)
		go func() {
			runtime.LockOSThread()
			const same = ^uintptr(0)
			_, _, errno := syscall.RawSyscall(syscall.SYS_SETRESUID, same, uid, same)
			if errno == 0 {
				f()
			}
			done <- errno
		}()
		if errno := <-done; errno != 0 {
			t.Skipf("cannot act as another user here: %v", errno)
		}
	}
	writer := func(object string) *disk.Backend {
		b, err := disk.New(dir, disk.Options{Writable: true, SkipSelfTest: true})
		if err != nil {
			t.Error(err)
			return nil
		}
		if _, err := b.Put(t.Context(), name(t, object), strings.NewReader(object), vfs.PutOptions{}); err != nil {
			t.Error(err)
		}
		return b
	}
	var first, second *disk.Backend
	as(1001, func() { first = writer("one") })
	as(1002, func() { second = writer("two") })
	as(1001, func() {
		if first != nil {
			if err := first.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	as(1002, func() {
		if second != nil {
			if err := second.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	if got := snapshot(t, dir); len(got) != 3 {
		t.Errorf("the tree is %q", got)
	}
}

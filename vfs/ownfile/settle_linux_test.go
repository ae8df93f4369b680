package ownfile_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/vfs/ownfile"
)

// Removing a file to free space frees it at once, even if the file was held.
func TestSettle(t *testing.T) {
	path := filepath.Join(t.TempDir(), "reserve")
	if err := os.WriteFile(path, []byte("room"), 0o600); err != nil {
		t.Fatal(err)
	}
	defer ownfile.Hold(ownfile.File{Path: path})()
	if kept(t, path) == 0 {
		t.Fatal("the file is not kept, so this test proves nothing")
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	ownfile.Settle()
	if n := kept(t, path); n != 0 {
		t.Errorf("%d descriptors keep the removed file", n)
	}
}

// kept counts this process's descriptors that lead to path, removed or not.
func kept(t *testing.T, path string) (n int) {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		// A descriptor closed meanwhile leads nowhere.
		target, _ := os.Readlink("/proc/self/fd/" + fd.Name())
		if strings.TrimSuffix(target, " (deleted)") == path {
			n++
		}
	}
	return n
}

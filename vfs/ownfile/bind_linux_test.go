package ownfile

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// A bind mount of a file, or of a directory above it, is the same file.
func TestBindMounts(t *testing.T) {
	dir := t.TempDir()
	file := write(t, filepath.Join(dir, "etc/keys"), "x")
	late := filepath.Join(dir, "etc/late")
	bind := func(from, to string) {
		if err := syscall.Mount(from, to, "", syscall.MS_BIND, ""); err != nil {
			t.Skipf("cannot mount here: %v", err)
		}
		t.Cleanup(func() { syscall.Unmount(to, syscall.MNT_DETACH) })
	}
	must(t, os.MkdirAll(filepath.Join(dir, "www/etc"), 0o700))
	write(t, filepath.Join(dir, "www/x"), "")
	hold(t, File{Path: file}, File{Path: late})
	bind(filepath.Join(dir, "etc"), filepath.Join(dir, "www/etc"))
	bind(file, filepath.Join(dir, "www/x"))
	write(t, late, "x")
	for _, name := range []string{"www/etc/keys", "www/x", "www/etc/late"} {
		if !own(t, filepath.Join(dir, name)) {
			t.Errorf("%s is a bind mount of an own file, but is not own", name)
		}
	}
	st, err := os.Stat(filepath.Join(dir, "www/etc"))
	must(t, err)
	must(t, os.Remove(late))
	if !Reserves(IDOf(st), "late") {
		t.Error("in the mounted directory, the name is not reserved")
	}
}

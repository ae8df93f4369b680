package sqlite_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bailiwick-fs/bailiwick/server/catalog/sqlite"
)

// TestMounted mounts a single file, as containers do, and then its directory.
func TestMounted(t *testing.T) {
	outside, dir := newFile(t), t.TempDir()
	s := open(t, outside)
	if err := errors.Join(store(t.Context(), s), s.Close()); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "catalog.db")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	mount := func(from, to string) {
		t.Helper()
		if err := unix.Mount(from, to, "", unix.MS_BIND, ""); err != nil {
			t.Skip("no permission to mount:", err)
		}
	}
	unmount := func(path string) {
		t.Helper()
		if err := unix.Unmount(path, 0); err != nil {
			t.Error(err)
		}
	}
	mount(outside, file)
	_, err := sqlite.Open(t.Context(), file, source, sqlite.Options{})
	unmount(file)
	if err == nil || !strings.Contains(err.Error(), "mount its directory") {
		t.Errorf("a file that is mounted as a single file: %v", err)
	}
	mount(filepath.Dir(outside), dir)
	defer unmount(dir)
	s, err = sqlite.Open(t.Context(), file, source, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := store(t.Context(), s); err != nil {
		t.Error(err)
	}
}

package sqlite_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/bailiwick-fs/bailiwick/server/catalog/sqlite"
	"github.com/bailiwick-fs/bailiwick/vfs/ownfile"
)

// While a catalog is open, its files are registered as the process's own: a backend that
// closed a descriptor of one would release its locks.
func TestFilesAreOwn(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "catalog")
	own := func(path string) bool {
		st, err := os.Stat(path)
		return err == nil && ownfile.Is(ownfile.IDOf(st))
	}
	reserved := func() bool {
		st, err := os.Stat(dir)
		return err == nil && ownfile.Reserves(ownfile.IDOf(st), "catalog-journal")
	}
	var stores []*sqlite.Store
	for range 2 {
		s, err := sqlite.Open(t.Context(), path, source, sqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		stores = append(stores, s)
	}
	for _, s := range stores {
		for _, file := range sqlite.Files(path) {
			if _, err := os.Stat(file); err == nil && !own(file) {
				t.Errorf("%s is not the process's own", filepath.Base(file))
			}
		}
		if !own(path) || !own(path+"-shm") || !reserved() {
			t.Error("the database, its index or the name of its journal is not registered")
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if own(path) || reserved() {
		t.Error("a closed catalog is still registered as the process's own")
	}
	// A file that cannot be opened is not registered.
	if err := os.WriteFile(filepath.Join(dir, "other"), []byte("no database"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := sqlite.Open(t.Context(), filepath.Join(dir, "other"), source, sqlite.Options{}); err == nil {
		t.Fatal("it was opened")
	}
	if own(filepath.Join(dir, "other")) {
		t.Error("a file that could not be opened is registered as the process's own")
	}
}

package sqlite_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/bailiwick-fs/bailiwick/server/catalog/catalogtest"
	"github.com/bailiwick-fs/bailiwick/server/catalog/sqlite"
)

// TestFiles searches for files of a catalog that Files does not return, by every path to
// the catalog.
func TestFiles(t *testing.T) {
	real, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(real, "catalog.db")
	dir := filepath.Dir(file)
	link, linkedDir := filepath.Join(t.TempDir(), "link"), filepath.Join(t.TempDir(), "dir")
	before := sqlite.Files(file)
	s := open(t, file)
	if err := s.Begin(t.Context(), catalogtest.NewRecord("a name")); err != nil {
		t.Fatal(err)
	}
	ways := []string{file}
	if err := errors.Join(os.Symlink(file, link), os.Symlink(dir, linkedDir)); err == nil {
		ways = append(ways, link, filepath.Join(linkedDir, filepath.Base(file)))
	} else {
		t.Log("no permission to create symbolic links:", err)
	}
	t.Chdir(dir)
	ways = append(ways, filepath.Base(file))
	for _, way := range ways {
		files := sqlite.Files(way)
		if !slices.Equal(files, before) {
			t.Errorf("Files(%q) = %q, but by its own path, before the file existed, %q", way, files, before)
		}
		for _, name := range ls(t, dir) {
			if !slices.Contains(files, filepath.Join(dir, name)) {
				t.Errorf("Files(%q) = %q, without %s", way, files, name)
			}
		}
	}
	if n := len(ls(t, dir)); n != 5 {
		t.Errorf("there are %d files, want all but the rollback journal", n)
	}
}

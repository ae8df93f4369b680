package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/server/catalog/catalogtest"
	"github.com/bailiwick-fs/bailiwick/server/catalog/sqlite"
)

func open(t testing.TB, path string) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestCatalog(t *testing.T) {
	catalogtest.Test(t, func(t testing.TB) catalog.Catalog {
		return open(t, filepath.Join(t.TempDir(), "catalog.db"))
	})
}

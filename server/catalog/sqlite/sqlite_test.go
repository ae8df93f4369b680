package sqlite_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/server/catalog/catalogtest"
	"github.com/bailiwick-fs/bailiwick/server/catalog/sqlite"
)

// source is the source of the catalogs in tests that do not depend on it.
const source catalog.Source = "/srv/uploads"

func openCatalog(ctx context.Context, path string) (catalog.Catalog, error) {
	return sqlite.Open(ctx, path, source, sqlite.Options{})
}

func TestMain(m *testing.M) { catalogtest.Main(m, openCatalog) }

// open opens the catalog at path until the test ends.
func open(t testing.TB, path string) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), path, source, sqlite.Options{})
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

func newFile(t testing.TB) string { return filepath.Join(t.TempDir(), "catalog.db") }

func TestCatalog(t *testing.T) {
	catalogtest.Test(t, func(t testing.TB) catalog.Catalog { return open(t, newFile(t)) })
}

func TestInstances(t *testing.T) {
	path := newFile(t)
	catalogtest.TestInstances(t, func(t testing.TB) catalog.Catalog { return open(t, path) })
}

func TestSources(t *testing.T) {
	path := newFile(t)
	catalogtest.TestSources(t, func(source catalog.Source) (catalog.Shared, error) {
		s, err := sqlite.Open(t.Context(), path, source, sqlite.Options{})
		if err != nil {
			return nil, err
		}
		return s, nil
	})
}

func TestUses(t *testing.T) {
	path := newFile(t)
	catalogtest.TestUses(t, func(t testing.TB) catalogtest.UseCounter { return open(t, path) })
}

func TestShares(t *testing.T) {
	path := newFile(t)
	catalogtest.TestShares(t, func(t testing.TB) catalogtest.ShareStore { return open(t, path) })
}

func TestClock(t *testing.T) {
	path := newFile(t)
	catalogtest.TestClock(t, func(now func() time.Time) catalogtest.UseCounter {
		s, err := sqlite.Open(t.Context(), path, source, sqlite.Options{Now: now})
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}

func TestProcesses(t *testing.T) { catalogtest.TestProcesses(t, newFile(t), openCatalog) }

func BenchmarkUpload(b *testing.B) { catalogtest.Bench(b, open(b, newFile(b))) }

// TestStaleByIndex: each start looks for stale rows, so that must not read all rows of a
// large catalog. Without the index it cannot be done at all.
func TestStaleByIndex(t *testing.T) {
	path := newFile(t)
	s := open(t, path)
	execute(t, raw(t, path), "DROP INDEX objects_left")
	for rec, err := range s.Stale(t.Context(), time.Now()) {
		if err == nil || !strings.Contains(err.Error(), "objects_left") {
			t.Errorf("%v, %v, want an error about the index", rec, err)
		}
		return
	}
	t.Error("without the index, all rows are read")
}

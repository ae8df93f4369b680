package sqlite_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/server/catalog/catalogtest"
	"github.com/bailiwick-fs/bailiwick/server/catalog/internal/table"
	"github.com/bailiwick-fs/bailiwick/server/catalog/sqlite"
)

// TestFull fills the file system of a catalog: a call that finds no space changes
// nothing, reads still work, and so do writes once there is space.
func TestFull(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=6m"); err != nil {
		t.Skip("no permission to mount a file system:", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	s := open(t, filepath.Join(dir, "catalog.db"))
	filler := filepath.Join(dir, "filler")
	var stored []catalog.Record
	store := func() error {
		rec := catalogtest.NewRecord("a name")
		if err := s.Begin(t.Context(), rec); err != nil {
			return err
		}
		rec, err := s.Commit(t.Context(), catalogtest.Done(rec, "data"))
		if err == nil {
			stored = append(stored, rec)
		}
		return err
	}
	if err := store(); err != nil {
		t.Fatal(err)
	}
	// grow fills the file system.
	grow := func() {
		t.Helper()
		f, err := os.OpenFile(filler, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		for err == nil {
			_, err = f.Write(make([]byte, 4096))
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for range 30 {
		if err := store(); err != nil {
			t.Fatal(err)
		}
	}
	grow()
	var err error
	for range 10000 {
		if err = store(); err != nil {
			break
		}
	}
	if !errors.Is(err, catalog.ErrFull) {
		t.Fatalf("a full file system: %v, want ErrFull", err)
	}
	known := func() {
		t.Helper()
		for _, want := range stored {
			if got, err := s.Get(t.Context(), want.ID); err != nil || got != want {
				t.Fatalf("got %+v, %v, want %+v", got, err, want)
			}
		}
	}
	known()
	// Removals still find space, however many there are, and also after a restart.
	for len(stored) > 1 {
		last := len(stored) - 1
		id := stored[last].ID
		if err := errors.Join(s.Delete(t.Context(), id), s.Forget(t.Context(), id)); err != nil {
			t.Fatalf("removing from a full file system, with %d rows left: %v", last+1, err)
		}
		if stored = stored[:last]; last == 20 || last == 10 {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = open(t, filepath.Join(dir, "catalog.db"))
			grow()
		}
	}
	known()
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	if err := store(); err != nil {
		t.Errorf("with space again: %v", err)
	}
	known()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestFullMigration migrates an old catalog on a full file system: it stays unchanged
// until there is space.
func TestFullMigration(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=6m"); err != nil {
		t.Skip("no permission to mount a file system:", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	all, err := table.Migrations("sqlite")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "catalog.db")
	s, err := sqlite.OpenWith(t.Context(), path, source, sqlite.Options{}, all[:2])
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	// Without a reserve, there is no spare space.
	if err := os.Remove(path + "-reserve"); err != nil {
		t.Fatal(err)
	}
	db := raw(t, path)
	execute(t, db, `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 24000)
		INSERT INTO objects (id, name, type, size, sha256, owner, created, touched, state, instance)
		SELECT printf('00000000-0000-4000-8000-%012d', i), 'a name', 'text/plain', 4, randomblob(32), '', 1, 1, 'ready', '' FROM n`)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	before := dump(t, path)
	if _, err := sqlite.Open(t.Context(), path, source, sqlite.Options{}); !errors.Is(err, catalog.ErrFull) {
		t.Errorf("without space: %v, want ErrFull", err)
	}
	if after := dump(t, path); after != before {
		t.Error("a migration without space changed the catalog")
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_REMOUNT, "size=60m"); err != nil {
		t.Fatal(err)
	}
	s = open(t, path)
	if n, err := s.Count(t.Context(), ""); n != 24000 || err != nil {
		t.Errorf("with space again: %d rows, %v", n, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

package sqlite_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/server/catalog/catalogtest"
)

// TestFull fills the file system under a catalog: the call that finds no room
// changes nothing, reading goes on, and so does writing once there is room.
func TestFull(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=6m"); err != nil {
		t.Skip("no right to mount a file system:", err)
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
	// grow takes all room that there is.
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
	// Removals find room all the same, however many, and also after a start.
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
		t.Errorf("with room again: %v", err)
	}
	known()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

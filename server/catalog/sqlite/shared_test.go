package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/server/catalog/catalogtest"
	"github.com/bailiwick-fs/bailiwick/server/catalog/sqlite"
)

// other runs a statement in another process, like an operator.
func other(t testing.TB, path, query string) string {
	t.Helper()
	program, err := exec.LookPath("sqlite3")
	if err != nil {
		if os.Getenv("BAILIWICK_REQUIRE_SERVERS") == "1" {
			t.Fatal(err)
		}
		t.Skip("no sqlite3: install it (Debian: apt install sqlite3)")
	}
	out, err := exec.CommandContext(t.Context(), program, "-cmd", ".timeout 10000", path, query).CombinedOutput()
	if err != nil {
		t.Fatalf("sqlite3: %v: %s", err, out)
	}
	return strings.TrimSpace(string(out))
}

const countReady = "SELECT count(*) FROM objects WHERE state = 'ready'"

func store(ctx context.Context, c catalog.Catalog) error {
	rec := catalogtest.NewRecord("a name")
	if err := c.Begin(ctx, rec); err != nil {
		return err
	}
	_, err := c.Commit(ctx, catalogtest.Done(rec, "data"))
	return err
}

// TestOpenedTwice opens one file several times, by every path to it. If the second Open
// or its Close released the locks, another process would show it: that process would
// consider itself the last user and remove the log, and would not see later commits.
func TestOpenedTwice(t *testing.T) {
	file := newFile(t)
	dir := filepath.Dir(file)
	ways := map[string]string{"the same path": file, "another spelling": dir + "/./" + filepath.Base(file), "a relative path": filepath.Base(file)}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(file, link); err == nil {
		ways["a symbolic link"] = link
	}
	t.Chdir(dir)
	a := open(t, file)
	if err := store(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	rows := 1
	look := func(what string) {
		t.Helper()
		for range 2 { // the first of them may remove the log
			if got := other(t, file, countReady); got != fmt.Sprint(rows) {
				t.Errorf("%s: another process sees %s rows, but %d were committed", what, got, rows)
			}
			if err := store(t.Context(), a); err != nil {
				t.Fatal(err)
			}
			rows++
		}
	}
	look("opened once")
	before := descriptors(t, file)
	for what, way := range ways {
		b, err := sqlite.Open(t.Context(), way, source, sqlite.Options{})
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		look("opened by " + what)
		if err := store(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		rows++
		if after := descriptors(t, file); after != before {
			t.Errorf("opened by %s, the process has %d descriptors of the file, and had %d", what, after, before)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		look("closed by " + what)
		if err := store(t.Context(), b); !errors.Is(err, catalog.ErrClosed) {
			t.Errorf("a closed Store, while another one has the file open: %v", err)
		}
	}
}

// descriptors returns how many descriptors of a file this process has, if the system can
// tell.
func descriptors(t testing.TB, path string) (n int) {
	t.Helper()
	if runtime.GOOS != "linux" {
		return 0
	}
	all, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range all {
		if to, err := os.Readlink(fd); err == nil && to == path {
			n++
		}
	}
	return n
}

// TestOpenedAtOnce opens, creates and closes one file from many goroutines while another
// process reads it.
func TestOpenedAtOnce(t *testing.T) {
	file := newFile(t)
	const goroutines, rounds = 8, 6
	g, ctx := errgroup.WithContext(t.Context())
	for range goroutines {
		g.Go(func() error {
			for range rounds {
				s, err := sqlite.Open(ctx, file, source, sqlite.Options{})
				if err != nil {
					return err
				}
				if err := errors.Join(store(ctx, s), s.Close()); err != nil {
					return err
				}
			}
			return nil
		})
	}
	done := make(chan error, 1)
	go func() { done <- g.Wait() }()
	for {
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			if got := other(t, file, countReady); got != fmt.Sprint(goroutines*rounds) {
				t.Errorf("%s rows of %d", got, goroutines*rounds)
			}
			if n := descriptors(t, file); n > 0 {
				t.Errorf("%d descriptors remain", n)
			}
			return
		default:
			other(t, file, "SELECT 1")
		}
	}
}

// TestHardLink refuses a file with two names: each name has its own log, so a server
// with the second name would not see what the first one committed.
func TestHardLink(t *testing.T) {
	file := newFile(t)
	s, err := sqlite.Open(t.Context(), file, source, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	second := filepath.Join(t.TempDir(), "second.db")
	if err := os.Link(file, second); err != nil {
		t.Skip("no hard links here:", err)
	}
	for _, open := range []bool{true, false} {
		for _, path := range []string{file, second} {
			if _, err := sqlite.Open(t.Context(), path, source, sqlite.Options{}); err == nil || !strings.Contains(err.Error(), "2 names") {
				t.Errorf("%s, while it is open (%t): %v", path, open, err)
			}
		}
		if err := store(t.Context(), s); open != (err == nil) {
			t.Errorf("open: %t, and storing: %v", open, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := os.Remove(second); err != nil {
		t.Fatal(err)
	}
	if err := store(t.Context(), open(t, file)); err != nil {
		t.Error(err)
	}
}

// TestReplaced replaces the file of an open catalog. The replacement must not be opened:
// the log beside it belongs to the first file.
func TestReplaced(t *testing.T) {
	file := newFile(t)
	s := open(t, file)
	if err := store(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file, file+".old"); err != nil {
		t.Skip("an open file cannot be moved here:", err)
	}
	for _, what := range []string{"removed", "replaced"} {
		if what == "replaced" {
			if err := os.WriteFile(file, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := sqlite.Open(t.Context(), file, source, sqlite.Options{}); !errors.Is(err, catalog.ErrUnavailable) {
			t.Errorf("opening a file that was %s while it is open: %v", what, err)
		}
		// New connections must not open the replacement.
		if err := readAtOnce(t.Context(), s); err != nil && !errors.Is(err, catalog.ErrUnavailable) {
			t.Errorf("reading a file that was %s: %v", what, err)
		}
	}
	if info, err := os.Stat(file); err != nil || info.Size() != 0 {
		t.Errorf("the other file was written to: %v, %v", info, err)
	}
}

// readAtOnce uses all connections of a Store.
func readAtOnce(ctx context.Context, s *sqlite.Store) error {
	var g errgroup.Group
	for range 64 {
		g.Go(func() error {
			for _, err := range s.All(ctx) {
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	return g.Wait()
}

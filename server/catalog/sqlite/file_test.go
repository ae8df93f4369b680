package sqlite_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/server/catalog/catalogtest"
	"github.com/bailiwick-fs/bailiwick/server/catalog/sqlite"
)

// TestPaths opens catalogs at paths that some layer could misinterpret.
func TestPaths(t *testing.T) {
	names := []string{
		"a b", "100%", "%41", "%3f", "a#b", "a;b", "a&b", "a+b", "a=b", "'quoted'", "é", "e\u0301", "📚", "file", "-", "a,b", "[x]", "$HOME", "~", "a b #%.db",
	}
	if runtime.GOOS != "windows" {
		names = append(names, "a?b", "a?mode=memory", "?", "a:b", ":memory:", "file:x?mode=memory", `"quoted"`, `a\b`, "a\nb", "*", "a?_pragma=journal_mode(OFF)")
	}
	if runtime.GOOS == "linux" {
		names = append(names, "caf\xe9")
	}
	for _, name := range names {
		dir := filepath.Join(t.TempDir(), name)
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, name)
		s := open(t, path)
		rec := catalogtest.NewRecord("a name")
		if err := s.Begin(t.Context(), rec); err != nil {
			t.Errorf("%q: %v", name, err)
		}
		if info, err := os.Stat(path); err != nil || info.Size() == 0 {
			t.Errorf("the catalog is not at %q: %v", name, err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("%q: %v", name, err)
		}
		want := []string{name, name + "-instances", name + "-reserve"}
		if got := ls(t, dir); strings.Join(got, "|") != strings.Join(want, "|") {
			t.Errorf("after Close, the directory has %q, want %q", got, want)
		}
		if left := ls(t, path+"-instances"); len(left) > 0 {
			t.Errorf("after Close, there are instances %q", left)
		}
		for _, err := range open(t, path).All(t.Context()) {
			if err != nil {
				t.Errorf("%q: %v", name, err)
			}
		}
	}
}

func ls(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// TestMode checks the modes of all files while the catalog is open: the names of users'
// files are private.
func TestMode(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no modes")
	}
	path := newFile(t)
	s := open(t, path)
	if err := s.Begin(t.Context(), catalogtest.NewRecord("a name")); err != nil {
		t.Fatal(err)
	}
	names := ls(t, filepath.Dir(path))
	if len(names) != 5 {
		t.Errorf("the catalog is in %q, want the file, its log, the log's index, instances, and the reserve", names)
	}
	for _, name := range names {
		info, err := os.Stat(filepath.Join(filepath.Dir(path), name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
	}
}

// TestForeign opens files with other content, which must not be changed.
func TestForeign(t *testing.T) {
	ofSQLite := func(t *testing.T, path string, queries ...string) {
		db := raw(t, path)
		for _, q := range queries {
			execute(t, db, q)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	write := func(data string) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	for what, tt := range map[string]struct {
		make func(*testing.T, string)
		want string
	}{
		"text":             {write("users: alice, bob\n"), "not an SQLite database"},
		"longer text":      {write(strings.Repeat("a line of text\n", 1000)), "not an SQLite database"},
		"a header cut off": {write("SQLite format 3\x00"), "not an SQLite database"},
		"another application's": {func(t *testing.T, path string) {
			ofSQLite(t, path, "PRAGMA application_id = 42", "CREATE TABLE objects (a)")
		}, "another application"},
		"another application's, without a table": {func(t *testing.T, path string) {
			ofSQLite(t, path, "PRAGMA application_id = 42")
		}, "another application"},
		"without application ID, with a table": {func(t *testing.T, path string) {
			ofSQLite(t, path, "CREATE TABLE bookmarks (a)", "INSERT INTO bookmarks VALUES (1)")
		}, "another application"},
		"nobody's with tables of our names": {func(t *testing.T, path string) {
			ofSQLite(t, path, "CREATE TABLE objects (a)", "CREATE TABLE migrations (version INTEGER)")
		}, "another application"},
		"nobody's with a write-ahead log": {func(t *testing.T, path string) {
			ofSQLite(t, path, "PRAGMA journal_mode = WAL", "CREATE TABLE bookmarks (a)")
		}, "another application"},
		"a header of SQLite, then noise": {func(t *testing.T, path string) {
			ofSQLite(t, path, "CREATE TABLE bookmarks (a)")
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			write(string(data[:100])+strings.Repeat("noise", 2000))(t, path)
		}, ""},
	} {
		t.Run(what, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "a file")
			tt.make(t, path)
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			_, err = sqlite.Open(t.Context(), path, source, sqlite.Options{})
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), path) || errors.Is(err, catalog.ErrUnavailable) {
				t.Errorf("%v, want an error with %q and the path", err, tt.want)
			}
			after, err := os.ReadFile(path)
			if err != nil || !bytes.Equal(before, after) {
				t.Errorf("the file was changed (%v)", err)
			}
			if names := ls(t, filepath.Dir(path)); len(names) != 1 {
				t.Errorf("there are files beside it: %q", names)
			}
		})
	}
}

// TestNoFile opens paths that cannot be a catalog.
func TestNoFile(t *testing.T) {
	dir := t.TempDir()
	for path, want := range map[string]string{
		"":                                  "name a file",
		filepath.Join(dir, "no", "db"):      "create it first",
		dir:                                 "not a regular file",
		filepath.Join(dir, "a\x00b"):        "NUL",
		filepath.Join(dir, "dangling link"): "",
		":memory:":                          "a catalog must outlive",
	} {
		if strings.HasSuffix(path, "link") {
			if err := os.Symlink(filepath.Join(dir, "nowhere"), path); err != nil {
				continue // Windows requires a special privilege
			}
		}
		if _, err := sqlite.Open(t.Context(), path, source, sqlite.Options{}); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v, want one line with %q", path, err, want)
		}
	}

	// An empty file, such as mktemp's, is like a new one.
	path := filepath.Join(dir, "empty")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	open(t, path)
}

// TestLink opens a file by two names: they are one catalog, whose instances see each
// other.
func TestLink(t *testing.T) {
	path := newFile(t)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(path, link); err != nil {
		t.Skip("no permission to create symbolic links:", err)
	}
	a, b := open(t, path), open(t, link)
	if err := a.Begin(t.Context(), catalogtest.NewRecord("a name")); err != nil {
		t.Fatal(err)
	}
	for r, err := range b.Stale(t.Context(), time.Now().Add(-time.Hour)) {
		t.Errorf("stale, although its instance is alive: %v, %v", r, err)
	}
}

// TestMoved moves the file of an open catalog.
func TestMoved(t *testing.T) {
	path := newFile(t)
	s := open(t, path)
	if err := s.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path, path+".old"); err != nil {
		t.Skip("an open file cannot be moved here:", err)
	}
	if err := s.Ping(t.Context()); !errors.Is(err, catalog.ErrUnavailable) {
		t.Errorf("Ping of a file that was moved: %v", err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Ping(t.Context()); !errors.Is(err, catalog.ErrUnavailable) {
		t.Errorf("Ping of a file that was replaced: %v", err)
	}
}

// TestBusy has another process lock the file.
func TestBusy(t *testing.T) {
	path := newFile(t)
	s, err := sqlite.Open(t.Context(), path, source, sqlite.Options{Timeout: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ready := catalogtest.NewRecord("a name")
	if err := s.Begin(t.Context(), ready); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Commit(t.Context(), ready); err != nil {
		t.Fatal(err)
	}
	other := raw(t, path)
	execute(t, other, "BEGIN EXCLUSIVE")
	rec := catalogtest.NewRecord("a name")
	if err := s.Begin(t.Context(), rec); !errors.Is(err, catalog.ErrUnavailable) {
		t.Errorf("Begin: %v, want ErrUnavailable", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := s.Begin(ctx, rec); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, catalog.ErrUnavailable) {
		t.Errorf("Begin with a short deadline: %v, want DeadlineExceeded", err)
	}
	if _, err := s.Get(t.Context(), ready.ID); err != nil {
		t.Errorf("Get does not wait for a writer: %v", err)
	}
	execute(t, other, "ROLLBACK")
	if err := s.Begin(t.Context(), rec); err != nil {
		t.Error(err)
	}
}

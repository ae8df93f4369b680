package overlap_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/overlap"
)

// check compares the result for two sources with want, in both orders.
func check(t *testing.T, a, b string, want bool) {
	t.Helper()
	var s overlap.Survey
	if got := s.Locate(a).Overlaps(s.Locate(b)); got != want {
		t.Errorf("%s and %s: %v, want %v", a, b, got, want)
	}
	if got := s.Locate(b).Overlaps(s.Locate(a)); got != want {
		t.Errorf("%s and %s: %v, want %v", b, a, got, want)
	}
}

func TestBuckets(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"s3://bucket", "s3://bucket", true},
		{"s3://bucket/a", "s3://bucket/a/", true},
		{"s3://bucket/a", "s3://bucket/a/b", true},
		{"s3://bucket", "s3://bucket/a/b", true},
		{"s3://bucket/a", "s3://bucket/ab", false},
		{"s3://bucket/a%20b", "s3://bucket/a%20b/c", true},
		{"s3://bucket/a", "s3://bucket/b", false},
		{"s3://bucket/a", "s3://other/a", false},
		{"s3://bucket?region=eu-central-1", "s3://bucket?region=us-east-1", true},
		// One service, through several of its addresses.
		{"s3://bucket?endpoint=http://127.0.0.1:7070", "s3://bucket?endpoint=http://localhost:7070&path_style=true", true},
		{"s3://bucket", "s3://bucket?endpoint=https://s3.eu-central-1.amazonaws.com", true},
		{"s3://bucket", "mem:", false},
		{"mem:", "mem:", true},
		{"s3://bucket", "bucket", false},
	} {
		check(t, c.a, c.b, c.want)
	}
}

func mkdir(t *testing.T, path string) string {
	t.Helper()
	if err := os.MkdirAll(path, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func link(t *testing.T, target, path string) string {
	t.Helper()
	err := os.Symlink(target, path)
	if err == nil {
		_, err = os.Lstat(path) // Wine reports success without making links
	}
	if err != nil {
		t.Skip("no symbolic links here: ", err)
	}
	return path
}

func TestDirectories(t *testing.T) {
	top := t.TempDir()
	t.Chdir(top)
	at := func(path string) string { return filepath.Join(top, filepath.FromSlash(path)) }
	mkdir(t, at("a/b/c"))
	mkdir(t, at("ab"))
	mkdir(t, at("other"))
	link(t, at("a"), at("to-a"))
	link(t, filepath.Join("a", "b"), at("to-b"))
	link(t, at("nowhere"), at("dangling"))
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"a", "a", true},
		{"a", "a/b/c", true},
		{"a", "ab", false},
		{"a/b", "other", false},
		{"a", "to-a", true},
		{"a", "to-b", true},
		{"to-a", "to-b", true},
		{"to-b", "a/b/c", true},
		{"to-a/b", "a/b", true},
		{"to-b", "other", false},
		{"a/../a", "a/b", true},
		{".", "other", true},
		// A directory that does not exist is identified only by its path.
		{"a/new", "a/new/er", true},
		{"to-a/new", "a/new", true},
		{"a/new", "a/b", false},
		{"a", "to-a/new/er", true},
		{"dangling", "nowhere", false}, // not a source until somebody creates it
	} {
		check(t, at(c.a), at(c.b), c.want)
		check(t, c.a, at(c.b), c.want)
	}
}

func TestBelow(t *testing.T) {
	top := t.TempDir()
	mkdir(t, filepath.Join(top, "a", "b", "c"))
	link(t, filepath.Join(top, "a"), filepath.Join(top, "to-a"))
	var s overlap.Survey
	for _, c := range []struct {
		place, in, want string
		ok              bool
	}{
		{"a/b/c", "a", "b/c", true},
		{"a/b", "to-a", "b", true},
		{"to-a", "a", ".", true},
		{"to-a/b/new", "a", "b/new", true},
		{"a", "a/b", "", false},
	} {
		got, ok := s.Locate(filepath.Join(top, c.place)).Below(s.Locate(filepath.Join(top, c.in)))
		if got != c.want || ok != c.ok {
			t.Errorf("%s in %s: %q, %v", c.place, c.in, got, ok)
		}
	}
	for _, c := range [][3]string{
		{"s3://bucket/a/b", "s3://bucket", "a/b"}, {"s3://bucket/a/b", "s3://bucket/a", "b"}, {"s3://bucket/a", "s3://bucket/a", "."},
	} {
		if got, ok := s.Locate(c[0]).Below(s.Locate(c[1])); got != c[2] || !ok {
			t.Errorf("%s in %s: %q, %v", c[0], c[1], got, ok)
		}
	}
}

package backends_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/backends"
	"github.com/bailiwick-fs/bailiwick/backends/disk"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// Only the first of several sources is opened for writing, its label is that of all, and
// no source at all is an error.
func TestOpenOverlay(t *testing.T) {
	top := t.TempDir()
	for file, text := range map[string]string{"a/x": "of a", "b/x": "of b", "b/y": "of b"} {
		path := filepath.Join(top, filepath.FromSlash(file))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	a, b := filepath.Join(top, "a"), filepath.Join(top, "b")
	options := func(writable bool) backends.Options {
		return backends.Options{Writable: writable, Disk: disk.Options{SkipSelfTest: true}}
	}
	for _, writable := range []bool{false, true} {
		src, err := backends.OpenOverlay(t.Context(), []string{a, b, "mem:"}, options(writable))
		if err != nil {
			t.Fatal(err)
		}
		if want := label(t, a); src.Label != want || src.Caps().Writable != writable {
			t.Errorf("label %s, writable: %t; want %s, %t", src.Label, src.Caps().Writable, want, writable)
		}
		if !strings.Contains(strings.Join(src.Notes, "\n"), "kept in memory") {
			t.Errorf("the notes of the last source are missing: %q", src.Notes)
		}
		jail, err := vfs.New(src, vfs.Policy{Allow: vfs.Patterns("*")})
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]string{"x": "of a", "y": "of b"} {
			if data, err := jail.ReadFile(name); err != nil || string(data) != want {
				t.Errorf("%s: %q, %v", name, data, err)
			}
		}
		y, err := vfs.ParseName("y")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := jail.Put(t.Context(), y, strings.NewReader("new"), vfs.PutOptions{}); (err == nil) != writable || err != nil && !errors.Is(err, vfs.ErrUnsupported) {
			t.Errorf("writable %t: Put: %v", writable, err)
		}
		if err := src.Close(); err != nil {
			t.Error(err)
		}
	}
	if data, err := os.ReadFile(filepath.Join(b, "y")); err != nil || string(data) != "of b" {
		t.Errorf("the second source has changed: %q, %v", data, err)
	}
	for _, sources := range [][]string{nil, {a, filepath.Join(top, "nosuch")}, {"", a}, {a, "ftp://host"}} {
		if _, err := backends.OpenOverlay(t.Context(), sources, options(true)); !errors.Is(err, backends.ErrSource) {
			t.Errorf("%q: %v", sources, err)
		}
	}
	src, err := backends.OpenOverlay(t.Context(), []string{b}, options(false))
	if err != nil || src.Caps().Kind != "disk" {
		t.Fatalf("a single source: %v", err)
	}
	if err := src.Close(); err != nil {
		t.Error(err)
	}
}

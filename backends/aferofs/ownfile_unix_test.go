//go:build unix

package aferofs_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/afero"

	"github.com/bailiwick-fs/bailiwick/backends/aferofs"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/ownfile"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// Over the host's file system, this package and vfs.FromFS, too, refuse the process's
// own files, under every name.
func TestOwnFiles(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"db", "acme/key", "page"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Link(filepath.Join(dir, "db"), filepath.Join(dir, "linked")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "empty"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"db", "db-journal", "acme", "empty"} {
		t.Cleanup(ownfile.Hold(ownfile.File{Path: filepath.Join(dir, name)}))
	}
	b, err := aferofs.New(afero.NewBasePathFs(afero.NewOsFs(), dir), aferofs.Options{Unsafe: true})
	if err != nil {
		t.Fatal(err)
	}
	parse := func(s string) vfs.Name {
		n, err := vfs.ParseName(s)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	ctx := context.Background()
	for kind, b := range map[string]vfs.Backend{"aferofs": b, "FromFS": vfs.FromFS(os.DirFS(dir))} {
		refused := func(what string, err error) {
			t.Helper()
			if vfs.ReasonOf(err) != reason.OwnFile {
				t.Errorf("%s, %s: %v, reason %q", kind, what, err, vfs.ReasonOf(err))
			}
		}
		for _, s := range []string{"db", "linked", "acme/key"} {
			_, err := b.Open(ctx, parse(s), vfs.Request{})
			refused("Open "+s, err)
			_, err = b.Stat(ctx, parse(s), vfs.Request{})
			refused("Stat "+s, err)
			if kind == "FromFS" {
				continue
			}
			_, err = b.Put(ctx, parse(s), strings.NewReader("x"), vfs.PutOptions{})
			refused("Put "+s, err)
			refused("Remove "+s, b.Remove(ctx, parse(s), vfs.Cond{}))
		}
		for _, err := range b.List(ctx, parse("acme"), "") {
			refused("List acme", err)
		}
		jail, err := vfs.New(b, vfs.Policy{Allow: vfs.Patterns("**")})
		if err != nil {
			t.Fatal(err)
		}
		var listed []string
		for e, err := range jail.List(ctx, vfs.Root, "") {
			if err != nil {
				t.Fatal(err)
			}
			listed = append(listed, e.Key())
		}
		if !slices.Equal(listed, []string{"page"}) {
			t.Errorf("%s: listed %q", kind, listed)
		}
		obj, err := b.Open(ctx, parse("page"), vfs.Request{})
		if err != nil {
			t.Fatal(err)
		}
		obj.Body.Close()
	}
	for _, s := range []string{"db-journal", "DB-journal", "db-journal/x", "acme/new", "empty/new", "acme/new/new"} {
		if _, err := b.Put(ctx, parse(s), strings.NewReader("x"), vfs.PutOptions{}); vfs.ReasonOf(err) != reason.OwnFile {
			t.Errorf("Put %s: %v", s, err)
		}
	}
	if data, err := os.ReadFile(filepath.Join(dir, "db")); err != nil || string(data) != "db" {
		t.Errorf("the database: %q, %v", data, err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 5 {
		t.Errorf("the directory contains %v, %v", entries, err)
	}
}

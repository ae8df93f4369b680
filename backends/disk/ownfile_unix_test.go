//go:build unix

package disk_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/backends/disk"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/ownfile"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// plantOwn creates a tree in which the process's own files have several names, holds
// them, and returns these names.
func plantOwn(t *testing.T) (root string, own, free []string) {
	t.Helper()
	top := t.TempDir()
	root = filepath.Join(top, "root")
	for _, f := range []string{"db", "db-wal", "acme/account", "acme/deep/key", "etc/keys", "page", "dir/page"} {
		write(t, root, f, f)
	}
	outside := write(t, top, "users", "users")
	for link, target := range map[string]string{"linked": outside, "dir/linked": filepath.Join(root, "etc/keys"), "etc/account": filepath.Join(root, "acme/account")} {
		if err := os.Link(target, filepath.Join(root, link)); err != nil {
			t.Fatal(err)
		}
	}
	for link, target := range map[string]string{"to-keys": "etc/keys", "to-acme": "acme"} {
		if err := os.Symlink(target, filepath.Join(root, link)); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(ownfile.Hold(
		ownfile.File{Path: filepath.Join(root, "db")}, ownfile.File{Path: filepath.Join(root, "db-wal")},
		ownfile.File{Path: filepath.Join(root, "db-journal")}, ownfile.File{Path: filepath.Join(root, "dir/late/er")},
		ownfile.File{Path: filepath.Join(root, "acme")}, ownfile.File{Path: filepath.Join(root, "to-keys")}, ownfile.File{Path: outside},
	))
	return root, []string{"db", "db-wal", "acme/account", "acme/deep/key", "etc/keys", "linked", "dir/linked", "etc/account"}, []string{"page", "dir/page"}
}

// The process's own files are not read, described, listed, written, replaced or
// removed, whatever the policy allows and whatever their names, and the caller cannot
// distinguish them from missing ones.
func TestOwnFiles(t *testing.T) {
	root, own, free := plantOwn(t)
	before := snapshot(t, root)
	policy := vfs.Policy{Allow: vfs.Patterns("**"), Symlinks: vfs.SymlinksInside}
	both(t, root, disk.Options{Writable: true}, func(t *testing.T, b *disk.Backend) {
		jail, err := vfs.New(b, policy)
		if err != nil {
			t.Fatal(err)
		}
		refused := func(what, s string, err error) {
			t.Helper()
			if vfs.ReasonOf(err) != reason.OwnFile || !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s %s: %v, reason %q", what, s, err, vfs.ReasonOf(err))
			}
		}
		ctx := context.Background()
		for _, s := range append(slices.Clone(own), "to-keys", "to-acme/account") {
			n := name(t, s)
			_, err := jail.Get(ctx, n, vfs.Request{})
			refused("Get", s, err)
			_, err = jail.Head(ctx, n, vfs.Request{})
			refused("Head", s, err)
			_, err = jail.Get(ctx, n, vfs.Request{Cond: vfs.Cond{IfNoneMatch: vfs.Tags{Any: true}}})
			refused("Get with a condition", s, err)
			if strings.HasPrefix(s, "to-") {
				continue // other tests check that writes follow no links
			}
			_, err = jail.Put(ctx, n, strings.NewReader("written"), vfs.PutOptions{})
			refused("Put", s, err)
			_, err = b.Put(ctx, n, strings.NewReader("written"), vfs.PutOptions{Cond: vfs.Cond{IfNoneMatch: vfs.Tags{Any: true}}})
			refused("create", s, err)
			_, err = jail.Copy(ctx, n, jail, name(t, "page"), vfs.PutOptions{})
			refused("Copy to", s, err)
			refused("Remove", s, b.Remove(ctx, n, vfs.Cond{}))
		}
		// Own files that do not exist yet, and files in an own directory.
		for _, s := range []string{"db-journal", "DB-JOURNAL", "db-journal/x", "acme/new", "acme/deep/new/new", "dir/late", "dir/late/er", "dir/late/other", "acme"} {
			_, err := b.Put(ctx, name(t, s), strings.NewReader("written"), vfs.PutOptions{})
			refused("Put", s, err)
		}
		for _, s := range []string{"acme", "acme/deep"} {
			for _, err := range b.List(ctx, name(t, s), "") {
				refused("List", s, err)
			}
			refused("HeadDir", s, jail.HeadDir(ctx, name(t, s)))
		}
		for _, s := range free {
			if got, _, err := get(b, name(t, s), vfs.Request{}); err != nil || got != s {
				t.Errorf("%s: %q, %v", s, got, err)
			}
		}
		var seen []string
		walk(t, jail, vfs.Root, &seen)
		if slices.Sort(seen); !slices.Equal(seen, []string{"dir/page", "page"}) {
			t.Errorf("listed: %q", seen)
		}
		reasons := map[string]vfs.Reason{}
		for f, err := range jail.Scan(ctx) {
			if err != nil {
				t.Fatal(err)
			}
			reasons[f.Path] = f.Reason
		}
		for _, s := range []string{"db", "db-wal", "acme/", "etc/keys", "linked", "dir/linked", "to-keys"} {
			if reasons[s] != reason.OwnFile {
				t.Errorf("scan reports %s as %q", s, reasons[s])
			}
		}
		// An object beside them can be created and removed without affecting them.
		for _, s := range []string{"dir/new/deep", "etc/page"} {
			if _, err := b.Put(ctx, name(t, s), strings.NewReader("x"), vfs.PutOptions{}); err != nil {
				t.Errorf("Put %s: %v, reason %q", s, err, vfs.ReasonOf(err))
			}
			if err := b.Remove(ctx, name(t, s), vfs.Cond{}); err != nil {
				t.Errorf("Remove %s: %v", s, err)
			}
		}
	})
	after := snapshot(t, root)
	if !maps.Equal(after, before) {
		t.Errorf("the tree is %q, was %q", after, before)
	}
}

func walk(t *testing.T, jail *vfs.Jail, dir vfs.Name, seen *[]string) {
	t.Helper()
	for e, err := range jail.List(context.Background(), dir, "") {
		if err != nil {
			t.Fatalf("%s: %v", dir, err)
		}
		n, err := dir.Child(e.Elem)
		if err != nil {
			t.Fatal(err)
		}
		if e.Kind == vfs.KindDir {
			walk(t, jail, n, seen)
		} else {
			*seen = append(*seen, n.String())
		}
	}
}

// An empty own directory is not treated as one that an object left, nor is an own file
// in staging treated as left by a Put.
func TestOwnFilesAreNotTidiedAway(t *testing.T) {
	for _, portable := range []bool{false, true} {
		t.Run(fmt.Sprint("portable ", portable), func(t *testing.T) {
			dir := t.TempDir()
			for _, d := range []string{"a/instances", staging + "/built-x/a"} {
				if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			write(t, dir, staging+"/own", "own")
			write(t, dir, staging+"/dead", "dead")
			for _, f := range []string{staging + "/own", staging + "/built-x/a", "a/instances"} {
				t.Cleanup(ownfile.Hold(ownfile.File{Path: filepath.Join(dir, f)}))
			}
			b := writable(t, dir, disk.Options{Portable: portable})
			if _, err := put(b, name(t, "a/instances/x"), "x", vfs.PutOptions{}); vfs.ReasonOf(err) != reason.OwnFile {
				t.Errorf("Put in it: %v", err)
			}
			got := snapshot(t, dir)
			for _, path := range []string{"/a/instances", "/" + staging + "/own", "/" + staging + "/built-x/a"} {
				if got[path] == "" {
					t.Errorf("%q is missing: %q", path, got)
				}
			}
			if got["/"+staging+"/dead"] != "" {
				t.Error("a dead writer's file is still there: the test proves nothing")
			}
			if notes := strings.Join(b.Notes(), "\n"); !strings.Contains(notes, "not created by Bailiwick") {
				t.Errorf("notes: %q", notes)
			}
		})
	}
}

// A file that becomes the process's own while being served is refused from then on.
func TestOwnFilesFromNowOn(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "file", "data")
	both(t, dir, disk.Options{}, func(t *testing.T, b *disk.Backend) {
		n := name(t, "file")
		if _, _, err := get(b, n, vfs.Request{}); err != nil {
			t.Fatal(err)
		}
		release := ownfile.Hold(ownfile.File{Path: filepath.Join(dir, "file")})
		if _, _, err := get(b, n, vfs.Request{}); vfs.ReasonOf(err) != reason.OwnFile {
			t.Errorf("held: %v, reason %q", err, vfs.ReasonOf(err))
		}
		release()
		if _, _, err := get(b, n, vfs.Request{}); err != nil {
			t.Errorf("released: %v", err)
		}
	})
}

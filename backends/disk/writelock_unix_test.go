//go:build unix

package disk

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// A turnTree counts the calls made with the lock held, and those before and after. hook
// is called before each call that changes something.
type turnTree struct {
	tree
	underWriteLock bool
	inside         []string
	outside        []string
	plain          bool // the file system can create names only by links
	hook           func(call string)
}

func (t *turnTree) top() (folder, error) {
	d, err := t.tree.top()
	return turnFolder{d, t}, err
}

func (t *turnTree) note(call string) {
	if t.underWriteLock {
		t.inside = append(t.inside, call)
	} else {
		t.outside = append(t.outside, call)
	}
	if t.hook != nil {
		t.hook(call)
	}
}

type turnFolder struct {
	folder
	t *turnTree
}

func (d turnFolder) open(elem string) (folder, error) {
	d.t.note("open")
	next, err := d.folder.open(elem)
	if err != nil {
		return nil, err
	}
	return turnFolder{next, d.t}, nil
}

func (d turnFolder) leads(name string) (stat, error) {
	d.t.note("leads")
	return d.folder.leads(name)
}

func (d turnFolder) lstat(elem string) (stat, error) {
	d.t.note("lstat")
	return d.folder.lstat(elem)
}

func (d turnFolder) mkdir(elem string, perm fs.FileMode) error {
	d.t.note("mkdir")
	return d.folder.mkdir(elem, perm)
}

func (d turnFolder) rename(old string, to folder, elem string) error {
	d.t.note("rename")
	return d.folder.rename(old, to.(turnFolder).folder, elem)
}

func (d turnFolder) renameNew(old string, to folder, elem string) error {
	d.t.note("renameNew")
	if d.t.plain {
		return errPlain
	}
	return d.folder.renameNew(old, to.(turnFolder).folder, elem)
}

func (d turnFolder) exchange(old string, to folder, elem string) error {
	d.t.note("exchange")
	if d.t.plain {
		return errPlain
	}
	return d.folder.exchange(old, to.(turnFolder).folder, elem)
}

func (d turnFolder) link(old string, to folder, elem string) error {
	d.t.note("link")
	return d.folder.link(old, to.(turnFolder).folder, elem)
}

func (d turnFolder) unlink(elem string) error {
	d.t.note("unlink")
	return d.folder.unlink(elem)
}

func (d turnFolder) rmdir(elem string) error {
	d.t.note("rmdir")
	return d.folder.rmdir(elem)
}

func (d turnFolder) sync() error {
	d.t.note("sync")
	return d.folder.sync()
}

func (d turnFolder) lock() error {
	err := d.folder.lock()
	d.t.underWriteLock = err == nil
	return err
}

func (d turnFolder) unlock() {
	d.t.underWriteLock = false
	d.folder.unlock()
}

func turned(t *testing.T, dir string, opts Options) (*Backend, *turnTree) {
	t.Helper()
	opts.Writable = true
	b, err := open(dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	c := &turnTree{tree: b.tree}
	b.tree = c
	return b, c
}

// The time that all writers have to wait does not depend on the length of a name, and
// the remaining work is linear in it.
func TestTurnIsConstant(t *testing.T) {
	dir := MemoryDir(t)
	b, c := turned(t, dir, Options{})
	type counts struct{ put, again, remove, around int }
	measure := func(depth int) (n counts) {
		name := parse(t, strings.Repeat("d/", depth)+"file")
		do := func(f func() error) int {
			c.inside = nil
			if err := f(); err != nil {
				t.Fatal(err)
			}
			return len(c.inside)
		}
		put := func() error {
			_, err := b.Put(context.Background(), name, strings.NewReader("x"), vfs.PutOptions{})
			return err
		}
		c.outside = nil
		n.put, n.again = do(put), do(put)
		n.remove = do(func() error { return b.Remove(context.Background(), name, vfs.Cond{}) })
		n.around = len(c.outside)
		return n
	}
	shallow, deep := measure(2), measure(500)
	if shallow.put != deep.put || shallow.again != deep.again || shallow.remove != deep.remove {
		t.Errorf("calls under the write lock: %+v for 2 directories, %+v for 500", shallow, deep)
	}
	if deep.put > 10 || deep.again > 10 || deep.remove > 10 {
		t.Errorf("calls under the write lock: %+v", deep)
	}
	if per := deep.around / 500; per > 40 {
		t.Errorf("%d calls without the write lock for each of 500 directories", per)
	}
	if left := contents(t, dir); len(left) != 0 {
		t.Errorf("left: %v", keysOf(left))
	}
}

// Directories that another writer creates or removes between the check and the write
// lock are detected, and the file gets to its proper place.
func TestOthersBeforeTheTurn(t *testing.T) {
	for _, tt := range []struct {
		what  string
		plant []string
		other func(dir string) error
		name  string
	}{
		{"created the directories", nil, func(dir string) error { return os.MkdirAll(filepath.Join(dir, "a/b"), 0o700) }, "a/b/c/file"},
		{"created all directories", nil, func(dir string) error { return os.MkdirAll(filepath.Join(dir, "a/b/c"), 0o700) }, "a/b/c/file"},
		{"removed the directory", []string{"a/b/"}, func(dir string) error { return os.RemoveAll(filepath.Join(dir, "a")) }, "a/b/file"},
		{"removed one above", []string{"a/b/"}, func(dir string) error { return os.RemoveAll(filepath.Join(dir, "a")) }, "a/b/c/file"},
		{"moved the directory", []string{"a/b/"}, func(dir string) error {
			return os.Rename(filepath.Join(dir, "a/b"), filepath.Join(dir, "elsewhere"))
		}, "a/b/file"},
		{"put another in its place", []string{"a/b/", "other/"}, func(dir string) error {
			return errors.Join(os.Rename(filepath.Join(dir, "a/b"), filepath.Join(dir, "elsewhere")), os.Rename(filepath.Join(dir, "other"), filepath.Join(dir, "a/b")))
		}, "a/b/file"},
	} {
		for _, portable := range []bool{false, true} {
			dir := MemoryDir(t)
			for _, d := range tt.plant {
				if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			b, c := turned(t, dir, Options{Portable: portable})
			// The first call under the write lock is preceded by the other writer's
			// change.
			c.hook = func(string) {
				if c.underWriteLock {
					c.hook = nil
					if err := tt.other(dir); err != nil {
						t.Fatal(err)
					}
				}
			}
			if _, err := b.Put(context.Background(), parse(t, tt.name), strings.NewReader("x"), vfs.PutOptions{}); err != nil {
				t.Errorf("%s, portable %t: %v", tt.what, portable, err)
			}
			got := contents(t, dir)
			if c.hook != nil || got[tt.name] != "x" {
				t.Errorf("%s, portable %t: the tree contains %v", tt.what, portable, keysOf(got))
			}
			files := slices.DeleteFunc(keysOf(got), func(name string) bool { return strings.HasSuffix(name, "/") })
			if len(files) != 1 {
				t.Errorf("%s, portable %t: the files are %v", tt.what, portable, files)
			}
			if left, err := os.ReadDir(filepath.Join(dir, staging())); err != nil || len(left) > 0 {
				t.Errorf("%s, portable %t: staging contains %v, %v", tt.what, portable, left, err)
			}
		}
	}
}

// If a directory on the path becomes a link before the write lock, nothing is written
// through it.
func TestLinkBeforeTheTurn(t *testing.T) {
	for _, portable := range []bool{false, true} {
		dir, outside := MemoryDir(t), MemoryDir(t)
		if err := os.MkdirAll(filepath.Join(dir, "a/b"), 0o700); err != nil {
			t.Fatal(err)
		}
		b, c := turned(t, dir, Options{Portable: portable})
		c.hook = func(string) {
			if c.underWriteLock {
				c.hook = nil
				if err := errors.Join(os.RemoveAll(filepath.Join(dir, "a/b")), os.Symlink(outside, filepath.Join(dir, "a/b"))); err != nil {
					t.Fatal(err)
				}
			}
		}
		_, err := b.Put(context.Background(), parse(t, "a/b/file"), strings.NewReader("x"), vfs.PutOptions{})
		if vfs.ReasonOf(err) != reason.Symlink {
			t.Errorf("portable %t: %v", portable, err)
		}
		if left, err := os.ReadDir(outside); err != nil || len(left) > 0 {
			t.Errorf("portable %t: outside contains %v, %v", portable, left, err)
		}
	}
}

// If a file is installed by a link, it has two names for a moment. Readers that refuse
// hard links still see it as an object, but not a file with a second name elsewhere.
func TestTwoNamesForAMoment(t *testing.T) {
	for _, portable := range []bool{false, true} {
		dir := MemoryDir(t)
		outside := filepath.Join(MemoryDir(t), "outside")
		if err := errors.Join(os.WriteFile(outside, []byte("outside"), 0o600), os.Link(outside, filepath.Join(dir, "linked"))); err != nil {
			t.Fatal(err)
		}
		b, c := turned(t, dir, Options{Portable: portable})
		c.plain = true
		reader, err := New(dir, Options{Portable: portable, RefuseHardLinks: true, SkipSelfTest: true})
		if err != nil {
			t.Fatal(err)
		}
		defer reader.Close()
		n, looked := parse(t, "file"), 0
		inspect := func() {
			looked++
			obj, err := reader.Open(context.Background(), n, vfs.Request{})
			if err != nil {
				t.Errorf("portable %t: Open: %v, reason %q", portable, err, vfs.ReasonOf(err))
			} else {
				obj.Body.Close()
			}
			for e, err := range reader.List(context.Background(), vfs.Root, "") {
				want := vfs.Reason("")
				if e.Elem == "linked" {
					want = reason.HardLink
				}
				if err != nil || e.Reason != want {
					t.Errorf("portable %t: %s is listed with the reason %q, %v", portable, e.Elem, e.Reason, err)
				}
			}
			if _, err := reader.Open(context.Background(), parse(t, "linked"), vfs.Request{}); vfs.ReasonOf(err) != reason.HardLink {
				t.Errorf("portable %t: the hard link: %v", portable, err)
			}
		}
		c.hook = func(call string) {
			if call != "unlink" || !c.underWriteLock {
				return
			}
			st, err := os.Lstat(filepath.Join(dir, "file"))
			if _, _, nlink := identity(st); err != nil || nlink != 2 {
				t.Fatalf("portable %t: the file has %d names, %v", portable, nlink, err)
			}
			inspect()
		}
		if _, err := b.Put(context.Background(), n, strings.NewReader("x"), vfs.PutOptions{}); err != nil {
			t.Fatal(err)
		}
		// A writer killed at that moment leaves both names.
		st, err := os.Lstat(filepath.Join(dir, "file"))
		if err == nil {
			err = errors.Join(os.Link(filepath.Join(dir, "file"), filepath.Join(dir, staging(), "killed")), os.Chtimes(filepath.Join(dir, "file"), time.Now(), st.ModTime()))
		}
		if err != nil {
			t.Fatal(err)
		}
		inspect()
		if looked != 2 {
			t.Errorf("portable %t: looked %d times", portable, looked)
		}
	}
}

//go:build unix

package disk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// faults fails call number at, of all calls that change or inspect the tree, with err,
// and all later calls whose kind is in always. With plain, the file system supports
// only rename; with unlinked, it has no hard links either.
type faults struct {
	at              int
	err             error
	always          []string
	plain, unlinked bool

	calls  int
	failed string // the first failed call
}

func (f *faults) next(call string) error {
	f.calls++
	if f.calls == f.at || f.failed != "" && slices.Contains(f.always, call) {
		if f.failed == "" {
			f.failed = call
		}
		return f.err
	}
	return nil
}

type faultyTree struct {
	tree
	f *faults
}

func (t faultyTree) top() (folder, error) {
	if err := t.f.next("top"); err != nil {
		return nil, err
	}
	d, err := t.tree.top()
	return faulty{d, t.f}, err
}

type faulty struct {
	folder
	f *faults
}

func (d faulty) open(elem string) (folder, error) {
	if err := d.f.next("open"); err != nil {
		return nil, err
	}
	next, err := d.folder.open(elem)
	if err != nil {
		return nil, err
	}
	return faulty{next, d.f}, nil
}

func (d faulty) create(elem string) (scratch, error) {
	if err := d.f.next("create"); err != nil {
		return nil, err
	}
	s, err := d.folder.create(elem)
	return faultyScratch{s, d.f}, err
}

func (d faulty) lstat(elem string) (stat, error) {
	if err := d.f.next("lstat"); err != nil {
		return stat{}, err
	}
	return d.folder.lstat(elem)
}

func (d faulty) names() ([]string, error) {
	if err := d.f.next("names"); err != nil {
		return nil, err
	}
	return d.folder.names()
}

func (d faulty) moved(call string, to folder, move func(to folder) error) error {
	if err := d.f.next(call); err != nil {
		return err
	}
	return move(to.(faulty).folder)
}

func (d faulty) rename(old string, to folder, elem string) error {
	return d.moved("rename", to, func(to folder) error { return d.folder.rename(old, to, elem) })
}

func (d faulty) renameNew(old string, to folder, elem string) error {
	if d.f.plain {
		return errPlain
	}
	return d.moved("renameNew", to, func(to folder) error { return d.folder.renameNew(old, to, elem) })
}

func (d faulty) exchange(old string, to folder, elem string) error {
	if d.f.plain {
		return errPlain
	}
	return d.moved("exchange", to, func(to folder) error { return d.folder.exchange(old, to, elem) })
}

func (d faulty) link(old string, to folder, elem string) error {
	if d.f.unlinked {
		return errPlain
	}
	return d.moved("link", to, func(to folder) error { return d.folder.link(old, to, elem) })
}

func (d faulty) call(name string, do func() error) error {
	if err := d.f.next(name); err != nil {
		return err
	}
	return do()
}

func (d faulty) mkdir(elem string, perm fs.FileMode) error {
	return d.call("mkdir", func() error { return d.folder.mkdir(elem, perm) })
}

func (d faulty) setTime(elem string, t time.Time) error {
	return d.call("setTime", func() error { return d.folder.setTime(elem, t) })
}

func (d faulty) unlink(elem string) error {
	return d.call("unlink", func() error { return d.folder.unlink(elem) })
}

func (d faulty) rmdir(elem string) error {
	return d.call("rmdir", func() error { return d.folder.rmdir(elem) })
}

// sync and the file's Sync only count, since there are thousands of calls.
func (d faulty) sync() error { return d.f.next("syncDir") }
func (d faulty) lock() error { return d.call("lock", d.folder.lock) }

type faultyScratch struct {
	scratch
	f *faults
}

func (s faultyScratch) Write(p []byte) (int, error) {
	if err := s.f.next("write"); err != nil {
		n, _ := s.scratch.Write(p[:len(p)/2])
		return n, err
	}
	return s.scratch.Write(p)
}

func (s faultyScratch) Sync() error { return s.f.next("sync") }

// contents returns the content of dir by name: files with their content, directories
// with a slash. It leaves out staging.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	got := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		name := strings.TrimPrefix(path, dir+"/")
		if d.IsDir() {
			if name == staging() {
				return fs.SkipDir
			}
			got[name+"/"] = ""
			return nil
		}
		data, err := os.ReadFile(path)
		got[name] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// TestFailedCalls: whichever call fails, the old state remains, nothing is left over,
// and the next call works.
func TestFailedCalls(t *testing.T) {
	body := strings.Repeat("0123456789abcdef", 10_000) // several writes
	old := map[string]string{"file": "old", "dir/": "", "dir/file": "old", "deep/": "", "deep/er/": "", "deep/er/only": "old"}
	put := func(name string) func(b *Backend) error {
		return func(b *Backend) error {
			_, err := b.Put(context.Background(), parse(t, name), strings.NewReader(body), vfs.PutOptions{})
			return err
		}
	}
	remove := func(name string) func(b *Backend) error {
		return func(b *Backend) error { return b.Remove(context.Background(), parse(t, name), vfs.Cond{}) }
	}
	ops := []struct {
		what   string
		do     func(b *Backend) error
		change map[string]string
		gone   []string
	}{
		{"create at the top", put("new"), map[string]string{"new": body}, nil},
		{"create", put("dir/new"), map[string]string{"dir/new": body}, nil},
		{"create with directories", put("a/b/c/new"), map[string]string{"a/": "", "a/b/": "", "a/b/c/": "", "a/b/c/new": body}, nil},
		{"create with a directory", put("dir/a/new"), map[string]string{"dir/a/": "", "dir/a/new": body}, nil},
		{"replace", put("dir/file"), map[string]string{"dir/file": body}, nil},
		{"remove", remove("file"), nil, []string{"file"}},
		{"remove with directories", remove("deep/er/only"), nil, []string{"deep/", "deep/er/", "deep/er/only"}},
	}
	modes := []struct {
		what string
		f    faults
	}{
		{"broken", faults{err: unix.EIO}},
		{"no room from then on", faults{err: unix.ENOSPC, always: []string{"mkdir", "create", "write", "sync"}}},
		{"broken, links only", faults{err: unix.EIO, plain: true}},
		{"broken, rename only", faults{err: unix.EIO, plain: true, unlinked: true}},
	}
	for _, mode := range modes {
		for _, op := range ops {
			t.Run(mode.what+"/"+op.what, func(t *testing.T) {
				changed := maps.Clone(old)
				maps.Copy(changed, op.change)
				for _, name := range op.gone {
					delete(changed, name)
				}
				failures := map[string]bool{}
				for at := 1; ; at++ {
					f := mode.f
					f.at = at
					err := failOnce(t, op.do, &f, old, changed)
					if f.failed == "" {
						if err != nil {
							t.Errorf("without a fault: %v", err)
						}
						break
					}
					if err != nil {
						failures[f.failed] = true
					}
				}
				if len(failures) < 4 {
					t.Errorf("only these calls failed: %v", failures)
				}
			})
		}
	}
}

// failOnce runs do on a tree that fails according to f.
func failOnce(t *testing.T, do func(*Backend) error, f *faults, old, changed map[string]string) error {
	t.Helper()
	dir := MemoryDir(t)
	for name, data := range old {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, "/") {
			if err := os.MkdirAll(path, 0o700); err != nil {
				t.Fatal(err)
			}
		} else if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	before := descriptors(t)
	b, err := open(dir, Options{Writable: true})
	if err != nil {
		t.Fatal(err)
	}
	sound := b.tree
	b.tree = faultyTree{sound, f}
	err = do(b)
	what := fmt.Sprintf("call %d, %s, failed with %v", f.at, f.failed, f.err)
	// If the file system supports only rename, a replaced version cannot be restored;
	// nor can a removed one on any file system.
	final := f.failed == "syncDir" && (f.plain || len(changed) < len(old))
	got, changed := contents(t, dir), maps.Clone(changed)
	switch {
	case err == nil && (f.failed == "rmdir" || f.failed == "open") && len(changed) < len(old):
		// Directories that cannot be removed remain, and nothing else.
		maps.DeleteFunc(got, func(name, _ string) bool { return strings.HasSuffix(name, "/") && isKey(old, name) })
		maps.DeleteFunc(changed, func(name, _ string) bool { return strings.HasSuffix(name, "/") })
		if !maps.Equal(got, changed) {
			t.Errorf("%s, the operation succeeded: the tree contains %v", what, keysOf(got))
		}
	case err == nil && !maps.Equal(got, changed):
		t.Errorf("%s, the operation did not fail: the tree contains %v", what, keysOf(got))
	case err != nil && !maps.Equal(got, old) && !(final && maps.Equal(got, changed)):
		t.Errorf("%s, the operation with %v: the tree contains %v", what, err, keysOf(got))
	}
	if err != nil {
		checkWriteError(t, what, err, f)
	}
	// Only things that could not be removed are left for the next start.
	if left, err := os.ReadDir(filepath.Join(dir, staging())); err == nil && len(left) > 0 && f.failed != "unlink" && f.failed != "rmdir" {
		t.Errorf("%s: staging contains %v", what, left)
	}
	b.tree = sound
	if _, err := b.prepare(); err != nil {
		t.Errorf("%s: the next start fails: %v", what, err)
	}
	if _, err := os.Lstat(filepath.Join(dir, staging())); err == nil {
		t.Errorf("%s: staging is left after the next start", what)
	}
	if err != nil && !final {
		b.tree = faultyTree{sound, &faults{}}
		if again := do(b); again != nil || !maps.Equal(contents(t, dir), changed) {
			t.Errorf("%s: tried again, it fails: %v", what, again)
		}
	}
	if err := sound.close(); err != nil {
		t.Error(err)
	}
	if after := descriptors(t); after != before {
		t.Errorf("%s: %d descriptors are open, want %d", what, after, before)
	}
	return err
}

func checkWriteError(t *testing.T, what string, err error, f *faults) {
	t.Helper()
	e, ok := err.(*vfs.Error)
	if !ok {
		t.Fatalf("%s: the error is a %T", what, err)
	}
	if e.Reason != "" || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s: the operation is refused, reason %q: %v", what, e.Reason, e.Err)
	}
	if errors.Is(f.err, unix.ENOSPC) && !errors.Is(err, vfs.ErrFull) {
		t.Errorf("%s: the error is %v, want vfs.ErrFull", what, e.Err)
	}
}

func isKey(m map[string]string, key string) bool {
	_, ok := m[key]
	return ok
}

func keysOf(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

func parse(t *testing.T, s string) vfs.Name {
	t.Helper()
	n, err := vfs.ParseName(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// descriptors counts this process's open descriptors, if the system can tell.
func descriptors(t *testing.T) int {
	if runtime.GOOS != "linux" {
		return 0
	}
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(fds)
}

// TestErrorsOfWriting: the result of each kind of failure for a caller.
func TestErrorsOfWriting(t *testing.T) {
	for _, tt := range []struct {
		err    error
		want   error
		reason vfs.Reason
	}{
		{unix.ENOSPC, vfs.ErrFull, ""},
		{unix.EDQUOT, vfs.ErrFull, ""},
		{unix.EFBIG, vfs.ErrFull, ""},
		{unix.EMLINK, vfs.ErrFull, ""},
		{unix.EMFILE, vfs.ErrUnavailable, ""},
		{unix.ENFILE, vfs.ErrUnavailable, ""},
		{unix.ENOMEM, vfs.ErrUnavailable, ""},
		{unix.EROFS, fs.ErrNotExist, reason.Permission},
		{unix.EACCES, fs.ErrNotExist, reason.Permission},
		{unix.EPERM, fs.ErrNotExist, reason.Permission},
		{unix.EXDEV, vfs.ErrUnsupported, ""},
		{unix.ENAMETOOLONG, fs.ErrNotExist, reason.Unholdable},
		{unix.EILSEQ, fs.ErrNotExist, reason.Unholdable},
		// A directory that disappears during a Put is not a missing object.
		{unix.ENOENT, vfs.ErrUnavailable, ""},
		{unix.ENOTEMPTY, vfs.ErrUnavailable, ""},
		{unix.EIO, unix.EIO, ""},
	} {
		for _, err := range []error{tt.err, &fs.PathError{Op: "write", Path: "/somewhere", Err: tt.err}} {
			got := writeError("put", parse(t, "a"), err)
			if !errors.Is(got, tt.want) || vfs.ReasonOf(got) != tt.reason {
				t.Errorf("%v: %v, reason %q, want %v, %q", err, got, vfs.ReasonOf(got), tt.want, tt.reason)
			}
			if errors.Is(got, fs.ErrNotExist) != (tt.reason != "") {
				t.Errorf("%v: matches fs.ErrNotExist: %t", err, tt.reason == "")
			}
			if strings.Contains(got.Error(), "somewhere") {
				t.Errorf("%v: the error reveals the path: %v", err, got)
			}
		}
	}
}

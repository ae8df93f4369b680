package aferofs_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/spf13/afero"

	"github.com/bailiwick-fs/bailiwick/backends/aferofs"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// coarse is an Fs that counts time in seconds, or does not support setting times.
type coarse struct {
	afero.Fs
	step time.Duration // 0: Chtimes fails
}

func (c coarse) Chtimes(name string, atime, mtime time.Time) error {
	if c.step == 0 {
		return errors.ErrUnsupported
	}
	return c.Fs.Chtimes(name, atime, mtime.Truncate(c.step))
}

// TestETagsWithinATick: the clock stands still in the bubble.
func TestETagsWithinATick(t *testing.T) {
	for _, step := range []time.Duration{time.Nanosecond, time.Microsecond, time.Second, 2 * time.Second} {
		t.Run(step.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBackend(t, coarse{afero.NewMemMapFs(), step}, aferofs.Options{})
				seen := map[string]int{}
				for i, content := range []string{"one", "two", "one", "six"} {
					info, err := put(b, "a", content)
					if err != nil {
						t.Fatal(err)
					}
					if before, ok := seen[info.ETag]; ok {
						t.Errorf("versions %d and %d have the same ETag", before, i)
					}
					seen[info.ETag] = i
				}
				// A version created by another process counts, too.
				if err := b.Remove(t.Context(), parse(t, "a"), vfs.Cond{}); err != nil {
					t.Fatal(err)
				}
				info, err := put(b, "a", "one")
				if _, ok := seen[info.ETag]; ok || err != nil {
					t.Errorf("a version created after a removal has an old ETag, %v", err)
				}
			})
		})
	}
	b := newBackend(t, coarse{Fs: afero.NewMemMapFs()}, aferofs.Options{})
	if _, err := put(b, "a", "stored"); err != nil {
		t.Errorf("an Fs without support for times: %v", err)
	}
	wantContent(t, b, "a", "stored")
}

// TestETagAfterAnother: the ETag of an existing object is not reused, even if its time
// is in the future.
func TestETagAfterAnother(t *testing.T) {
	fsys := afero.NewMemMapFs()
	writeRaw(t, fsys, "/a", "one")
	ahead := time.Now().Add(time.Hour)
	if err := fsys.Chtimes("/a", ahead, ahead); err != nil {
		t.Fatal(err)
	}
	b := newBackend(t, fsys, aferofs.Options{})
	info, err := put(b, "a", "two")
	if err != nil || !info.ModTime.After(ahead) {
		t.Errorf("the new version is of %v, %v, the old one of %v", info.ModTime, err, ahead)
	}
}

// faulty fails call number at, of all that can fail, and also those after it if more is
// set.
type faulty struct {
	afero.Fs
	calls, at int
	more      bool
	err       error // of calls that write, nil is errFault
}

var errFault = errors.New("a fault of the file system")

func (f *faulty) fault() error {
	f.calls++
	switch {
	case f.calls != f.at && !(f.more && f.calls > f.at && f.at > 0):
		return nil
	case f.err != nil:
		return f.err
	}
	return errFault
}

func (f *faulty) Stat(name string) (os.FileInfo, error) {
	if err := f.fault(); err != nil {
		return nil, errFault
	}
	return f.Fs.Stat(name)
}

func (f *faulty) Mkdir(name string, perm os.FileMode) error {
	if err := f.fault(); err != nil {
		return err
	}
	return f.Fs.Mkdir(name, perm)
}

func (f *faulty) OpenFile(name string, flag int, perm os.FileMode) (afero.File, error) {
	if err := f.fault(); err != nil {
		return nil, err
	}
	file, err := f.Fs.OpenFile(name, flag, perm)
	return &faultyFile{file, f}, err
}

func (f *faulty) Rename(oldname, newname string) error {
	if err := f.fault(); err != nil {
		return err
	}
	return f.Fs.Rename(oldname, newname)
}

func (f *faulty) Chtimes(name string, atime, mtime time.Time) error {
	if err := f.fault(); err != nil {
		return err
	}
	return f.Fs.Chtimes(name, atime, mtime)
}

func (f *faulty) Remove(name string) error {
	if err := f.fault(); err != nil {
		return err
	}
	return f.Fs.Remove(name)
}

type faultyFile struct {
	afero.File
	fs *faulty
}

func (f *faultyFile) Write(p []byte) (int, error) {
	if err := f.fs.fault(); err != nil {
		return 0, err
	}
	return f.File.Write(p)
}

func (f *faultyFile) Sync() error {
	if err := f.fs.fault(); err != nil {
		return err
	}
	return f.File.Sync()
}

func (f *faultyFile) Close() error {
	err := f.fs.fault()
	if closed := f.File.Close(); err == nil {
		err = closed
	}
	return err
}

// TestPutFaults fails every call of a Put in turn, alone and with all following ones.
// Afterwards, the object is the whole old one or the whole new one, and nothing else is
// visible.
func TestPutFaults(t *testing.T) {
	for _, name := range []string{"docs/old", "docs/new", "fresh/dir/new"} {
		for _, more := range []bool{false, true} {
			surfaced := 0
			for at := 1; ; at++ {
				fsys := afero.NewMemMapFs()
				writeRaw(t, fsys, "/docs/old", "old version")
				f := &faulty{Fs: fsys, at: at, more: more}
				b := newBackend(t, f, aferofs.Options{})
				_, err := put(b, name, "new version")
				if f.calls < at {
					break // no such call
				}
				if err != nil {
					surfaced++
					if _, ok := err.(*vfs.Error); !ok || !errors.Is(err, errFault) {
						t.Errorf("%s, call %d: %T %v", name, at, err, err)
					}
				}
				f.at = 0
				stored := false
				for entry, err := range b.List(t.Context(), parse(t, name).Dir(), "") {
					if err == nil && entry.Elem != "old" && entry.Elem != parse(t, name).Base() {
						t.Errorf("%s, call %d: left %q", name, at, entry.Elem)
					}
					stored = stored || err == nil && entry.Elem == parse(t, name).Base()
				}
				if !stored {
					wantReason(t, b, name, reason.Missing)
				} else if data, _ := afero.ReadFile(fsys, "/"+name); !slices.Contains([]string{"old version", "new version"}, string(data)) {
					t.Errorf("%s, call %d: holds %q", name, at, data)
				}
				if err == nil {
					wantContent(t, b, name, "new version")
				}
				wantListed(t, b, "docs/old")
			}
			if surfaced < 5 {
				t.Errorf("%s: only %d faults surfaced", name, surfaced)
			}
		}
	}
}

// A file system that has no room says so, and is no failure that could go away by itself. An
// equal error of the body says nothing about the file system.
func TestPutWithoutRoom(t *testing.T) {
	for at := 1; ; at++ {
		f := &faulty{Fs: afero.NewMemMapFs(), at: at, err: &fs.PathError{Op: "write", Path: "/a", Err: syscall.ENOSPC}}
		_, err := put(newBackend(t, f, aferofs.Options{}), "dir/a", "data")
		if f.calls < at {
			break // no such call
		}
		if _, ok := err.(*vfs.Error); err != nil && !errors.Is(err, errFault) && (!ok || !errors.Is(err, vfs.ErrFull)) {
			t.Errorf("call %d: %T %v, want ErrFull", at, err, err)
		}
	}
	b := newBackend(t, afero.NewMemMapFs(), aferofs.Options{})
	if _, err := b.Put(t.Context(), parse(t, "a"), iotest.ErrReader(syscall.ENOSPC), vfs.PutOptions{}); !errors.Is(err, syscall.ENOSPC) || errors.Is(err, vfs.ErrFull) {
		t.Errorf("an error of the body: %v", err)
	}
}

func wantListed(t *testing.T, b vfs.Backend, name string) {
	t.Helper()
	if _, err := b.Stat(t.Context(), parse(t, name), vfs.Request{}); err != nil {
		t.Errorf("%q is missing: %v", name, err)
	}
}

// TestLeftovers: a temporary file that a dead process left is not visible.
func TestLeftovers(t *testing.T) {
	fsys := afero.NewMemMapFs()
	b := newBackend(t, fsys, aferofs.Options{})
	r := &spy{Reader: strings.NewReader("content"), look: func() {
		if names := rawNames(t, fsys, "/docs"); len(names) != 1 || names[0] == "a" {
			t.Errorf("during the write, the directory contains %q, want a temporary file", names)
		}
		for e, err := range b.List(t.Context(), parse(t, "docs"), "") {
			t.Errorf("List shows %q, %v", e.Elem, err)
		}
	}}
	if _, err := b.Put(t.Context(), parse(t, "docs/a"), r, vfs.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	if !r.looked {
		t.Error("the body was not read")
	}
	if names := rawNames(t, fsys, "/docs"); !slices.Equal(names, []string{"a"}) {
		t.Errorf("afterwards, it contains %q", names)
	}
}

// spy calls look at its first read.
type spy struct {
	io.Reader
	look   func()
	looked bool
}

func (s *spy) Read(p []byte) (int, error) {
	if !s.looked {
		s.looked = true
		s.look()
	}
	return s.Reader.Read(p)
}

func rawNames(t *testing.T, fsys afero.Fs, dir string) []string {
	t.Helper()
	list, err := afero.ReadDir(fsys, dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, st := range list {
		names = append(names, st.Name())
	}
	return names
}

// TestCopyOnWrite: a CopyOnWriteFs cannot remove what is below its layer, so its
// backend is read-only; otherwise it would report readable objects as missing.
func TestCopyOnWrite(t *testing.T) {
	base := afero.NewMemMapFs()
	writeRaw(t, base, "/docs/base", "base")
	layer := afero.NewMemMapFs()
	both := afero.NewCopyOnWriteFs(base, layer)
	if both.Remove("/docs/base") == nil {
		t.Error("raw: afero has fixed this")
	}
	b := newBackend(t, both, aferofs.Options{})
	for _, name := range []string{"docs/new", "docs/base", "fresh/dir/new"} {
		if _, err := put(b, name, "layer"); !errors.Is(err, vfs.ErrUnsupported) {
			t.Errorf("Put(%q): %v", name, err)
		}
	}
	if err := b.Remove(t.Context(), parse(t, "docs/base"), vfs.Cond{}); !errors.Is(err, vfs.ErrUnsupported) {
		t.Errorf("Remove: %v", err)
	}
	wantContent(t, b, "docs/base", "base")
	if left := rawNames(t, layer, "/"); len(left) > 0 {
		t.Errorf("the layer contains %q", left)
	}
}

// denying is a custom Fs that does not write.
type denying struct{ afero.Fs }

func (denying) OpenFile(name string, _ int, _ os.FileMode) (afero.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
}

func (denying) Remove(name string) error {
	return &fs.PathError{Op: "remove", Path: name, Err: fs.ErrPermission}
}

// TestReadOnlyBelow: an Fs that turns out to be read-only fails, with a reason for the
// operator.
func TestReadOnlyBelow(t *testing.T) {
	memory := afero.NewMemMapFs()
	writeRaw(t, memory, "/a", "a")
	b := newBackend(t, denying{memory}, aferofs.Options{})
	if _, err := put(b, "a", "b"); !errors.Is(err, fs.ErrNotExist) || vfs.ReasonOf(err) != reason.Permission {
		t.Errorf("Put: %v, reason %q", err, vfs.ReasonOf(err))
	}
	if err := b.Remove(t.Context(), parse(t, "a"), vfs.Cond{}); vfs.ReasonOf(err) != reason.Permission {
		t.Errorf("Remove: %v", err)
	}
	wantContent(t, b, "a", "a")
}

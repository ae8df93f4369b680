package disk_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bailiwick-fs/bailiwick/backends/disk"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// mountTmpfs mounts a separate file system, which needs root privileges.
func mountTmpfs(t *testing.T, dir, options string) {
	t.Helper()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		t.Skipf("cannot mount a file system here: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
}

// endless is a body too large for any disk.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// TestFullDisk: an object that does not fit fails with a clear error and leaves nothing
// behind; existing objects remain usable.
func TestFullDisk(t *testing.T) {
	for _, tt := range []struct {
		what, options string
		fill          func(b vfs.Backend, i int) (vfs.Name, error)
	}{
		{"no bytes", "size=8m", func(b vfs.Backend, i int) (vfs.Name, error) {
			n := name(t, fmt.Sprintf("fill/%d", i))
			_, err := put(b, n, strings.Repeat("x", 300_000), vfs.PutOptions{})
			return n, err
		}},
		{"no inodes", "size=8m,nr_inodes=24", func(b vfs.Backend, i int) (vfs.Name, error) {
			n := name(t, fmt.Sprintf("fill/%d/in/a/directory/%d", i, i))
			_, err := put(b, n, "x", vfs.PutOptions{})
			return n, err
		}},
	} {
		for _, portable := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, portable %t", tt.what, portable), func(t *testing.T) {
				dir := t.TempDir()
				mountTmpfs(t, dir, tt.options)
				b := writable(t, dir, disk.Options{Portable: portable})
				kept := name(t, "kept/file")
				if _, err := put(b, kept, "kept", vfs.PutOptions{}); err != nil {
					t.Fatal(err)
				}
				before := snapshot(t, dir)
				for _, n := range []vfs.Name{kept, name(t, "kept/new"), name(t, "new"), name(t, "new/directory/new")} {
					if _, err := b.Put(context.Background(), n, endless{}, vfs.PutOptions{}); !errors.Is(err, vfs.ErrFull) {
						t.Errorf("%s without end: %v", n, err)
					}
					if got := snapshot(t, dir); !maps.Equal(got, before) {
						t.Errorf("%s without end left %d entries, want %d", n, len(got), len(before))
					}
				}
				var filled []vfs.Name
				for i := 0; ; i++ {
					before := snapshot(t, dir)
					n, err := tt.fill(b, i)
					if err == nil {
						filled = append(filled, n)
						continue
					}
					if !errors.Is(err, vfs.ErrFull) || errors.Is(err, fs.ErrNotExist) {
						t.Errorf("the object that does not fit: %v", err)
					}
					if got := snapshot(t, dir); !maps.Equal(got, before) {
						t.Errorf("the object that does not fit left %d entries, want %d", len(got), len(before))
					}
					break
				}
				if len(filled) == 0 {
					t.Fatal("no object fitted")
				}
				if got, _, err := get(b, kept, vfs.Request{}); err != nil || got != "kept" {
					t.Errorf("the existing object: %q, %v", got, err)
				}
				// Use up the last inodes and pages with other files, so that the disk
				// is really full.
				for i := 0; ; i++ {
					f, err := os.Create(filepath.Join(dir, fmt.Sprint("other ", i)))
					if err != nil {
						break
					}
					_, err = f.Write(make([]byte, 4096))
					f.Close()
					if err != nil {
						break
					}
				}
				// A start and a removal need no free space.
				again := writable(t, dir, disk.Options{Portable: portable})
				for _, n := range filled {
					if err := again.Remove(context.Background(), n, vfs.Cond{}); err != nil {
						t.Errorf("removing from a full disk: %v", err)
					}
				}
				if _, err := put(b, name(t, "new/directory/new"), "new", vfs.PutOptions{}); err != nil {
					t.Errorf("with free space again: %v", err)
				}
				if _, err := put(b, kept, "changed", vfs.PutOptions{}); err != nil {
					t.Errorf("with free space again: %v", err)
				}
			})
		}
	}
}

// A mount below the root is another file system, to which nothing can be renamed.
func TestOtherMounts(t *testing.T) {
	both(t, t.TempDir(), disk.Options{}, func(t *testing.T, b *disk.Backend) {
		dir := t.TempDir()
		below := filepath.Join(dir, "mounted")
		if err := os.Mkdir(below, 0o700); err != nil {
			t.Fatal(err)
		}
		mountTmpfs(t, below, "size=1m")
		write(t, below, "old", "old")
		w := writable(t, dir, disk.Options{Portable: strings.Contains(t.Name(), "portable")})
		before := snapshot(t, dir)
		for _, s := range []string{"mounted/new", "mounted/old", "mounted/new/directory/new"} {
			_, err := put(w, name(t, s), "x", vfs.PutOptions{})
			if !errors.Is(err, vfs.ErrUnsupported) || errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: %v", s, err)
			}
		}
		got := snapshot(t, dir)
		delete(got, "/"+staging)
		if !maps.Equal(got, before) {
			t.Errorf("the tree is %q, was %q", got, before)
		}
		if err := w.Remove(context.Background(), name(t, "mounted/old"), vfs.Cond{}); err != nil {
			t.Error(err)
		}
	})
}

func TestReadOnlyMount(t *testing.T) {
	dir := t.TempDir()
	mountTmpfs(t, dir, "size=1m")
	write(t, dir, "file", "data")
	w := writable(t, dir, disk.Options{})
	if err := unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := put(w, name(t, "new"), "x", vfs.PutOptions{}); vfs.ReasonOf(err) != reason.Permission {
		t.Errorf("Put: %v, reason %q", err, vfs.ReasonOf(err))
	}
	if err := w.Remove(context.Background(), name(t, "file"), vfs.Cond{}); vfs.ReasonOf(err) != reason.Permission {
		t.Errorf("Remove: %v, reason %q", err, vfs.ReasonOf(err))
	}
	both(t, dir, disk.Options{}, func(t *testing.T, b *disk.Backend) {
		if got, _, err := get(b, name(t, "file"), vfs.Request{}); err != nil || got != "data" {
			t.Errorf("reading: %q, %v", got, err)
		}
		if _, err := put(b, name(t, "file"), "x", vfs.PutOptions{}); !errors.Is(err, vfs.ErrUnsupported) {
			t.Errorf("Put of a read-only backend: %v", err)
		}
	})
	if _, err := disk.New(dir, disk.Options{Writable: true}); !errors.Is(err, disk.ErrNotWritable) {
		t.Errorf("New: %v", err)
	}
}

// TestLimits: exceeding a limit on descriptors or on file size loses nothing.
func TestLimits(t *testing.T) {
	dir := t.TempDir()
	b := writable(t, dir, disk.Options{})
	if _, err := put(b, name(t, "file"), "old", vfs.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	before := snapshot(t, dir)
	limited := func(which int, cur uint64, f func()) {
		var old unix.Rlimit
		if err := unix.Getrlimit(which, &old); err != nil {
			t.Fatal(err)
		}
		if err := unix.Setrlimit(which, &unix.Rlimit{Cur: cur, Max: old.Max}); err != nil {
			t.Fatal(err)
		}
		defer unix.Setrlimit(which, &old)
		f()
	}
	var errs []error
	// The limit rises from none to enough, so each descriptor is once the one too many.
	for spare := uint64(0); spare < 12; spare++ {
		fd, err := unix.Dup(0)
		if err != nil {
			t.Fatal(err)
		}
		unix.Close(fd)
		limited(unix.RLIMIT_NOFILE, uint64(fd)+spare, func() {
			_, err := put(b, name(t, "new/file"), "x", vfs.PutOptions{})
			errs = append(errs, err)
		})
		if err := errs[spare]; err == nil {
			break
		} else if !errors.Is(err, vfs.ErrUnavailable) || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("with %d descriptors: %v", spare, err)
		}
		if got := snapshot(t, dir); !maps.Equal(got, before) {
			t.Errorf("with %d descriptors, %q is left", spare, got)
		}
	}
	if len(errs) < 3 || errs[len(errs)-1] != nil {
		t.Errorf("descriptors: %v", errs)
	}
	limited(unix.RLIMIT_FSIZE, 100_000, func() {
		_, err := b.Put(context.Background(), name(t, "file"), io.LimitReader(endless{}, 200_000), vfs.PutOptions{})
		if !errors.Is(err, vfs.ErrFull) {
			t.Errorf("a file over the limit: %v", err)
		}
	})
	if got, _, err := get(b, name(t, "file"), vfs.Request{}); err != nil || got != "old" {
		t.Errorf("the old version: %q, %v", got, err)
	}
}

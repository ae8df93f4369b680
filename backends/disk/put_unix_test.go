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

	"golang.org/x/sys/unix"

	"github.com/bailiwick-fs/bailiwick/backends/disk"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// staging is the entry at the top during writes.
var staging = fmt.Sprintf(".bailiwick\u2028put-staging-%d", os.Geteuid())

func put(b vfs.Backend, n vfs.Name, data string, opts vfs.PutOptions) (vfs.Info, error) {
	return b.Put(context.Background(), n, strings.NewReader(data), opts)
}

func writable(t testing.TB, dir string, opts disk.Options) *disk.Backend {
	t.Helper()
	opts.Writable, opts.SkipSelfTest = true, true
	b, err := disk.New(dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// snapshot describes everything below dir without following links.
func snapshot(t testing.TB, dir string) map[string]string {
	t.Helper()
	got := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		what := d.Type().String()
		switch d.Type() {
		case fs.ModeSymlink:
			what, err = os.Readlink(path)
			// The two compared trees have different paths.
			what = strings.ReplaceAll(what, filepath.Dir(dir), "")
		case 0:
			var data []byte
			data, err = os.ReadFile(path)
			what = "file " + string(data)
		}
		got[strings.TrimPrefix(path, dir)] = what
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// For every name, both ways to open files do the same to the tree and give the same
// reason, follow or replace no link, and touch nothing outside.
func TestWaysAgreeOnWriting(t *testing.T) {
	var roots [2]string
	var ways [2]*disk.Backend
	for i := range ways {
		roots[i] = plantAll(t)
		ways[i] = writable(t, roots[i], disk.Options{Portable: i == 1})
	}
	outside := snapshot(t, filepath.Join(filepath.Dir(roots[0]), "outside"))
	before := snapshot(t, roots[0])
	names := candidates(t, roots[0])
	count := map[string]int{}
	for _, op := range []string{"put", "create", "remove"} {
		for _, n := range names {
			var saw [2]string
			for i, b := range ways {
				var err error
				switch op {
				case "put":
					_, err = put(b, n, "written", vfs.PutOptions{})
				case "create":
					_, err = put(b, n, "created", vfs.PutOptions{Cond: vfs.Cond{IfNoneMatch: vfs.Tags{Any: true}}})
				case "remove":
					err = b.Remove(context.Background(), n, vfs.Cond{})
				}
				saw[i] = fmt.Sprintf("%s: %v, reason %q", op, err, vfs.ReasonOf(err))
			}
			if saw[0] != saw[1] {
				t.Errorf("%s:\n default  %s\n portable %s", n, saw[0], saw[1])
			}
			count[saw[0][strings.LastIndexByte(saw[0], ' '):]]++
		}
		after := [2]map[string]string{snapshot(t, roots[0]), snapshot(t, roots[1])}
		if !maps.Equal(after[0], after[1]) {
			t.Errorf("after %s, the trees differ:\n default  %q\n portable %q", op, after[0], after[1])
		}
		for name, what := range before {
			if !strings.HasPrefix(what, "file ") && what != fs.ModeDir.String() && after[0][name] != what {
				t.Errorf("after %s, %s is %q, was %q", op, name, after[0][name], what)
			}
		}
	}
	for _, root := range roots {
		if got := snapshot(t, filepath.Join(filepath.Dir(root), "outside")); !maps.Equal(got, outside) {
			t.Errorf("outside is %q, was %q", got, outside)
		}
	}
	for _, why := range []vfs.Reason{"", reason.Symlink, reason.Directory, reason.SpecialFile, reason.Missing} {
		if count[fmt.Sprintf(" %q", why)] == 0 {
			t.Errorf("no name gave the reason %q: %v", why, count)
		}
	}
}

// A new version has a new ETag, however soon it follows, whatever its inode, and
// whatever the clock says.
func TestVersionsHaveTheirOwnETag(t *testing.T) {
	dir := disk.MemoryDir(t)
	both(t, dir, disk.Options{Writable: true}, func(t *testing.T, b *disk.Backend) {
		n := name(t, "f")
		seen := map[string]bool{}
		inodes := map[uint64]int{}
		for i := range 200 {
			info, err := put(b, n, "size", vfs.PutOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if seen[info.ETag] {
				t.Fatalf("version %d has the ETag of a previous version", i)
			}
			seen[info.ETag] = true
			var st unix.Stat_t
			if err := unix.Lstat(filepath.Join(dir, "f"), &st); err != nil {
				t.Fatal(err)
			}
			inodes[uint64(st.Ino)]++
			if i%3 == 0 {
				if err := b.Remove(context.Background(), n, vfs.Cond{}); err != nil {
					t.Fatal(err)
				}
			}
		}
		if len(inodes) == 200 {
			t.Log("no inode number was reused")
		}
		// A version with a future time, as left when the clock is set back.
		future := filepath.Join(dir, "f")
		for range 3 {
			before, err := os.Stat(future)
			if err != nil {
				t.Fatal(err)
			}
			later := before.ModTime().AddDate(1, 0, 0)
			if err := os.Chtimes(future, later, later); err != nil {
				t.Fatal(err)
			}
			info, err := put(b, n, "size", vfs.PutOptions{})
			if err != nil || !info.ModTime.After(later) {
				t.Errorf("%v, %v: not after the version that it replaced, %v", info.ModTime, err, later)
			}
			if err := b.Remove(context.Background(), n, vfs.Cond{}); err != nil {
				t.Fatal(err)
			}
			if next, err := put(b, n, "size", vfs.PutOptions{}); err != nil || !next.ModTime.After(info.ModTime) {
				t.Errorf("%v, %v: not after the version that was removed, %v", next.ModTime, err, info.ModTime)
			}
		}
		if err := b.Remove(context.Background(), n, vfs.Cond{}); err != nil {
			t.Fatal(err)
		}
	})
}

func TestCloseWhileWriting(t *testing.T) {
	dir := t.TempDir()
	both(t, dir, disk.Options{Writable: true}, func(t *testing.T, b *disk.Backend) {
		body := &duringBody{[]string{"one", "two"}, func() {
			if err := b.Close(); err != nil {
				t.Error(err)
			}
		}}
		if _, err := b.Put(context.Background(), name(t, "late/file"), body, vfs.PutOptions{}); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("a Put during Close: %v", err)
		}
		if _, err := put(b, name(t, "late/file"), "x", vfs.PutOptions{}); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("Put after Close: %v", err)
		}
		if err := b.Remove(context.Background(), name(t, "late/file"), vfs.Cond{}); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("Remove after Close: %v", err)
		}
		if got := snapshot(t, dir); len(got) != 1 {
			t.Errorf("left: %q", got)
		}
	})
}

// Put waits for another process that holds the write lock, until its ctx is done.
func TestWaitForOthers(t *testing.T) {
	dir := t.TempDir()
	both(t, dir, disk.Options{Writable: true}, func(t *testing.T, b *disk.Backend) {
		other, err := os.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		if err := unix.Flock(int(other.Fd()), unix.LOCK_EX); err != nil {
			t.Fatal(err)
		}
		n := name(t, "file")
		ctx, cancel := context.WithCancel(context.Background())
		ended := &duringBody{[]string{"one", "two"}, cancel}
		if _, err := b.Put(ctx, n, ended, vfs.PutOptions{}); !errors.Is(err, context.Canceled) {
			t.Errorf("a waiting Put, canceled: %v", err)
		}
		done := make(chan error)
		started := make(chan struct{})
		go func() {
			_, err := b.Put(context.Background(), n, &duringBody{[]string{"one", "two"}, func() { close(started) }}, vfs.PutOptions{})
			done <- err
		}()
		<-started
		if _, err := os.Lstat(filepath.Join(dir, "file")); err == nil {
			t.Error("Put did not wait for the write lock")
		}
		if err := unix.Flock(int(other.Fd()), unix.LOCK_UN); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := b.Remove(context.Background(), n, vfs.Cond{}); err != nil {
			t.Error(err)
		}
	})
}

// Writers are refused hard links, too: a condition would reveal the file's state.
func TestHardLinksAndWriting(t *testing.T) {
	dir := disk.MemoryDir(t)
	outside := write(t, disk.MemoryDir(t), "secret", "canary")
	if err := os.Link(outside, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	both(t, dir, disk.Options{Writable: true, RefuseHardLinks: true}, func(t *testing.T, b *disk.Backend) {
		if _, err := put(b, name(t, "link"), "x", vfs.PutOptions{}); vfs.ReasonOf(err) != reason.HardLink {
			t.Errorf("Put: %v, reason %q", err, vfs.ReasonOf(err))
		}
		if err := b.Remove(context.Background(), name(t, "link"), vfs.Cond{}); vfs.ReasonOf(err) != reason.HardLink {
			t.Errorf("Remove: %v, reason %q", err, vfs.ReasonOf(err))
		}
		// A new file never looks like a hard link.
		n := name(t, "made")
		stop := make(chan struct{})
		seen := make(chan error)
		go func() {
			var bad error
			for {
				_, err := b.Stat(context.Background(), n, vfs.Request{})
				if r := vfs.ReasonOf(err); r != "" && r != reason.Missing {
					bad = err
				}
				select {
				case <-stop:
					seen <- bad
					return
				default:
				}
			}
		}()
		for range 100 {
			if _, err := put(b, n, "x", vfs.PutOptions{}); err != nil {
				t.Error(err)
			}
			if err := b.Remove(context.Background(), n, vfs.Cond{}); err != nil {
				t.Error(err)
			}
		}
		close(stop)
		if err := <-seen; err != nil {
			t.Errorf("a reader during creation: reason %q", vfs.ReasonOf(err))
		}
	})
	// The control: replacing one name leaves the other alone.
	both(t, dir, disk.Options{Writable: true}, func(t *testing.T, b *disk.Backend) {
		if _, err := put(b, name(t, "link"), "x", vfs.PutOptions{}); err != nil {
			t.Error(err)
		}
	})
	if data, err := os.ReadFile(outside); err != nil || string(data) != "canary" {
		t.Errorf("the file outside: %q, %v", data, err)
	}
}

// New files and directories have the permissions that the umask leaves.
func TestRightsOfWhatIsMade(t *testing.T) {
	old := unix.Umask(0o027)
	defer unix.Umask(old)
	dir := t.TempDir()
	both(t, dir, disk.Options{Writable: true}, func(t *testing.T, b *disk.Backend) {
		if _, err := put(b, name(t, "a/b"), "x", vfs.PutOptions{}); err != nil {
			t.Fatal(err)
		}
		for path, want := range map[string]fs.FileMode{"a": 0o750, "a/b": 0o640} {
			st, err := os.Stat(filepath.Join(dir, path))
			if err != nil || st.Mode().Perm() != want {
				t.Errorf("%s: %v, %v, want %v", path, st.Mode(), err, want)
			}
		}
	})
}

// If a Remove prunes a directory while another writer puts files there, these survive:
// pruning removes only empty directories.
func TestPutAndRemoveSideBySide(t *testing.T) {
	dir := disk.MemoryDir(t)
	ways := []*disk.Backend{writable(t, dir, disk.Options{}), writable(t, dir, disk.Options{Portable: true})}
	errs := make(chan error)
	for i, b := range ways {
		go func() {
			n := name(t, fmt.Sprintf("shared/deep/file %d", i))
			for range 150 {
				if _, err := put(b, n, "x", vfs.PutOptions{}); err != nil {
					errs <- err
					return
				}
				if got, _, err := get(b, n, vfs.Request{}); err != nil || got != "x" {
					errs <- fmt.Errorf("after Put: %q, %w", got, err)
					return
				}
				if err := b.Remove(context.Background(), n, vfs.Cond{}); err != nil {
					errs <- err
					return
				}
			}
			errs <- nil
		}()
	}
	for range ways {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	for _, b := range ways {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
	if got := slices.Collect(maps.Keys(snapshot(t, dir))); len(got) != 1 {
		t.Errorf("left: %q", got)
	}
}

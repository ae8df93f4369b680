package disk_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/bailiwick-fs/bailiwick/backends/disk"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// both runs f with a Backend for dir, for each available way to open files.
func both(t *testing.T, dir string, opts disk.Options, f func(t *testing.T, b *disk.Backend)) {
	for _, portable := range []bool{false, true} {
		t.Run(map[bool]string{false: "default", true: "portable"}[portable], func(t *testing.T) {
			opts.Portable = portable
			b, err := disk.New(dir, opts)
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close()
			f(t, b)
		})
	}
}

func write(t testing.TB, dir, name, data string) string {
	t.Helper()
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func name(t testing.TB, s string) vfs.Name {
	t.Helper()
	if s == "." {
		return vfs.Root
	}
	n, err := vfs.ParseName(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func get(b vfs.Backend, n vfs.Name, req vfs.Request) (string, *vfs.Object, error) {
	obj, err := b.Open(context.Background(), n, req)
	if err != nil {
		return "", nil, err
	}
	defer obj.Body.Close()
	data, err := io.ReadAll(obj.Body)
	return string(data), obj, err
}

func TestLargeAndSmallObjectsAlike(t *testing.T) {
	dir := t.TempDir()
	sizes := []int{0, 1, 1000, 32<<10 - 1, 32 << 10, 32<<10 + 1, 300_000}
	for _, size := range sizes {
		write(t, dir, fmt.Sprint(size), pattern(size))
	}
	ranges := []vfs.Range{{}, vfs.RangeFrom(0), vfs.RangeFrom(40_000), vfs.RangeBetween(1, 70_000), vfs.RangeSuffix(3)}
	both(t, dir, disk.Options{}, func(t *testing.T, b *disk.Backend) {
		for _, size := range sizes {
			for _, r := range ranges {
				span, ok := r.Resolve(int64(size))
				got, obj, err := get(b, name(t, fmt.Sprint(size)), vfs.Request{Range: r})
				if !ok {
					var e *vfs.Error
					if !errors.As(err, &e) || !errors.Is(err, vfs.ErrRange) || e.Info.Size != int64(size) {
						t.Errorf("size %d, range %v: error %v", size, r, err)
					}
					continue
				}
				if err != nil {
					t.Fatalf("size %d, range %v: %v", size, r, err)
				}
				if want := pattern(size)[span.Offset : span.Offset+span.Length]; got != want {
					t.Errorf("size %d, range %v: got %d bytes, want %d", size, r, len(got), len(want))
				}
				if obj.Span != span || (obj.File != nil) != (span.Length > 32<<10) {
					t.Errorf("size %d, range %v: span %v, file %v", size, r, obj.Span, obj.File)
				}
			}
		}
	})
}

func pattern(size int) string {
	rnd := rand.New(rand.NewPCG(1, uint64(size)))
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(rnd.Uint32())
	}
	return string(b)
}

func TestFilePositionedAtSpan(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "big", pattern(100_000))
	both(t, dir, disk.Options{}, func(t *testing.T, b *disk.Backend) {
		obj, err := b.Open(context.Background(), name(t, "big"), vfs.Request{Range: vfs.RangeBetween(5000, 60_000)})
		if err != nil {
			t.Fatal(err)
		}
		defer obj.Body.Close()
		var got bytes.Buffer
		if _, err := io.CopyN(&got, obj.File, obj.Span.Length); err != nil {
			t.Fatal(err)
		}
		if got.String() != pattern(100_000)[5000:60_001] {
			t.Error("File does not yield the span")
		}
	})
}

// Reading a file that is truncated meanwhile must fail; of a file that grows, the
// original length is served.
func TestChangedWhileRead(t *testing.T) {
	for _, size := range []int{1000, 100_000} {
		both(t, t.TempDir(), disk.Options{}, func(t *testing.T, _ *disk.Backend) {
			dir := t.TempDir()
			path := write(t, dir, "f", pattern(size))
			b, err := disk.New(dir, disk.Options{SkipSelfTest: true})
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close()
			obj, err := b.Open(context.Background(), name(t, "f"), vfs.Request{})
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Truncate(path, int64(size)/2); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadAll(obj.Body); !errors.Is(err, vfs.ErrChanged) {
				t.Errorf("size %d: reading a truncated file: %v", size, err)
			}
			obj.Body.Close()

			write(t, dir, "f", pattern(size))
			obj, err = b.Open(context.Background(), name(t, "f"), vfs.Request{})
			if err != nil {
				t.Fatal(err)
			}
			f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			f.WriteString("more")
			f.Close()
			if got, err := io.ReadAll(obj.Body); err != nil || string(got) != pattern(size) {
				t.Errorf("size %d: a file that grew: %d bytes, %v", size, len(got), err)
			}
			obj.Body.Close()
		})
	}
}

func TestETag(t *testing.T) {
	dir := t.TempDir()
	path := write(t, dir, "f", "one")
	write(t, dir, "g", "one")
	var tags []string
	both(t, dir, disk.Options{}, func(t *testing.T, b *disk.Backend) {
		_, f, _ := get(b, name(t, "f"), vfs.Request{})
		_, g, _ := get(b, name(t, "g"), vfs.Request{})
		if f.Info.ETag == "" || f.Info.ETag == g.Info.ETag {
			t.Errorf("ETags of two files: %q, %q", f.Info.ETag, g.Info.ETag)
		}
		st, err := b.Stat(context.Background(), name(t, "f"), vfs.Request{})
		if err != nil || st.ETag != f.Info.ETag {
			t.Errorf("Stat has ETag %q, Open %q", st.ETag, f.Info.ETag)
		}
		tags = append(tags, f.Info.ETag)
	})
	if tags[0] != tags[1] {
		t.Errorf("the ways of opening differ in ETags: %q", tags)
	}
	st, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "f.new", "two")
	if err := os.Chtimes(path+".new", st.ModTime(), st.ModTime()); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	both(t, dir, disk.Options{}, func(t *testing.T, b *disk.Backend) {
		if _, f, _ := get(b, name(t, "f"), vfs.Request{}); f.Info.ETag == tags[0] {
			t.Error("a file that was replaced, with equal size and time, kept its ETag")
		}
	})
}

func TestListIsOrderedAndPaged(t *testing.T) {
	dir := disk.MemoryDir(t)
	// Use more than two chunks, and names around the slash in byte order.
	for i := range 5000 {
		write(t, dir, fmt.Sprintf("many/n%04d", rand.IntN(1_000_000)+i), "")
	}
	for _, f := range []string{"a/x", "a-b", "a.b", "a0", "a", "b/y", "b!", "b0/z"} {
		if f == "a" {
			continue
		}
		write(t, dir, f, "x")
	}
	both(t, dir, disk.Options{}, func(t *testing.T, b *disk.Backend) {
		for _, d := range []string{".", "many"} {
			all := keys(t, b, d, "")
			if !slices.IsSorted(all) || len(slices.Compact(slices.Clone(all))) != len(all) {
				t.Errorf("%s is not in order", d)
			}
			for _, at := range []int{0, 1, len(all) / 2, len(all) - 1} {
				if got := keys(t, b, d, all[at]); !slices.Equal(got, all[at+1:]) {
					t.Errorf("%s after %q: %d entries, want %d", d, all[at], len(got), len(all)-at-1)
				}
			}
		}
		want := []string{"a-b", "a.b", "a/", "a0", "b!", "b/", "b0/", "many/"}
		if got := keys(t, b, ".", ""); !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func keys(t testing.TB, b vfs.Backend, dir, after string) (keys []string) {
	for e, err := range b.List(context.Background(), name(t, dir), after) {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, e.Key())
	}
	return keys
}

func TestHardLinks(t *testing.T) {
	outside := write(t, t.TempDir(), "secret", "canary")
	dir := t.TempDir()
	if err := os.Link(outside, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "own", "mine")
	both(t, dir, disk.Options{}, func(t *testing.T, b *disk.Backend) {
		// The control: without the option, a hard link is served like any file.
		if got, _, err := get(b, name(t, "link"), vfs.Request{}); err != nil || got != "canary" {
			t.Errorf("got %q, %v", got, err)
		}
	})
	both(t, dir, disk.Options{RefuseHardLinks: true}, func(t *testing.T, b *disk.Backend) {
		if _, _, err := get(b, name(t, "link"), vfs.Request{}); vfs.ReasonOf(err) != reason.HardLink {
			t.Errorf("a hard link: %v, reason %q", err, vfs.ReasonOf(err))
		}
		if got, _, err := get(b, name(t, "own"), vfs.Request{}); err != nil || got != "mine" {
			t.Errorf("got %q, %v", got, err)
		}
	})
}

func TestNew(t *testing.T) {
	file := write(t, t.TempDir(), "file", "")
	for _, dir := range []string{file, filepath.Join(t.TempDir(), "nothing")} {
		for _, portable := range []bool{false, true} {
			if b, err := disk.New(dir, disk.Options{Portable: portable}); err == nil {
				b.Close()
				t.Errorf("New(%q) did not fail", dir)
			}
		}
	}
	// A root that is a link is followed, since the operator chose it.
	dir := t.TempDir()
	write(t, dir, "real/f", "data")
	link := filepath.Join(dir, "link")
	err := os.Symlink("real", link)
	if err == nil {
		_, err = os.Lstat(link) // Wine reports success without making links
	}
	if err != nil && runtime.GOOS == "windows" {
		t.Skip("this account cannot make links: ", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	both(t, filepath.Join(dir, "link"), disk.Options{}, func(t *testing.T, b *disk.Backend) {
		if got, _, err := get(b, name(t, "f"), vfs.Request{}); err != nil || got != "data" {
			t.Errorf("got %q, %v", got, err)
		}
		if len(b.Notes()) == 0 {
			t.Error("no note tells how files are opened")
		}
	})
}

func TestClose(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "big", pattern(100_000))
	both(t, dir, disk.Options{}, func(t *testing.T, b *disk.Backend) {
		obj, err := b.Open(context.Background(), name(t, "big"), vfs.Request{})
		if err != nil {
			t.Fatal(err)
		}
		b2, err := disk.New(dir, disk.Options{SkipSelfTest: true})
		if err != nil {
			t.Fatal(err)
		}
		if err := b2.Close(); err != nil {
			t.Error(err)
		}
		if _, _, err := get(b2, name(t, "big"), vfs.Request{}); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("Open after Close: %v", err)
		}
		for _, err := range b2.List(context.Background(), vfs.Root, "") {
			if !errors.Is(err, fs.ErrClosed) {
				t.Errorf("List after Close: %v", err)
			}
		}
		if got, err := io.ReadAll(obj.Body); err != nil || len(got) != 100_000 {
			t.Errorf("an object that was open: %d bytes, %v", len(got), err)
		}
		if err := obj.Body.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestFS(t *testing.T) {
	dir := t.TempDir()
	for _, f := range []string{"a.txt", "docs/b.html", "docs/deep/er/c.html"} {
		write(t, dir, f, f)
	}
	write(t, dir, "big.bin", pattern(100_000))
	write(t, dir, ".hidden", "x")
	both(t, dir, disk.Options{}, func(t *testing.T, b *disk.Backend) {
		jail, err := vfs.New(b, vfs.Policy{Allow: vfs.Patterns("**")})
		if err != nil {
			t.Fatal(err)
		}
		if err := fstest.TestFS(jail, "a.txt", "docs/b.html", "docs/deep/er/c.html", "big.bin"); err != nil {
			t.Error(err)
		}
		if _, err := fs.Stat(jail, ".hidden"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a dotfile: %v", err)
		}
	})
}

// Errors contain the requested name, never a path of the host.
func TestErrorsDoNotLeak(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "f", "")
	both(t, dir, disk.Options{}, func(t *testing.T, b *disk.Backend) {
		for _, s := range []string{"nothing", "f/below", "no/such/dir", strings.Repeat("x", 255)} {
			_, _, err := get(b, name(t, s), vfs.Request{})
			if err == nil || strings.Contains(err.Error(), dir) || !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%q: %v", s, err)
			}
		}
	})
}

package mem_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/iotest"
	"testing/synctest"

	"go.uber.org/goleak"

	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/vfstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestBackend(t *testing.T) {
	vfstest.TestBackend(t, func(t *testing.T, tree vfstest.Tree) vfs.Backend {
		return fromMap(t, tree.Files)
	}, vfstest.Options{})
}

func TestFromMap(t *testing.T) {
	b := fromMap(t, map[string]string{"a.txt": "a", "docs/b.txt": "b", "empty": ""})
	j, err := vfs.New(b, vfs.Policy{Allow: vfs.Patterns("**")})
	if err != nil {
		t.Fatal(err)
	}
	if err := fstest.TestFS(j, "a.txt", "docs/b.txt", "empty"); err != nil {
		t.Error(err)
	}
	if want := (vfs.Caps{Kind: "mem", Writable: true, Directories: true, Ranges: true, Moves: true}); b.Caps() != want {
		t.Errorf("Caps are %+v", b.Caps())
	}
	for _, bad := range []map[string]string{
		{"../a": ""}, {"/a": ""}, {"": ""}, {".": ""}, {"a//b": ""}, {"a\\b": ""},
		{"a": "", "a/b": ""}, {"a/b/c": "", "a/b": ""}, {"a": "", "a-b": "", "a/b": ""},
	} {
		if b, err := mem.FromMap(bad); err == nil || b != nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("FromMap(%q): %v, want one line", bad, err)
		}
	}
}

// TestETagsWithinATick: the clock stands still in the bubble.
func TestETagsWithinATick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mem.New()
		seen := map[string]int{}
		for i := range 6 {
			info := put(t, b, "a", "equal")
			if before, ok := seen[info.ETag]; ok || info.ETag == "" {
				t.Errorf("versions %d and %d have the ETag %q", before, i, info.ETag)
			}
			seen[info.ETag] = i
			if stat, err := b.Stat(t.Context(), parse(t, "a"), vfs.Request{}); err != nil || stat.ETag != info.ETag {
				t.Errorf("version %d: Stat returned ETag %q, %v, Put returned %q", i, stat.ETag, err, info.ETag)
			}
			if i%2 == 1 {
				if err := b.Remove(t.Context(), parse(t, "a"), vfs.Cond{}); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

// TestReadersKeepTheirVersion: an open object does not change, however it is read.
func TestReadersKeepTheirVersion(t *testing.T) {
	b := fromMap(t, map[string]string{"dir/a": "the old version"})
	obj, err := b.Open(t.Context(), parse(t, "dir/a"), vfs.Request{})
	if err != nil {
		t.Fatal(err)
	}
	defer obj.Body.Close()
	if _, err := io.ReadFull(obj.Body, make([]byte, 4)); err != nil {
		t.Fatal(err)
	}
	put(t, b, "dir/a", "new")
	if err := b.Remove(t.Context(), parse(t, "dir/a"), vfs.Cond{}); err != nil {
		t.Fatal(err)
	}
	put(t, b, "dir", "now a file")
	if rest, err := io.ReadAll(obj.Body); string(rest) != "old version" || err != nil {
		t.Errorf("the rest is %q, %v", rest, err)
	}
	buf := make([]byte, 3)
	if n, err := obj.Body.(io.ReaderAt).ReadAt(buf, 4); string(buf[:n]) != "old" || err != nil {
		t.Errorf("ReadAt gives %q, %v", buf[:n], err)
	}
}

// TestPutWhileOpen: every reader sees one whole version, whatever writers and removers
// do.
func TestPutWhileOpen(t *testing.T) {
	const versions = 300
	b := mem.New()
	names := []string{"a", "dir/b", "dir/sub/c"}
	version := func(i int) string { return strings.Repeat(string(rune('a'+i%26)), 1000+i) }
	var writers, readers sync.WaitGroup
	done := make(chan struct{})
	for w, name := range names {
		put(t, b, name, version(0))
		writers.Go(func() {
			n := parse(t, name)
			for i := range versions {
				if _, err := b.Put(t.Context(), n, strings.NewReader(version(i)), vfs.PutOptions{}); err != nil {
					t.Errorf("Put(%q): %v", name, err)
				}
				if i%10 == w {
					if err := b.Remove(t.Context(), n, vfs.Cond{}); err != nil {
						t.Errorf("Remove(%q): %v", name, err)
					}
				}
			}
		})
		for range 2 {
			readers.Go(func() {
				n, whole := parse(t, name), 0
				for ended := false; !ended; {
					select {
					case <-done:
						ended = true
					default:
					}
					obj, err := b.Open(t.Context(), n, vfs.Request{})
					if errors.Is(err, fs.ErrNotExist) {
						continue
					}
					if err != nil {
						t.Errorf("Open(%q): %v", name, err)
						return
					}
					data, err := io.ReadAll(obj.Body)
					obj.Body.Close()
					i := len(data) - 1000
					if err != nil || i < 0 || string(data) != version(i) || obj.Info.Size != int64(len(data)) {
						t.Errorf("%q: a mixed version of %d bytes, %v", name, len(data), err)
						return
					}
					whole++
					for e, err := range b.List(t.Context(), vfs.Root, "") {
						if err != nil || e.Elem != "a" && e.Elem != "dir" || e.Kind == vfs.KindFile && e.Size < 1000 {
							t.Errorf("List: %+v, %v", e, err)
						}
					}
				}
				if whole == 0 {
					t.Errorf("%q was never read: the test proves nothing", name)
				}
			})
		}
	}
	writers.Wait()
	close(done)
	readers.Wait()
}

// TestCreateRace: of many concurrent creates of one name, one succeeds.
func TestCreateRace(t *testing.T) {
	b := mem.New()
	create := vfs.PutOptions{Cond: vfs.Cond{IfNoneMatch: vfs.Tags{Any: true}}}
	var wg sync.WaitGroup
	var mu sync.Mutex
	var won []string
	for i := range 16 {
		wg.Go(func() {
			content := fmt.Sprint("writer ", i)
			_, err := b.Put(t.Context(), parse(t, "dir/a"), strings.NewReader(content), create)
			if err == nil {
				mu.Lock()
				won = append(won, content)
				mu.Unlock()
			} else if !errors.Is(err, vfs.ErrPrecondition) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if len(won) != 1 {
		t.Fatalf("%q all created it", won)
	}
	wantContent(t, b, "dir/a", won[0])
}

// TestBody tests the optional methods of a Body, within its span.
func TestBody(t *testing.T) {
	b := fromMap(t, map[string]string{"a": "..0123456789.."})
	obj, err := b.Open(t.Context(), parse(t, "a"), vfs.Request{Range: vfs.RangeBetween(2, 11)})
	if err != nil {
		t.Fatal(err)
	}
	if err := iotest.TestReader(obj.Body, []byte("0123456789")); err != nil {
		t.Error(err)
	}
	var wg sync.WaitGroup
	for i := range 10 {
		wg.Go(func() {
			buf := make([]byte, 1)
			if _, err := obj.Body.(io.ReaderAt).ReadAt(buf, int64(i)); err != nil || buf[0] != byte('0'+i) {
				t.Errorf("byte %d is %q, %v", i, buf, err)
			}
		})
	}
	wg.Wait()
	s := obj.Body.(io.Seeker)
	for _, bad := range []struct {
		offset int64
		whence int
	}{{-1, io.SeekStart}, {-11, io.SeekEnd}, {0, 3}} {
		if _, err := s.Seek(bad.offset, bad.whence); err == nil {
			t.Errorf("Seek(%d, %d) succeeded", bad.offset, bad.whence)
		}
	}
	if err := obj.Body.Close(); err != nil {
		t.Error(err)
	}
	_, readErr := obj.Body.Read(make([]byte, 1))
	_, seekErr := s.Seek(0, io.SeekStart)
	for call, err := range map[string]error{"Read": readErr, "Seek": seekErr, "Close": obj.Body.Close()} {
		if !errors.Is(err, fs.ErrClosed) {
			t.Errorf("%s after Close: %v", call, err)
		}
	}
}

// TestOpenCopiesNothing: the cost of Open does not depend on the object's size.
func TestOpenCopiesNothing(t *testing.T) {
	const size, rounds = 1 << 20, 64
	b := fromMap(t, map[string]string{"big": strings.Repeat("x", size)})
	n := parse(t, "big")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range rounds {
		obj, err := b.Open(t.Context(), n, vfs.Request{})
		if err != nil {
			t.Fatal(err)
		}
		obj.Body.Close()
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > size {
		t.Errorf("%d times Open of %d bytes allocated %d", rounds, size, got)
	}
}

func BenchmarkOpen(b *testing.B) {
	m, err := mem.FromMap(map[string]string{"a": "1", "1/2/3/4/5/6": strings.Repeat("x", 1024)})
	if err != nil {
		b.Fatal(err)
	}
	for _, name := range []string{"a", "1/2/3/4/5/6"} {
		b.Run(name, func(b *testing.B) {
			n, err := vfs.ParseName(name)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				obj, err := m.Open(context.Background(), n, vfs.Request{})
				if err != nil {
					b.Fatal(err)
				}
				obj.Body.Close()
			}
		})
	}
}

// BenchmarkPut stores new names and removes them again, in a full and an empty
// directory.
func BenchmarkPut(b *testing.B) {
	for _, others := range []int{0, 100_000} {
		b.Run(fmt.Sprint(others, " others"), func(b *testing.B) {
			tree := map[string]string{}
			for i := range others {
				tree[fmt.Sprint("dir/", i)] = ""
			}
			m, err := mem.FromMap(tree)
			if err != nil {
				b.Fatal(err)
			}
			n, err := vfs.ParseName("dir/new")
			if err != nil {
				b.Fatal(err)
			}
			content := bytes.Repeat([]byte("x"), 1024)
			for b.Loop() {
				if _, err := m.Put(context.Background(), n, bytes.NewReader(content), vfs.PutOptions{}); err != nil {
					b.Fatal(err)
				}
				if err := m.Remove(context.Background(), n, vfs.Cond{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func fromMap(t *testing.T, objects map[string]string) *mem.Backend {
	t.Helper()
	b, err := mem.FromMap(objects)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func put(t *testing.T, b *mem.Backend, name, content string) vfs.Info {
	t.Helper()
	info, err := b.Put(t.Context(), parse(t, name), strings.NewReader(content), vfs.PutOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func wantContent(t *testing.T, b *mem.Backend, name, want string) {
	t.Helper()
	obj, err := b.Open(t.Context(), parse(t, name), vfs.Request{})
	if err != nil {
		t.Fatal(err)
	}
	defer obj.Body.Close()
	if data, err := io.ReadAll(obj.Body); string(data) != want || err != nil {
		t.Errorf("%q holds %q, %v, want %q", name, data, err, want)
	}
}

func parse(t *testing.T, s string) vfs.Name {
	t.Helper()
	n, err := vfs.ParseName(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

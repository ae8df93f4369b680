package cache_test

import (
	"bytes"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bailiwick-fs/bailiwick/backends/disk"
	"github.com/bailiwick-fs/bailiwick/backends/layer/cache"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
	"github.com/bailiwick-fs/bailiwick/vfs/vfstest"
)

// The directory is private, belongs to one Cache, and must not be somebody else's.
func TestDirectory(t *testing.T) {
	src, _ := source(t, map[string]string{"a": "text"})
	dir := filepath.Join(tempDir(t), "parent", "cache")
	c := openIn(t, src, dir, cache.Options{})
	if st, err := os.Stat(dir); err != nil || runtime.GOOS != "windows" && st.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", st.Mode(), err)
	}
	if _, err := cache.New(src, dir, cache.Options{}); err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "in use") {
		t.Errorf("a second Cache: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("the second Close: %v", err)
	}
	for _, call := range []func() error{
		func() error { _, err := c.Open(t.Context(), name(t, "a"), whole); return err },
		func() error { _, err := c.Stat(t.Context(), name(t, "a"), whole); return err },
	} {
		var e *vfs.Error
		if err := call(); !errors.As(err, &e) || !errors.Is(err, fs.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	}
	other := t.TempDir()
	if err := os.WriteFile(filepath.Join(other, "thesis.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := cache.New(src, other, cache.Options{}); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("a directory of somebody else: %v", err)
	}
	if runtime.GOOS != "windows" {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		openIn(t, src, dir, cache.Options{})
		if st, err := os.Stat(dir); err != nil || st.Mode().Perm() != 0o700 {
			t.Errorf("%v, %v", st.Mode(), err)
		}
	}
}

func TestOptions(t *testing.T) {
	src, _ := source(t, nil)
	for _, opts := range []cache.Options{{Size: 1}, {Size: -1}, {TTL: -1}, {Stale: -1}, {Objects: -1}} {
		if c, err := cache.New(src, filepath.Join(t.TempDir(), "c"), opts); err == nil {
			c.Close()
			t.Errorf("%+v was accepted", opts)
		}
	}
	if _, err := cache.New(nil, t.TempDir(), cache.Options{}); err == nil {
		t.Error("no backend was accepted")
	}
}

// No name or byte of an object is in a file's name, and no backend serves the files.
func TestFilesAreNotServed(t *testing.T) {
	src, _ := source(t, map[string]string{"secret-name/a": "text"})
	parent := t.TempDir()
	dir := filepath.Join(parent, "cache")
	c := openIn(t, src, dir, cache.Options{TTL: hour})
	if _, _, err := read(t.Context(), c, name(t, "secret-name/a"), whole); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil { // waits for what is being written
		t.Fatal(err)
	}
	openIn(t, src, dir, cache.Options{TTL: hour})
	files := blockFiles(t, dir)
	if len(files) != 1 || strings.Contains(files[0], "secret") {
		t.Fatalf("%q", files)
	}
	if runtime.GOOS == "windows" {
		return // files of the process are known by their numbers on Unix
	}
	b, err := disk.New(parent, disk.Options{SkipSelfTest: true})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if _, err := b.Open(t.Context(), name(t, "cache/"+filepath.Base(files[0])), whole); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a block file: %v", err)
	}
}

// blockFiles returns the files with blocks in a directory.
func blockFiles(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, e := range entries {
		if strings.Count(e.Name(), "-") == 2 {
			files = append(files, filepath.Join(dir, e.Name()))
		}
	}
	return files
}

// What an earlier process left is used once the source has confirmed it.
func TestRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		objects := map[string]string{"empty": "", "small": "text", "large": pattern(1, 3*mib+9), "changed": "old"}
		src, b := source(t, objects)
		dir := filepath.Join(tempDir(t), "cache")
		c := openIn(t, src, dir, cache.Options{TTL: hour})
		for s, data := range objects {
			want(t, c, name(t, s), whole, data, miss)
		}
		synctest.Wait()
		size := c.Stats().Size
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		objects["changed"] = "new"
		put(t, b, name(t, "changed"), "new")

		c = openIn(t, src, dir, cache.Options{TTL: hour})
		if got := c.Stats(); got.Size != size || got.Objects != len(objects)-1 {
			t.Errorf("after the restart: %+v, want a size of %d", got, size)
		}
		src.Reset()
		for s, data := range objects {
			how := revalidated
			if s == "changed" || s == "empty" {
				how = miss
			}
			want(t, c, name(t, s), whole, data, how)
			counts(t, src, 1, 0)
		}
		synctest.Wait()
		for s, data := range objects {
			want(t, c, name(t, s), whole, data, hit)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		// A smaller cache, and one for fewer objects.
		small := openIn(t, src, dir, cache.Options{Size: 4 * mib, Objects: 2})
		if got := small.Stats(); got.Objects > 2 || got.Size > 4*mib {
			t.Errorf("%+v", got)
		}
		for s, data := range objects {
			if got, _, err := read(t.Context(), small, name(t, s), whole); err != nil || got != data {
				t.Errorf("%s: %v", s, err)
			}
		}
	})
}

// If others could write to the directory, nothing in it is used.
func TestExposedDirectory(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("permissions are inherited on Windows")
	}
	synctest.Test(t, func(t *testing.T) {
		src, _ := source(t, map[string]string{"a": "text"})
		dir := filepath.Join(tempDir(t), "cache")
		for _, mode := range []fs.FileMode{0o700, 0o755, 0o777} {
			c := openIn(t, src, dir, cache.Options{})
			want(t, c, name(t, "a"), whole, "text", map[bool]driver.CacheStatus{true: miss, false: revalidated}[mode == 0o700])
			synctest.Wait()
			c.Close()
			if err := os.Chmod(dir, mode); err != nil {
				t.Fatal(err)
			}
		}
		if c := openIn(t, src, dir, cache.Options{}); c.Stats().Size != 0 || len(blockFiles(t, dir)) != 0 {
			t.Errorf("%+v", c.Stats())
		}
	})
}

// Flipped bits, cut and exchanged files: the bytes come from the source then.
func TestDamage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		objects := map[string]string{"small": pattern(1, 1000), "block": pattern(2, mib/2), "large": pattern(3, 3*mib+100)}
		flip := func(at int64) func(t *testing.T, file string) {
			return func(t *testing.T, file string) {
				f, err := os.OpenFile(file, os.O_RDWR, 0)
				if err != nil {
					t.Fatal(err)
				}
				defer f.Close()
				st, err := f.Stat()
				if err != nil {
					t.Fatal(err)
				}
				at := at
				if at < 0 {
					at += st.Size()
				}
				var b [1]byte
				f.ReadAt(b[:], at)
				b[0] ^= 0x10
				if _, err := f.WriteAt(b[:], at); err != nil {
					t.Fatal(err)
				}
			}
		}
		damages := map[string]func(t *testing.T, file string){
			"first bit": flip(0), "a bit": flip(777), "the table": flip(-3), "the last table byte": flip(-1),
			"cut":       func(t *testing.T, file string) { os.Truncate(file, 500) },
			"emptied":   func(t *testing.T, file string) { os.Truncate(file, 0) },
			"removed":   func(t *testing.T, file string) { os.Remove(file) },
			"directory": func(t *testing.T, file string) { os.Remove(file); os.Mkdir(file, 0o700) },
			"exchanged": func(t *testing.T, file string) {
				st, err := os.Stat(file)
				if err != nil {
					t.Fatal(err)
				}
				os.Remove(file)
				os.WriteFile(file, bytes.Repeat([]byte("x"), int(st.Size())), 0o600)
			},
		}
		for what, damage := range damages {
			for _, restart := range []bool{false, true} {
				src, _ := source(t, objects)
				dir := filepath.Join(tempDir(t), "cache")
				opts := cache.Options{TTL: hour, Immutable: func(vfs.Name) bool { return true }}
				c := openIn(t, src, dir, opts)
				for s, data := range objects {
					want(t, c, name(t, s), whole, data, miss)
				}
				synctest.Wait()
				for s, data := range objects {
					want(t, c, name(t, s), whole, data, hit)
				}
				if restart {
					c.Close()
				}
				time.Sleep(time.Second)
				for _, file := range blockFiles(t, dir) {
					damage(t, file)
				}
				if restart {
					c = openIn(t, src, dir, opts)
				}
				for range 2 {
					for s, data := range objects {
						for _, r := range []vfs.Range{vfs.RangeBetween(700, 900), vfs.RangeSuffix(50), {}} {
							if err := compare(t.Context(), c, name(t, s), vfs.Request{Range: r}, part(data, r)); err != nil {
								t.Errorf("%s, restart %t, %s %v: %v", what, restart, s, r, err)
							}
						}
					}
					synctest.Wait()
				}
				time.Sleep(time.Minute) // a directory in place of a file is a failure
				for s, data := range objects {
					if err := compare(t.Context(), c, name(t, s), whole, data); err != nil {
						t.Errorf("%s: %v", what, err)
					}
					synctest.Wait()
				}
				for s, data := range objects {
					want(t, c, name(t, s), whole, data, hit)
				}
				c.Close()
			}
		}
	})
}

// part returns the part of data that a range selects.
func part(data string, r vfs.Range) string {
	span, _ := r.Resolve(int64(len(data)))
	return data[span.Offset : span.Offset+span.Length]
}

// The directory may be removed at any time. After a minute there is a new one.
func TestDirectoryRemoved(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("an open directory cannot be removed on Windows")
	}
	synctest.Test(t, func(t *testing.T) {
		objects := map[string]string{"small": pattern(1, 1000), "large": pattern(3, 3*mib+100), "other": pattern(4, 2*mib)}
		src, _ := source(t, objects)
		dir := filepath.Join(tempDir(t), "cache")
		var log bytes.Buffer
		c := openIn(t, src, dir, cache.Options{TTL: 1000 * hour, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		all := func() {
			t.Helper()
			for s, data := range objects {
				if err := compare(t.Context(), c, name(t, s), whole, data); err != nil {
					t.Errorf("%s: %v", s, err)
				}
			}
			synctest.Wait()
		}
		all()
		open, err := c.Open(t.Context(), name(t, "large"), whole)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			all()
		}
		buf := make([]byte, 3*mib+100)
		if n, err := open.File.ReadAt(buf, 0); string(buf[:n]) != objects["large"] || err != nil {
			t.Errorf("an open file: %d bytes, %v", n, err)
		}
		open.Body.Close()
		if got := strings.Count(log.String(), "\n"); got != 1 {
			t.Errorf("%d messages:\n%s", got, log.String())
		}
		time.Sleep(time.Minute)
		all()
		all()
		src.Reset()
		all()
		counts(t, src, 0, 0)
		if st, err := os.Stat(dir); err != nil || st.Mode().Perm() != 0o700 {
			t.Errorf("the new directory: %v", err)
		}
		if got := c.Stats(); got.Size == 0 || got.Failures == 0 {
			t.Errorf("%+v", got)
		}
	})
}

// Whatever fails at the source, the bytes are right or the call fails.
func TestFaults(t *testing.T) {
	data := pattern(9, 2*mib+500)
	down := &vfs.Error{Op: "open", Name: "a", Err: vfs.ErrUnavailable}
	kinds := map[string]func(call int) []vfstest.Fault{
		"unavailable": func(call int) []vfstest.Fault { return []vfstest.Fault{{Call: call, Err: down}} },
		"changed": func(call int) []vfstest.Fault {
			return []vfstest.Fault{{Op: "read", Call: call, Err: vfs.ErrChanged}}
		},
		"short": func(call int) []vfstest.Fault { return []vfstest.Fault{{Op: "read", Call: call, Short: true}} },
		"late": func(call int) []vfstest.Fault {
			return []vfstest.Fault{{Op: "read", Call: call, After: mib + 77, Err: down}}
		},
		"every read": func(call int) []vfstest.Fault {
			return []vfstest.Fault{{Op: "read", After: int64(call * 99_991), Err: down}}
		},
	}
	for what, kind := range kinds {
		t.Run(what, func(t *testing.T) {
			for _, ttl := range []time.Duration{0, hour} {
				for call := 1; call < 25; call++ {
					src, _ := source(t, map[string]string{"a": data}, kind(call)...)
					c := open(t, src, cache.Options{TTL: ttl})
					n := name(t, "a")
					for _, r := range []vfs.Range{vfs.RangeBetween(10, 20), {}, vfs.RangeFrom(mib - 5), vfs.RangeSuffix(7), {}} {
						got, _, err := read(t.Context(), c, n, vfs.Request{Range: r})
						if err == nil && got != part(data, r) {
							t.Fatalf("call %d, %v: wrong bytes", call, r)
						}
						if err != nil && !errors.Is(err, vfs.ErrUnavailable) && !errors.Is(err, vfs.ErrChanged) {
							t.Fatalf("call %d, %v: %v", call, r, err)
						}
					}
					c.Close()
				}
			}
		})
	}
}

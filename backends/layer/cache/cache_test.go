package cache_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/bailiwick-fs/bailiwick/backends/layer/cache"
	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
	"github.com/bailiwick-fs/bailiwick/vfs/vfstest"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(fillVariable); dir != "" {
		fillForever(dir)
	}
	goleak.VerifyTestMain(m)
}

const mib = 1 << 20

// open returns a Cache over b in a new directory, which is closed at the end.
func open(t testing.TB, b vfs.Backend, opts cache.Options) *cache.Cache {
	t.Helper()
	return openIn(t, b, filepath.Join(tempDir(t), "cache"), opts)
}

func openIn(t testing.TB, b vfs.Backend, dir string, opts cache.Options) *cache.Cache {
	t.Helper()
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	c, err := cache.New(b, dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// tempDir returns a new directory in memory, if the machine has such a file system.
func tempDir(t testing.TB) string {
	const shm = "/dev/shm"
	if st, err := os.Stat(shm); err != nil || !st.IsDir() {
		return t.TempDir()
	}
	dir, err := os.MkdirTemp(shm, "cache-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// source returns a backend in memory with the given objects, which counts calls.
func source(t testing.TB, objects map[string]string, faults ...vfstest.Fault) (*vfstest.Faults, *mem.Backend) {
	t.Helper()
	b, err := mem.FromMap(objects)
	if err != nil {
		t.Fatal(err)
	}
	return vfstest.NewFaults(b, faults...), b
}

func name(t testing.TB, s string) vfs.Name {
	t.Helper()
	n, err := vfs.ParseName(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// pattern returns n bytes of which no part is like another.
func pattern(seed, n int) string {
	b := make([]byte, n)
	x := uint32(seed)*2654435761 + 1
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return string(b)
}

// read returns the bytes of an object, or of a range of it, and how the Cache answered.
func read(ctx context.Context, b vfs.Backend, n vfs.Name, req vfs.Request) (string, driver.CacheStatus, error) {
	var a driver.Answer
	obj, err := b.Open(driver.WithAnswer(ctx, &a), n, req)
	if err != nil {
		return "", a.Cache, err
	}
	defer obj.Body.Close()
	data := make([]byte, obj.Span.Length)
	if obj.File != nil {
		_, err := io.ReadFull(obj.File, data)
		return string(data), a.Cache, err
	}
	if _, err := io.ReadFull(obj.Body, data); err != nil {
		return "", a.Cache, err
	}
	if n, err := obj.Body.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		return "", a.Cache, fmt.Errorf("after Span.Length: %d bytes, %v", n, err)
	}
	return string(data), a.Cache, nil
}

// compare reads an object in little memory, and fails if it differs from content.
func compare(ctx context.Context, b vfs.Backend, n vfs.Name, req vfs.Request, content string) error {
	obj, err := b.Open(ctx, n, req)
	if err != nil {
		return err
	}
	defer obj.Body.Close()
	var src io.Reader = obj.Body
	if obj.File != nil {
		src = io.LimitReader(obj.File, obj.Span.Length)
	}
	buf := make([]byte, 64<<10)
	for {
		k, err := src.Read(buf)
		if k > len(content) || string(buf[:k]) != content[:k] {
			return fmt.Errorf("wrong bytes %d before the end", len(content))
		}
		content = content[k:]
		switch {
		case err == io.EOF && content != "":
			return io.ErrUnexpectedEOF
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}

// want checks one read.
func want(t testing.TB, b vfs.Backend, n vfs.Name, req vfs.Request, content string, how driver.CacheStatus) {
	t.Helper()
	got, answer, err := read(t.Context(), b, n, req)
	switch {
	case err != nil:
		t.Errorf("%s, range %v: %v", n, req.Range, err)
	case got != content:
		t.Errorf("%s, range %v: %d bytes that differ from the %d expected at %d", n, req.Range, len(got), len(content), differAt(got, content))
	case answer != how:
		t.Errorf("%s, range %v: %s, want %s", n, req.Range, answer, how)
	}
}

func differAt(a, b string) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

// counts checks the calls of the source since the last time.
func counts(t testing.TB, f *vfstest.Faults, opens, stats int) {
	t.Helper()
	if got := f.Counts(); got["open"] != opens || got["stat"] != stats {
		t.Errorf("%d opens and %d stats of the source, want %d and %d", got["open"], got["stat"], opens, stats)
	}
	f.Reset()
}

func put(t testing.TB, b vfs.Backend, n vfs.Name, data string) vfs.Info {
	t.Helper()
	info, err := b.Put(t.Context(), n, bytes.NewReader([]byte(data)), vfs.PutOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return info
}

const hour = time.Hour

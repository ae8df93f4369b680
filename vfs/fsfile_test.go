package vfs_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"testing/iotest"
	"time"

	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

const digits = "0123456789abcdef"

// openDigits opens a file of digits through a Jail. Bodies of FromFS cannot seek, so
// every Seek reopens the object.
func openDigits(t *testing.T) (f io.ReadSeekCloser, change func(string)) {
	t.Helper()
	m := fstest.MapFS{"f": {Data: []byte(digits), ModTime: time.Unix(1e9, 0)}}
	opened, err := mustJail(t, vfs.FromFS(m), vfs.Policy{Allow: vfs.Patterns("**")}).Open("f")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { opened.Close() })
	return opened.(io.ReadSeekCloser), func(content string) {
		if content == "" {
			delete(m, "f")
			return
		}
		m["f"] = &fstest.MapFile{Data: []byte(content), ModTime: time.Unix(1e9+1, 0)}
	}
}

func TestFileReadsAnywhere(t *testing.T) {
	f, _ := openDigits(t)
	if err := iotest.TestReader(f, []byte(digits)); err != nil {
		t.Error(err)
	}
	at := f.(io.ReaderAt)
	buf := make([]byte, 4)
	for _, c := range []struct {
		off  int64
		want string
		err  error
	}{{0, "0123", nil}, {12, "cdef", nil}, {14, "ef", io.EOF}, {16, "", io.EOF}, {1 << 40, "", io.EOF}} {
		if n, err := at.ReadAt(buf, c.off); string(buf[:n]) != c.want || err != c.err {
			t.Errorf("ReadAt(%d) = %q, %v", c.off, buf[:n], err)
		}
	}
	if n, err := at.ReadAt(nil, 3); n != 0 || err != nil {
		t.Errorf("ReadAt of nothing: %d, %v", n, err)
	}
	if _, err := at.ReadAt(buf, -1); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("ReadAt(-1): %v", err)
	}
	for _, c := range []struct {
		off    int64
		whence int
	}{{-1, io.SeekStart}, {-100, io.SeekEnd}, {0, 3}, {0, -1}, {-100, io.SeekCurrent}} {
		if _, err := f.Seek(c.off, c.whence); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("Seek(%d, %d): %v", c.off, c.whence, err)
		}
	}
	if off, err := f.Seek(100, io.SeekStart); off != 100 || err != nil {
		t.Errorf("Seek past the end: %d, %v", off, err)
	}
	if n, err := f.Read(buf); n != 0 || err != io.EOF {
		t.Errorf("Read past the end: %d, %v", n, err)
	}
}

// A warming backend returns a body that can seek only from the second call on, as a cache
// does.
type warming struct {
	*mem.Backend
	opens int
}

func (w *warming) Open(ctx context.Context, n vfs.Name, req vfs.Request) (*vfs.Object, error) {
	obj, err := w.Backend.Open(ctx, n, req)
	if w.opens++; err == nil && w.opens == 1 {
		obj.Body = struct{ io.ReadCloser }{obj.Body}
	}
	return obj, err
}

// A rangeless backend does not return the span of bytes that a request asks for, as some S3
// services.
type rangeless struct {
	*mem.Backend
	sends vfs.Range
}

func (r *rangeless) Open(ctx context.Context, n vfs.Name, req vfs.Request) (*vfs.Object, error) {
	req.Range = r.sends
	obj, err := r.Backend.Open(ctx, n, req)
	if err == nil {
		obj.Body = struct{ io.ReadCloser }{obj.Body}
	}
	return obj, err
}

// Bytes are those at the offset, whatever span a backend returns.
func TestFileWithoutRanges(t *testing.T) {
	for what, tt := range map[string]struct {
		sends vfs.Range
		fails bool // at some offsets
	}{
		"the whole object":      {vfs.Range{}, false},
		"more":                  {vfs.RangeFrom(1), false},
		"what ends too early":   {vfs.RangeBetween(0, 8), true},
		"what begins too late":  {vfs.RangeFrom(8), true},
		"what begins elsewhere": {vfs.RangeFrom(15), true},
	} {
		t.Run(what, func(t *testing.T) {
			objects, err := mem.FromMap(map[string]string{"f": digits})
			if err != nil {
				t.Fatal(err)
			}
			b := &rangeless{Backend: objects}
			f, err := mustJail(t, b, vfs.Policy{Allow: vfs.Patterns("**")}).Open("f")
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			b.sends = tt.sends
			buf := make([]byte, 4)
			check := func(call string, off int64, n int, err error) {
				if err != nil && (!tt.fails || n != 0 || !errors.Is(err, vfs.ErrChanged)) || err == nil && string(buf[:n]) != digits[off:off+4] {
					t.Errorf("%s(%d): %q, %v", call, off, buf[:n], err)
				}
			}
			for _, off := range []int64{7, 3, 12, 6} {
				n, err := f.(io.ReaderAt).ReadAt(buf, off)
				check("ReadAt", off, n, err)
				if _, err := f.(io.Seeker).Seek(off, io.SeekStart); err != nil {
					t.Fatal(err)
				}
				n, err = io.ReadFull(f, buf)
				check("Read", off, n, err)
			}
		})
	}
}

// Offsets in a body that can seek are those of its range, not of the file.
func TestFileReopensAsSeeker(t *testing.T) {
	objects, err := mem.FromMap(map[string]string{"f": digits})
	if err != nil {
		t.Fatal(err)
	}
	f, err := mustJail(t, &warming{Backend: objects}, vfs.Policy{Allow: vfs.Patterns("**")}).Open("f")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	buf := make([]byte, 2)
	for _, off := range []int64{4, 7, 2, 12} {
		if _, err := f.(io.Seeker).Seek(off, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		if n, err := f.Read(buf); string(buf[:n]) != digits[off:off+2] || err != nil {
			t.Errorf("Read at %d: %q, %v", off, buf[:n], err)
		}
		if n, err := f.(io.ReaderAt).ReadAt(buf, off); string(buf[:n]) != digits[off:off+2] || err != nil {
			t.Errorf("ReadAt(%d): %q, %v", off, buf[:n], err)
		}
	}
}

// An open file is a single version: a Seek after a change makes reads fail.
func TestFileNoticesChange(t *testing.T) {
	for what, content := range map[string]string{
		"same size": strings.ToUpper(digits), "shorter": "0123", "longer": digits + digits,
	} {
		t.Run(what, func(t *testing.T) {
			f, change := openDigits(t)
			if _, err := f.Seek(5, io.SeekStart); err != nil {
				t.Fatal(err)
			}
			change(content)
			buf := make([]byte, 4)
			if n, err := f.Read(buf); n != 0 || !errors.Is(err, vfs.ErrChanged) {
				t.Errorf("Read: %q, %v", buf[:n], err)
			}
			if n, err := f.(io.ReaderAt).ReadAt(buf, 8); n != 0 || !errors.Is(err, vfs.ErrChanged) {
				t.Errorf("ReadAt: %q, %v", buf[:n], err)
			}
		})
	}
	f, change := openDigits(t)
	change("")
	if _, err := f.(io.ReaderAt).ReadAt(make([]byte, 4), 8); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("ReadAt of a removed file: %v", err)
	}
}

func TestFileClosed(t *testing.T) {
	f, _ := openDigits(t)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 1)
	_, readErr := f.Read(buf)
	_, seekErr := f.Seek(0, io.SeekStart)
	_, atErr := f.(io.ReaderAt).ReadAt(buf, 0)
	_, statErr := f.(fs.File).Stat()
	for _, err := range []error{readErr, seekErr, atErr, statErr, f.Close()} {
		var pe *fs.PathError
		if !errors.Is(err, fs.ErrClosed) || !errors.As(err, &pe) || pe.Path != "f" {
			t.Errorf("after Close: %v", err)
		}
	}
}

func TestOpenDirectory(t *testing.T) {
	j := mustJail(t, vfs.FromFS(mapFS("d/a", "d/b", "d/.c", "e/x")), vfs.Policy{Allow: vfs.Patterns("d/*")})
	f, err := j.Open("d")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Read(make([]byte, 1)); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("Read of a directory: %v", err)
	}
	dir := f.(fs.ReadDirFile)
	for _, want := range []string{"a", "b", ""} {
		part, err := dir.ReadDir(1)
		if want == "" && (len(part) != 0 || err != io.EOF) || want != "" && (err != nil || len(part) != 1 || part[0].Name() != want) {
			t.Errorf("ReadDir(1) = %v, %v, want %q", part, err, want)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	_, statErr := f.Stat()
	_, readErr := dir.ReadDir(-1)
	for _, err := range []error{statErr, readErr, f.Close()} {
		if !errors.Is(err, fs.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	}
}

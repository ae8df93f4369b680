package disk_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"
	"testing/iotest"

	"golang.org/x/sys/unix"

	"github.com/bailiwick-fs/bailiwick/backends/disk"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A descriptor gives the span that Body gives, each once, and is closed with it.
func TestDescriptor(t *testing.T) {
	dir := t.TempDir()
	data := strings.Repeat("0123456789abcdef", 10_000)
	write(t, dir, "a", data)
	b, err := disk.New(dir, disk.Options{SkipSelfTest: true})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for _, c := range []struct {
		r    vfs.Range
		want string
	}{{vfs.Range{}, data}, {vfs.RangeBetween(7, 70_000), data[7:70_001]}, {vfs.RangeSuffix(40_000), data[120_000:]}} {
		ctx, cancel := context.WithCancel(context.Background())
		obj, err := b.Open(ctx, name(t, "a"), vfs.Request{Range: c.r, Descriptor: true})
		if err != nil {
			t.Fatal(err)
		}
		if obj.File != nil || obj.Descriptor == nil {
			t.Fatalf("File %v, Descriptor %v", obj.File, obj.Descriptor)
		}
		if err := iotest.TestReader(struct{ io.Reader }{obj.Body}, []byte(c.want)); err != nil {
			t.Error(err)
		}
		raw, err := obj.Descriptor.SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, len(c.want))
		if err := raw.Read(func(fd uintptr) bool {
			n, err := unix.Read(int(fd), buf)
			return n == len(buf) && err == nil
		}); err != nil || !bytes.Equal(buf, []byte(c.want)) {
			t.Errorf("the descriptor does not give the span: %v", err)
		}
		cancel()
		if err := raw.Control(func(uintptr) { t.Error("used after cancel") }); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if err := obj.Body.Close(); err != nil {
			t.Error(err)
		}
		if err := raw.Control(func(uintptr) { t.Error("used after Close") }); !errors.Is(err, fs.ErrClosed) {
			t.Error(err)
		}
		if _, err := obj.Body.Read(buf); !errors.Is(err, fs.ErrClosed) {
			t.Error(err)
		}
		if err := obj.Body.Close(); !errors.Is(err, fs.ErrClosed) {
			t.Error(err)
		}
	}
}

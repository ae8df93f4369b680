package cache

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"sync"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
)

// A fileBody reads a span of blocks that have been checked, from an open file.
type fileBody struct {
	ctx  context.Context
	f    *os.File
	span vfs.Span
	off  int64
	pins *pinned
}

var (
	_ io.Seeker   = (*fileBody)(nil)
	_ io.ReaderAt = (*fileBody)(nil)
	_ io.Seeker   = (*smallBody)(nil)
	_ io.ReaderAt = (*smallBody)(nil)
	_ io.WriterTo = (*smallBody)(nil)
)

func (b *fileBody) Read(p []byte) (int, error) { return driver.ReadNext(b, p, &b.off) }

func (b *fileBody) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fs.ErrInvalid
	}
	if off >= b.span.Length {
		return 0, io.EOF
	}
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	q := p[:min(int64(len(p)), b.span.Length-off)]
	n, err := b.f.ReadAt(q, b.span.Offset+off)
	if err == nil && n < len(p) {
		return n, io.EOF
	}
	if errors.Is(err, io.EOF) {
		err = vfs.ErrChanged // somebody has cut the file
	}
	return n, err
}

// Seek also moves the file, whose position is that of the body.
func (b *fileBody) Seek(offset int64, whence int) (int64, error) {
	off, err := driver.SeekOffset(offset, whence, b.off, b.span.Length)
	if err != nil {
		return 0, err
	}
	if _, err := b.f.Seek(b.span.Offset+off, io.SeekStart); err != nil {
		return 0, err
	}
	b.off = off
	return off, nil
}

func (b *fileBody) Close() error {
	err := b.f.Close()
	if b.pins != nil {
		b.pins.unpin()
		b.pins = nil
	}
	return err
}

// A smallBody yields bytes in memory, which have been checked.
type smallBody struct {
	ctx  context.Context
	buf  *[smallBytes]byte // nil after Close
	data []byte
	off  int64
}

func (b *smallBody) Read(p []byte) (int, error) { return driver.ReadNext(b, p, &b.off) }

func (b *smallBody) ReadAt(p []byte, off int64) (int, error) {
	if err := b.usable(); err != nil {
		return 0, err
	}
	return bytes.NewReader(b.data).ReadAt(p, off)
}

// WriteTo writes the whole rest in one Write.
func (b *smallBody) WriteTo(w io.Writer) (int64, error) {
	if err := b.usable(); err != nil || b.off >= int64(len(b.data)) {
		return 0, err
	}
	n, err := w.Write(b.data[b.off:])
	b.off += int64(n)
	return int64(n), err
}

func (b *smallBody) usable() error {
	if b.buf == nil {
		return fs.ErrClosed
	}
	return b.ctx.Err()
}

func (b *smallBody) Seek(offset int64, whence int) (int64, error) {
	off, err := driver.SeekOffset(offset, whence, b.off, int64(len(b.data)))
	if err == nil {
		b.off = off
	}
	return off, err
}

func (b *smallBody) Close() error {
	if b.buf == nil {
		return fs.ErrClosed
	}
	smallBuffers.Put(b.buf)
	b.buf, b.data = nil, nil
	return nil
}

// smallBytes is the size up to which a span is read into memory: to write it from there
// takes fewer system calls than sendfile. A block of that size is checked each time.
const smallBytes = 32 << 10

var smallBuffers = sync.Pool{New: func() any { return new([smallBytes]byte) }}

package disk

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"os"
	"sync"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
)

// smallBytes is the size up to which an object is read into memory in one call: to
// write it from there takes fewer system calls than sendfile.
const smallBytes = 32 << 10

// newObject makes an Object of span and takes ownership of h.
func newObject(ctx context.Context, h opened, info vfs.Info, span vfs.Span, descriptor bool) (*vfs.Object, error) {
	if span.Length <= smallBytes {
		small := &struct {
			obj  vfs.Object
			body smallBody
		}{vfs.Object{Info: info, Span: span}, smallBody{ctx: ctx, h: h, span: span}}
		small.obj.Body = &small.body
		return &small.obj, nil
	}
	if descriptor {
		body, err := h.body(ctx, span)
		if err != nil {
			h.close()
			return nil, err
		}
		if body != nil {
			return &vfs.Object{Info: info, Span: span, Descriptor: body, Body: body}, nil
		}
	}
	f := h.file()
	if span.Offset > 0 {
		if _, err := f.Seek(span.Offset, io.SeekStart); err != nil {
			f.Close()
			return nil, err
		}
	}
	return &vfs.Object{Info: info, Span: span, File: f, Body: &fileBody{ctx, f, span, 0}}, nil
}

// etag makes a strong entity tag. It is a hash, since the plain numbers would reveal
// details of the file system. n counts only if there is no inode number.
func (st *stat) etag(n vfs.Name) string {
	if st.ino == 0 {
		return driver.TimeTag(n.String(), st.mtime, st.size)
	}
	var b [32]byte
	binary.LittleEndian.PutUint64(b[0:], st.dev)
	binary.LittleEndian.PutUint64(b[8:], st.ino)
	binary.LittleEndian.PutUint64(b[16:], uint64(st.mtime.UnixNano()))
	binary.LittleEndian.PutUint64(b[24:], uint64(st.size))
	sum := sha256.Sum256(b[:])
	var text [22]byte
	base64.RawURLEncoding.Encode(text[:], sum[:16])
	return string(text[:])
}

// smallBody is an object that is read when its first byte is requested. Its ReadAt may be
// called concurrently, as io.ReaderAt requires.
type smallBody struct {
	ctx  context.Context
	span vfs.Span
	off  int64

	// mu: h can be a bare number, which the next open gets once it is free. A second
	// ReadAt that still uses it would read, or close, another file. Close frees a buffer
	// likewise.
	mu  sync.Mutex
	h   opened            // nil once read or closed
	buf *[smallBytes]byte // nil before the read and after Close
}

var smallBuffers = sync.Pool{New: func() any { return new([smallBytes]byte) }}

// bytes returns the whole span. The caller holds mu until it no longer uses the bytes.
func (b *smallBody) bytes() ([]byte, error) {
	if b.buf != nil {
		return b.buf[:b.span.Length], nil
	}
	if b.h == nil {
		return nil, fs.ErrClosed
	}
	if err := b.ctx.Err(); err != nil {
		return nil, err
	}
	buf := smallBuffers.Get().(*[smallBytes]byte)
	for n := int64(0); n < b.span.Length; {
		m, err := b.h.pread(buf[n:b.span.Length], b.span.Offset+n)
		if n += int64(m); n == b.span.Length {
			break
		}
		if m == 0 && err == nil || err == io.EOF {
			err = vfs.ErrChanged
		}
		if err != nil {
			smallBuffers.Put(buf)
			return nil, err
		}
	}
	b.buf = buf
	b.h.close()
	b.h = nil
	return buf[:b.span.Length], nil
}

func (b *smallBody) Read(p []byte) (int, error) {
	n, err := b.ReadAt(p, b.off)
	b.off += int64(n)
	if n > 0 {
		err = nil
	}
	return n, err
}

// WriteTo writes the whole rest in one Write.
func (b *smallBody) WriteTo(w io.Writer) (int64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	data, err := b.bytes()
	if err != nil || b.off >= b.span.Length {
		return 0, err
	}
	n, err := w.Write(data[b.off:])
	b.off += int64(n)
	return int64(n), err
}

func (b *smallBody) ReadAt(p []byte, off int64) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	data, err := b.bytes()
	switch {
	case err != nil:
		return 0, err
	case off < 0:
		return 0, fs.ErrInvalid
	case len(p) == 0:
		return 0, nil
	case off >= b.span.Length:
		return 0, io.EOF
	}
	n := copy(p, data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (b *smallBody) Seek(offset int64, whence int) (int64, error) {
	off, err := driver.SeekOffset(offset, whence, b.off, b.span.Length)
	if err == nil {
		b.off = off
	}
	return off, err
}

// Close releases the descriptor or the buffer.
func (b *smallBody) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.h != nil:
		err := b.h.close()
		b.h = nil
		return err
	case b.buf != nil:
		smallBuffers.Put(b.buf)
		b.buf = nil
		return nil
	}
	return fs.ErrClosed
}

// fileBody reads a span of an open file.
type fileBody struct {
	ctx  context.Context
	f    *os.File
	span vfs.Span
	off  int64
}

func (b *fileBody) Read(p []byte) (int, error) {
	if b.off >= b.span.Length {
		return 0, io.EOF
	}
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	p = p[:min(int64(len(p)), b.span.Length-b.off)]
	n, err := b.f.Read(p)
	b.off += int64(n)
	return n, changed(err)
}

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
	return n, changed(err)
}

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

func (b *fileBody) Close() error { return b.f.Close() }

// changed converts an end of file inside the span: the file was truncated after it was
// opened.
func changed(err error) error {
	if errors.Is(err, io.EOF) {
		return vfs.ErrChanged
	}
	return err
}

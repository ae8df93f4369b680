package disk

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A descriptor is an open file. It remains a bare number as long as possible: making an
// os.File of it costs two more system calls and a finalizer.
type descriptor int

func (d descriptor) pread(p []byte, off int64) (int, error) {
	for {
		n, err := unix.Pread(int(d), p, off)
		if err != unix.EINTR {
			return max(n, 0), err
		}
	}
}

func (d descriptor) file() *os.File { return os.NewFile(uintptr(d), "object") }
func (d descriptor) close() error   { return unix.Close(int(d)) }

func (d descriptor) body(ctx context.Context, span vfs.Span) (descriptorBody, error) {
	if span.Offset > 0 {
		if _, err := unix.Seek(int(d), span.Offset, io.SeekStart); err != nil {
			return nil, err
		}
	}
	return &rawBody{ctx: ctx, d: d, span: span}, nil
}

// A rawBody reads a span of an open file. Its Read does not move the position of
// the descriptor, which is for those who read that.
type rawBody struct {
	ctx  context.Context
	span vfs.Span
	off  int64 // where the next Read begins in the span

	// mu keeps Close from freeing the number of a descriptor that is in use.
	mu     sync.Mutex
	d      descriptor
	closed bool
}

func (b *rawBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return 0, fs.ErrClosed
	}
	if b.off >= b.span.Length {
		return 0, io.EOF
	}
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	p = p[:min(int64(len(p)), b.span.Length-b.off)]
	if len(p) == 0 {
		return 0, nil
	}
	n, err := b.d.pread(p, b.span.Offset+b.off)
	if n == 0 && err == nil {
		return 0, vfs.ErrChanged
	}
	b.off += int64(n)
	return n, err
}

func (b *rawBody) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return fs.ErrClosed
	}
	b.closed = true
	return b.d.close()
}

// SyscallConn implements syscall.Conn.
func (b *rawBody) SyscallConn() (syscall.RawConn, error) { return (*rawDescriptor)(b), nil }

// A rawDescriptor is a rawBody as a syscall.RawConn. A file is always ready, so
// nothing is called twice.
type rawDescriptor rawBody

func (r *rawDescriptor) Control(f func(fd uintptr)) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return fs.ErrClosed
	}
	if err := r.ctx.Err(); err != nil {
		return err
	}
	f(uintptr(r.d))
	return nil
}

func (r *rawDescriptor) Read(f func(fd uintptr) bool) error {
	done := false
	if err := r.Control(func(fd uintptr) { done = f(fd) }); err != nil || done {
		return err
	}
	return errors.ErrUnsupported
}

// Write fails: the file is open for reading.
func (r *rawDescriptor) Write(func(fd uintptr) bool) error { return fs.ErrPermission }

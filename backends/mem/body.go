package mem

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"sync/atomic"

	"github.com/spf13/afero/mem"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
)

// A body reads a span of a stored file, which never changes. Its offsets are relative
// to the span. Its ReadAt may be called concurrently, as io.ReaderAt requires;
// mem.File's own may not, and returns no io.EOF.
type body struct {
	ctx    context.Context
	data   *mem.FileData
	span   vfs.Span
	off    int64
	closed atomic.Bool
}

var (
	_ io.Seeker   = (*body)(nil)
	_ io.ReaderAt = (*body)(nil)
)

func (b *body) Read(p []byte) (int, error) {
	if b.closed.Load() {
		return 0, fs.ErrClosed
	}
	return driver.ReadNext(b, p, &b.off)
}

func (b *body) ReadAt(p []byte, off int64) (int, error) {
	switch {
	case b.closed.Load():
		return 0, fs.ErrClosed
	case off < 0:
		return 0, errNegative
	case off >= b.span.Length:
		return 0, io.EOF
	}
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	end := error(nil)
	if left := b.span.Length - off; int64(len(p)) > left {
		p, end = p[:left], io.EOF
	}
	f := mem.NewReadOnlyFileHandle(b.data)
	if _, err := f.Seek(b.span.Offset+off, io.SeekStart); err != nil {
		return 0, err
	}
	n, err := f.Read(p)
	if err != nil {
		return n, err
	}
	return n, end
}

func (b *body) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		offset += b.off
	case io.SeekEnd:
		offset += b.span.Length
	default:
		return 0, errWhence
	}
	if b.closed.Load() {
		return 0, fs.ErrClosed
	}
	if offset < 0 {
		return 0, errNegative
	}
	b.off = offset
	return offset, nil
}

func (b *body) Close() error {
	if b.closed.Swap(true) {
		return fs.ErrClosed
	}
	return nil
}

var (
	errNegative = errors.New("negative offset")
	errWhence   = errors.New("invalid whence")
)

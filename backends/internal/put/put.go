// Package put contains what Put and Remove of all backends have in common.
package put

import (
	"context"
	"errors"
	"io"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// Check evaluates cond for a change of n. current is the existing version, or nil if
// there is none. It fails with [vfs.ErrPrecondition] or [vfs.ErrExist]. The caller
// prevents other changes from the time it reads current until its own change is done.
func Check(op string, n vfs.Name, cond vfs.Cond, current *vfs.Info) error {
	if current == nil {
		if cond.NeedsObject() {
			return &vfs.Error{Op: op, Name: n.String(), Err: vfs.ErrPrecondition}
		}
		return nil
	}
	req := vfs.Request{Cond: cond}
	req.Cond.Unsafe = true
	_, err := req.Resolve(op, *current)
	return err
}

// Body returns a reader that Put must use to read body. It fails once ctx is canceled,
// with [io.ErrUnexpectedEOF] if body ends before the size in opts, and with another
// error if body is longer.
func Body(ctx context.Context, body io.Reader, opts vfs.PutOptions) *Reader {
	return &Reader{ctx: ctx, body: body, opts: opts}
}

// A Reader is the result of Body.
type Reader struct {
	ctx  context.Context
	body io.Reader
	opts vfs.PutOptions
	read int64
	err  error
}

// Err returns the error of the last Read, nil if that was io.EOF. It distinguishes an error of
// the body from one of what it is written to.
func (r *Reader) Err() error { return r.err }

// Read implements io.Reader.
func (r *Reader) Read(p []byte) (int, error) {
	n, err := r.next(p)
	if r.err = err; err == io.EOF {
		r.err = nil
	}
	return n, err
}

func (r *Reader) next(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.body.Read(p)
	r.read += int64(n)
	if !r.opts.SizeKnown {
		return n, err
	}
	if r.read > r.opts.Size {
		return n, errTooLong
	}
	if err == io.EOF && r.read < r.opts.Size {
		return n, io.ErrUnexpectedEOF
	}
	return n, err
}

var errTooLong = errors.New("the body is longer than its size")

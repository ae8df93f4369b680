package blob

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"gocloud.dev/gcerrors"

	"github.com/bailiwick-fs/bailiwick/backends/internal/put"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

var (
	errZero  = fmt.Errorf("%w: a Backend that is not from New", vfs.ErrFailed)
	errBusy  = fmt.Errorf("%w: the object is being changed continuously", vfs.ErrUnavailable)
	errLost  = fmt.Errorf("%w: the service did not confirm the change, so it is unknown whether it was made", vfs.ErrUnavailable)
	errNoTag = fmt.Errorf("%w: the driver gives no strong ETag, so versions cannot be told apart", vfs.ErrFailed)
)

// code classifies an error of the bucket.
func (b *Backend) code(err error) gcerrors.ErrorCode {
	if b.service != nil {
		return b.service.Code(err)
	}
	return gcerrors.Code(err)
}

// fail converts an error of the bucket into one for the Backend's caller. The text of
// the CDK's errors has the key, so it is only in Err.
func (c *call) fail(err error) error {
	if _, ok := errors.AsType[*vfs.Error](err); ok {
		return err
	}
	e := &vfs.Error{Op: c.op, Name: c.n.String(), Err: err}
	if ctxErr := c.ctx.Err(); ctxErr != nil {
		e.Err = ctxErr
		return e
	}
	for _, known := range []error{vfs.ErrUnavailable, vfs.ErrChanged, vfs.ErrFailed, vfs.ErrListBound} {
		if errors.Is(err, known) {
			return e
		}
	}
	if c.files != nil {
		// The system's own error says more than the driver's code.
		if e.Reason = reason.ForError(err); e.Reason != "" {
			return e
		}
	}
	if put.IsFull(err) {
		e.Err = fmt.Errorf("%w: %w", vfs.ErrFull, err)
		return e
	}
	kind := vfs.ErrUnavailable
	switch c.code(err) { // ResourceExhausted is also that of too many requests
	case gcerrors.NotFound:
		e.Reason, kind = reason.Missing, fs.ErrNotExist
	case gcerrors.PermissionDenied:
		e.Reason, kind = reason.Permission, fs.ErrPermission
	case gcerrors.InvalidArgument:
		e.Reason, kind = reason.Unholdable, fs.ErrNotExist
	case gcerrors.Unimplemented:
		kind = vfs.ErrUnsupported
	case gcerrors.Canceled:
		kind = context.Canceled
	case gcerrors.DeadlineExceeded:
		kind = context.DeadlineExceeded
	}
	e.Err = fmt.Errorf("%w: %w", kind, err)
	return e
}

package disk

import (
	"errors"
	"io/fs"

	"github.com/bailiwick-fs/bailiwick/backends/internal/put"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// writeError converts an error of a change. None may look like a missing object, except
// those that say so themselves.
func writeError(op string, n vfs.Name, err error) error {
	var e *vfs.Error
	switch {
	case errors.As(err, &e):
		return e
	case put.IsFull(err):
		err = errors.Join(vfs.ErrFull, err)
	case isExhausted(err):
		err = errors.Join(vfs.ErrUnavailable, err)
	case isReadOnly(err):
		return &vfs.Error{Op: op, Name: n.String(), Reason: reason.Permission, Err: err}
	case isOtherMount(err):
		err = errors.Join(vfs.ErrUnsupported, errOtherMount)
	case isUnholdable(err):
		return driver.Refuse(op, n, reason.Unholdable)
	case errors.Is(err, errRaced), errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrExist):
		err = errors.Join(vfs.ErrUnavailable, errRaced)
	}
	return &vfs.Error{Op: op, Name: n.String(), Err: err}
}

// isUnholdable reports whether the system cannot have anything with this name.
func isUnholdable(err error) bool { return reason.ForError(err) == reason.Unholdable }

var errOtherMount = errors.New("cannot write to another mount below the root: make it a source of its own")

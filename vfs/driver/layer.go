package driver

import (
	"errors"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// Renamed returns err, which a backend returned, for a layer that gives the backend's
// objects other names. n is the name that the layer's caller used; it replaces the
// backend's name, also in the error's Info. outer returns the layer's name for the
// error's Link, or the zero Name for a target that the layer does not show. An error
// that is no [*vfs.Error] is wrapped in one for op.
func Renamed(op string, n vfs.Name, err error, outer func(vfs.Name) vfs.Name) error {
	e, ok := errors.AsType[*vfs.Error](err)
	if !ok {
		return &vfs.Error{Op: op, Name: n.String(), Err: err}
	}
	out := *e
	out.Name = n.String()
	if !out.Link.IsZero() {
		out.Link = outer(out.Link)
	}
	if e.Info != nil {
		info := *e.Info
		info.Name = n
		out.Info = &info
	}
	return &out
}

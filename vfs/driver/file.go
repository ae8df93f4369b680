package driver

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"time"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/internal/filestore"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// FSError returns what a backend returns for an error of a file system: a
// refusal where [reason.ForError] has a reason. An [*vfs.Error] stays as it is.
func FSError(op string, n vfs.Name, err error) error {
	if _, ok := errors.AsType[*vfs.Error](err); ok {
		return err
	}
	return &vfs.Error{Op: op, Name: n.String(), Reason: reason.ForError(err), Err: err}
}

// CheckLinks refuses n with [reason.Symlink] if one of its elements is a symbolic
// link, from the top down. With report, the error's Link is where the first link
// leads. It is for backends whose file system has nothing better: between the
// check and an open, a link can appear.
func CheckLinks(op string, n vfs.Name, report bool, lstat func(string) (fs.FileInfo, error), readlink func(string) (string, error)) error {
	target, found, err := filestore.FindLink(n.String(), lstat, readlink)
	switch {
	case err != nil:
		return FSError(op, n, err)
	case !found:
		return nil
	}
	e := &vfs.Error{Op: op, Name: n.String(), Reason: reason.Symlink, Err: fs.ErrNotExist}
	if report {
		e.Link = nameOf(target)
	}
	return e
}

// LinkTarget returns the name to which a symbolic link leads: link is its name,
// with no links above it, target its text, and rest what follows it in the name
// that was asked for, "" or beginning with a slash. The result is the zero Name
// if that is outside, absolute, or no name.
func LinkTarget(link vfs.Name, target, rest string) vfs.Name {
	return nameOf(filestore.LinkTarget(link.String(), target, rest))
}

func nameOf(target string) vfs.Name {
	if target == vfs.Root.String() {
		return vfs.Root
	}
	n, _ := vfs.ParseName(target) // the zero Name for what is none
	return n
}

// NewBody returns an Object's Body: the bytes of span out of r, which stands at
// its start. Where r can seek, bytes before the span are not read. The body
// fails with ctx's error once that is cancelled, and with [vfs.ErrChanged] if r
// ends too early. Closing it closes r. If NewBody fails, r is closed.
func NewBody(ctx context.Context, r io.ReadCloser, span vfs.Span) (io.ReadCloser, error) {
	return filestore.NewBody(ctx, r, span.Offset, span.Length, vfs.ErrChanged)
}

// TimeTag makes an ETag of a time in nanoseconds, a size, and a salt that tells
// objects apart, such as the name.
func TimeTag(salt string, modTime time.Time, size int64) string {
	return filestore.TimeTag(salt, modTime, size)
}

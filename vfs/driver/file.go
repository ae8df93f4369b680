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

// FSError converts an error of a file system to one that a backend can return: a
// refusal if [reason.ForError] has a reason. It returns an [*vfs.Error] unchanged.
func FSError(op string, n vfs.Name, err error) error {
	if _, ok := errors.AsType[*vfs.Error](err); ok {
		return err
	}
	return &vfs.Error{Op: op, Name: n.String(), Reason: reason.ForError(err), Err: err}
}

// HostHolds reports whether n names exactly one file of this system, by its own name. On
// Windows, not every name does: "secret.txt." and "SECRET~1.TXT" can open a file that a
// policy knows only as secret.txt. A backend over the host's files refuses such a name with
// [reason.Unholdable].
func HostHolds(n vfs.Name) bool { return !n.IsZero() && filestore.HostHolds(n.String()) }

// CheckLinks refuses n with [reason.Symlink] if one of its elements, from the top down,
// is a symbolic link. With report, the error's Link is the target of the first link. It
// is for backends whose file system offers nothing better: a link can appear between
// the check and an open.
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

// LinkTarget returns the name that a symbolic link leads to. link is the link's name,
// with no links above it, target is its text, and rest is the remainder of the
// requested name: "" or beginning with a slash. The result is the zero Name if the
// target is outside, absolute or not a valid name.
func LinkTarget(link vfs.Name, target, rest string) vfs.Name {
	return nameOf(filestore.LinkTarget(link.String(), target, rest))
}

func nameOf(target string) vfs.Name {
	if target == vfs.Root.String() {
		return vfs.Root
	}
	n, _ := vfs.ParseName(target) // the zero Name if target is not a valid name
	return n
}

// NewBody returns an Object's Body: the bytes of span read from r, which is positioned
// at its start. If r can seek, bytes before the span are not read. The body fails with
// ctx's error once ctx is canceled, and with [vfs.ErrChanged] if r ends too early.
// Closing it closes r. If NewBody fails, it closes r.
func NewBody(ctx context.Context, r io.ReadCloser, span vfs.Span) (io.ReadCloser, error) {
	return filestore.NewBody(ctx, r, span.Offset, span.Length, vfs.ErrChanged)
}

// TimeTag makes an ETag from a time in nanoseconds, a size, and a salt that
// distinguishes objects, such as the name.
func TimeTag(salt string, modTime time.Time, size int64) string {
	return filestore.TimeTag(salt, modTime, size)
}

// ReadNext is Read of a body that is also an io.ReaderAt: it reads from the offset at, and
// moves it.
func ReadNext(body io.ReaderAt, p []byte, at *int64) (n int, err error) {
	if len(p) == 0 {
		return 0, nil
	}
	n, err = body.ReadAt(p, *at)
	*at += int64(n)
	if n > 0 {
		err = nil // the next Read returns it
	}
	return n, err
}

// SeekOffset returns the new offset for an io.Seeker over size bytes that is at the offset
// at. It fails with [fs.ErrInvalid] for an offset before the start, or another whence.
func SeekOffset(offset int64, whence int, at, size int64) (int64, error) {
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		offset += at
	case io.SeekEnd:
		offset += size
	default:
		return 0, fs.ErrInvalid
	}
	if offset < 0 {
		return 0, fs.ErrInvalid
	}
	return offset, nil
}

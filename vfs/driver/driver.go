// Package driver helps to write a [vfs.Backend]. Programs that only use backends
// need none of it.
//
//   - A backend that does not write embeds [Unsupported].
//   - Over a file system: [FSError] for errors, [CheckLinks] and [LinkTarget] for
//     symbolic links, [ListDir] or [ListWhole] for List, [NewBody] and [TimeTag]
//     for Open.
//   - A backend, or a layer over another one, can list less if it knows what the
//     caller needs: [ListHintOf].
//
// vfstest.TestBackend tells when a backend is done.
package driver

import (
	"context"
	"io"
	"iter"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// Unsupported is embedded by a backend that does not write.
type Unsupported struct{}

// Put returns [vfs.ErrUnsupported].
func (Unsupported) Put(_ context.Context, n vfs.Name, _ io.Reader, _ vfs.PutOptions) (vfs.Info, error) {
	return vfs.Info{}, &vfs.Error{Op: "put", Name: n.String(), Err: vfs.ErrUnsupported}
}

// Remove returns [vfs.ErrUnsupported].
func (Unsupported) Remove(_ context.Context, n vfs.Name, _ vfs.Cond) error {
	return &vfs.Error{Op: "remove", Name: n.String(), Err: vfs.ErrUnsupported}
}

// A Walker is a backend that can yield everything below a directory at once. It
// is for stores without directories: a walk takes fewer requests there, and it
// finds what the listing of a directory can leave out, since some services show
// nothing below a name that is also an object's.
type Walker interface {
	vfs.Backend

	// Walk yields all objects below dir, in byte order of their paths: Elem is the
	// whole path below dir, not to be trusted. No directory is yielded. It fails as
	// List does.
	Walk(ctx context.Context, dir vfs.Name) iter.Seq2[vfs.Entry, error]
}

// Walk is the Walk of b. A layer calls it to pass on the Walk of the backend
// below. It fails with [vfs.ErrUnsupported] if b is no [Walker].
func Walk(ctx context.Context, b vfs.Backend, dir vfs.Name) iter.Seq2[vfs.Entry, error] {
	if w, ok := b.(Walker); ok {
		return w.Walk(ctx, dir)
	}
	return func(yield func(vfs.Entry, error) bool) {
		yield(vfs.Entry{}, &vfs.Error{Op: "list", Name: dir.String(), Err: vfs.ErrUnsupported})
	}
}

// Package driver helps to implement a [vfs.Backend]. Programs that only use backends do
// not need it.
//
//   - A read-only backend embeds [Unsupported].
//   - A backend reports with [Refuse] that it does not serve a name.
//   - A backend over a file system uses [FSError] for errors, [CheckLinks] and
//     [LinkTarget] for symbolic links, [ListDir] or [ListWhole] for List, and [NewBody]
//     and [TimeTag] for Open.
//   - A backend, or a layer over another one, can list less if it knows what the caller
//     needs: see [ListHintOf].
//   - A layer embeds the vfs.Backend below it and passes on [Walk] and [CopyFrom]; one
//     that changes names uses [Renamed] for errors, and is a [Locator]. The packages below
//     backends/layer/ are examples.
//
// A backend is complete when it passes vfstest.TestBackend.
package driver

import (
	"context"
	"io"
	"io/fs"
	"iter"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/internal/filestore"
)

// Refuse returns the error of a backend for a name that it does not serve. why is the
// reason, such as reason.Missing. The error matches [fs.ErrNotExist] in any case.
func Refuse(op string, n vfs.Name, why vfs.Reason) error {
	return &vfs.Error{Op: op, Name: n.String(), Reason: why, Err: fs.ErrNotExist}
}

// Unsupported is meant to be embedded in a read-only backend.
type Unsupported struct{}

// Put returns [vfs.ErrUnsupported].
func (Unsupported) Put(_ context.Context, n vfs.Name, _ io.Reader, _ vfs.PutOptions) (vfs.Info, error) {
	return vfs.Info{}, &vfs.Error{Op: "put", Name: n.String(), Err: vfs.ErrUnsupported}
}

// Remove returns [vfs.ErrUnsupported].
func (Unsupported) Remove(_ context.Context, n vfs.Name, _ vfs.Cond) error {
	return &vfs.Error{Op: "remove", Name: n.String(), Err: vfs.ErrUnsupported}
}

// A Walker is a backend that can yield everything below a directory at once. It is
// useful for stores without directories: a walk takes fewer requests there, and it
// finds objects that the listing of a directory can omit, since some services list
// nothing below a name that is also an object's.
type Walker interface {
	vfs.Backend

	// Walk yields all objects below dir, in byte order of their paths. Elem is the
	// whole path relative to dir, untrusted. Walk yields no directories. It fails as
	// List does.
	Walk(ctx context.Context, dir vfs.Name) iter.Seq2[vfs.Entry, error]
}

// Walk calls b's Walk. A layer uses it to pass on the Walk of its backend. It fails
// with [vfs.ErrUnsupported] if b is not a [Walker].
func Walk(ctx context.Context, b vfs.Backend, dir vfs.Name) iter.Seq2[vfs.Entry, error] {
	if w, ok := b.(Walker); ok {
		return w.Walk(ctx, dir)
	}
	return func(yield func(vfs.Entry, error) bool) {
		yield(vfs.Entry{}, &vfs.Error{Op: "list", Name: dir.String(), Err: vfs.ErrUnsupported})
	}
}

// A Copier is a backend whose store can copy an object itself, so that its bytes do not
// pass through this process.
type Copier interface {
	vfs.Backend

	// CopyFrom stores under n the object of src that from describes, as Put would with
	// its bytes. src is a backend, or layers over one that have an Under method. It
	// fails with [vfs.ErrUnsupported], without having changed anything, if the store
	// cannot copy: because src is another store, or because the object has changed
	// since or is too large.
	CopyFrom(ctx context.Context, n vfs.Name, src vfs.Backend, from vfs.Info, opts vfs.PutOptions) (vfs.Info, error)
}

// CopyFrom calls b's CopyFrom. A layer uses it to pass on the CopyFrom of its backend.
// It fails with [vfs.ErrUnsupported] if b is not a [Copier].
func CopyFrom(ctx context.Context, b vfs.Backend, n vfs.Name, src vfs.Backend, from vfs.Info, opts vfs.PutOptions) (vfs.Info, error) {
	if c, ok := b.(Copier); ok {
		return c.CopyFrom(ctx, n, src, from, opts)
	}
	return Unsupported{}.Put(ctx, n, nil, opts)
}

// A Mover is a backend whose store can rename an object.
type Mover interface {
	vfs.Backend

	// MoveFrom stores under n the object of src that from describes, as CopyFrom does,
	// and removes it from src, in one step: at every moment a reader finds the object
	// under one of the two names. Of several calls for one object, one succeeds. It
	// fails with [vfs.ErrUnsupported], without having changed anything, if the store
	// cannot rename: because src is another store, or for any other reason; with
	// [vfs.ErrChanged] if from is not the current version, and as Put does if opts.Cond
	// does not hold for n.
	MoveFrom(ctx context.Context, n vfs.Name, src vfs.Backend, from vfs.Info, opts vfs.PutOptions) (vfs.Info, error)
}

// MoveFrom calls b's MoveFrom. A layer uses it to pass on the MoveFrom of its backend.
// It fails with [vfs.ErrUnsupported] if b is not a [Mover].
func MoveFrom(ctx context.Context, b vfs.Backend, n vfs.Name, src vfs.Backend, from vfs.Info, opts vfs.PutOptions) (vfs.Info, error) {
	if m, ok := b.(Mover); ok {
		return m.MoveFrom(ctx, n, src, from, opts)
	}
	return Unsupported{}.Put(ctx, n, nil, opts)
}

// A Locator is a backend that knows which names lead to one object although they are names
// of different backends, or a layer that gives objects other names. A move between such
// names is refused: it would remove what it has just stored.
type Locator interface {
	vfs.Backend

	// Locate returns where Put stores the object n and Remove removes it. A store calls
	// [LocationIn]; two backends whose stores could be one, with ETags that depend on the
	// content alone, need this method. A layer calls [Locate] with the backend below and the
	// name there; it needs the method if two of its names can lead to one object.
	Locate(n vfs.Name) Location
}

// A Location tells where a backend stores an object: names with equal Locations lead to one
// object. It shows nothing of the store. The zero Location is nowhere.
type Location = filestore.Location

// LocationIn returns the Location of what has the key in a store. Values of store that are
// equal mean one store, in which different keys are different objects. One store may have
// several such values, as it can have several addresses.
func LocationIn(store any, key string) Location { return filestore.LocationIn(store, key) }

// Locate returns where b stores the object n. A backend that is no [Locator], and has none below
// its Under methods, is a store, and n the key in it.
func Locate(b vfs.Backend, n vfs.Name) Location { return filestore.Locate(b, n) }

// Under returns the backend below all layers of b that have an Under method. Only a
// layer that shows objects unchanged, and keeps nothing of them, has one: once such a
// layer has shown an object, a copy or move inside the store can bypass it.
func Under(b vfs.Backend) vfs.Backend {
	for {
		layer, ok := b.(interface{ Under() vfs.Backend })
		if !ok {
			return b
		}
		b = layer.Under()
	}
}

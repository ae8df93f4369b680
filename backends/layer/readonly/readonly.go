// Package readonly makes a backend that cannot be written to. [New] wraps any backend;
// use it where a store must not change even if the program above has a bug. (disk and s3
// are read-only by default: their own option saves the layer.)
package readonly

import (
	"context"
	"io"
	"iter"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
)

// New returns a layer over b through which objects can only be read. Put, Remove, and
// copies and moves inside the store fail with [vfs.ErrUnsupported] and never reach b; Caps says
// so. Reading is unchanged.
//
// The layer has no Under method, since that would hand out b itself, and a store could
// move an object away from under it. So a copy of an object of this layer passes through
// the process even if its target is the same store.
func New(b vfs.Backend) vfs.Backend { return &backend{b} }

type backend struct{ vfs.Backend }

var _ driver.Walker = (*backend)(nil)

// Caps returns those of the backend, without the ones for writing.
func (b *backend) Caps() vfs.Caps {
	c := b.Backend.Caps()
	c.Writable, c.Copies, c.Moves = false, false, false
	return c
}

// Put returns vfs.ErrUnsupported.
func (b *backend) Put(ctx context.Context, n vfs.Name, body io.Reader, opts vfs.PutOptions) (vfs.Info, error) {
	return driver.Unsupported{}.Put(ctx, n, body, opts)
}

// Remove returns vfs.ErrUnsupported.
func (b *backend) Remove(ctx context.Context, n vfs.Name, cond vfs.Cond) error {
	return driver.Unsupported{}.Remove(ctx, n, cond)
}

// Walk implements driver.Walker.
func (b *backend) Walk(ctx context.Context, dir vfs.Name) iter.Seq2[vfs.Entry, error] {
	return driver.Walk(ctx, b.Backend, dir)
}

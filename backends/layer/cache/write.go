package cache

import (
	"context"
	"io"
	"iter"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
)

// Put stores an object in the backend. The Cache forgets what it knows of the name
// before and after that. Calls during it go to the backend, and a question or fill from
// before it is not kept, so nothing brings the old version back.
func (c *Cache) Put(ctx context.Context, n vfs.Name, body io.Reader, opts vfs.PutOptions) (vfs.Info, error) {
	defer c.change(n)()
	return c.Backend.Put(ctx, n, body, opts)
}

// Remove deletes an object, with the same care as Put.
func (c *Cache) Remove(ctx context.Context, n vfs.Name, cond vfs.Cond) error {
	defer c.change(n)()
	return c.Backend.Remove(ctx, n, cond)
}

// CopyFrom implements driver.Copier, with the same care as Put.
func (c *Cache) CopyFrom(ctx context.Context, n vfs.Name, src vfs.Backend, from vfs.Info, opts vfs.PutOptions) (vfs.Info, error) {
	defer c.change(n)()
	if s, ok := driver.Under(src).(*Cache); ok {
		src = s.Backend
	}
	return driver.CopyFrom(ctx, c.Backend, n, src, from, opts)
}

// MoveFrom implements driver.Mover, with the same care as Put and Remove. If src is not a
// Cache, but an object goes away below another Cache, that one shows it until its TTL
// has passed.
func (c *Cache) MoveFrom(ctx context.Context, n vfs.Name, src vfs.Backend, from vfs.Info, opts vfs.PutOptions) (vfs.Info, error) {
	defer c.change(n)()
	if s, ok := driver.Under(src).(*Cache); ok {
		defer s.change(from.Name)()
		src = s.Backend
	}
	return driver.MoveFrom(ctx, c.Backend, n, src, from, opts)
}

// Locate implements driver.Locator.
func (c *Cache) Locate(n vfs.Name) driver.Location { return driver.Locate(c.Backend, n) }

// Walk implements driver.Walker.
func (c *Cache) Walk(ctx context.Context, dir vfs.Name) iter.Seq2[vfs.Entry, error] {
	return driver.Walk(ctx, c.Backend, dir)
}

// change begins a change of n; end ends it.
func (c *Cache) change(n vfs.Name) (end func()) {
	c.forget(n, +1)
	return func() { c.forget(n, -1) }
}

// forget drops what is known of n, and adds delta to the number of its changes.
func (c *Cache) forget(n vfs.Name, delta int) {
	c.mu.Lock()
	if c.writing[n] += delta; c.writing[n] == 0 {
		delete(c.writing, n)
	}
	if q := c.asking[n]; q != nil {
		q.void = true
		delete(c.asking, n)
	}
	files := c.drop(c.names[n])
	// The change can make directories, and then their names are not missing.
	for at := n; !at.IsZero() && !at.IsRoot(); at = at.Dir() {
		c.found(at)
		if q := c.asking[at]; q != nil && at != n {
			q.void = true
			delete(c.asking, at)
		}
	}
	c.mu.Unlock()
	c.discard(files)
}

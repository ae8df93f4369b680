// Package memcatalog is an in-memory catalog with fault injection, for tests.
package memcatalog

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/bailiwick-fs/bailiwick/server/catalog"
)

// A Catalog stores rows in memory. The zero Catalog is empty and ready to use.
type Catalog struct {
	// Fail, if set, is called with the method name before each call. The call fails with
	// the error that it returns; with a Lost error it does so after doing its work, like a
	// call whose response gets lost. Set it before the first use.
	Fail func(method string) error

	// Now is the clock; nil means time.Now.
	Now func() time.Time

	mu   sync.Mutex
	rows map[uuid.UUID]row
}

type row struct {
	catalog.Record
	dead bool
}

var _ catalog.Catalog = (*Catalog)(nil)

// A Lost error makes a call fail after it has done its work.
type Lost struct{ Err error }

func (l *Lost) Error() string { return l.Err.Error() }
func (l *Lost) Unwrap() error { return l.Err }

// Crash simulates the death of the process that uses c: all rows that it was working on
// become stale.
func (c *Catalog) Crash() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, r := range c.rows {
		r.dead = r.State != catalog.Ready
		c.rows[id] = r
	}
}

// Put stores a row as it is, for tests with inconsistent rows.
func (c *Catalog) Put(rec catalog.Record) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.set(row{Record: rec})
}

func (c *Catalog) set(r row) {
	if c.rows == nil {
		c.rows = map[uuid.UUID]row{}
	}
	c.rows[r.ID] = r
}

func (c *Catalog) now() time.Time {
	if c.Now != nil {
		return c.Now()
	}
	return time.Now()
}

// call runs work under the lock unless Fail prevents it.
func (c *Catalog) call(ctx context.Context, method string, work func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var fault error
	if c.Fail != nil {
		fault = c.Fail(method)
	}
	var lost *Lost
	if fault != nil && !errors.As(fault, &lost) {
		return fault
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return cmp.Or(work(), fault)
}

// step moves a row from one state to another.
func (c *Catalog) step(ctx context.Context, method string, id uuid.UUID, from, to catalog.State, change func(*row)) error {
	return c.call(ctx, method, func() error {
		r, ok := c.rows[id]
		if !ok || r.State != from {
			return fmt.Errorf("%w: %s", catalog.ErrNotFound, id)
		}
		r.State, r.Touched, r.dead = to, c.now(), false
		if change != nil {
			change(&r)
		}
		c.set(r)
		return nil
	})
}

// Begin implements catalog.Catalog.
func (c *Catalog) Begin(ctx context.Context, rec catalog.Record) error {
	return c.call(ctx, "begin", func() error {
		if _, ok := c.rows[rec.ID]; ok {
			return fmt.Errorf("memcatalog: %s already exists", rec.ID)
		}
		rec.State, rec.Touched = catalog.Pending, c.now()
		rec.Size, rec.SHA256 = 0, [32]byte{}
		c.set(row{Record: rec})
		return nil
	})
}

// Touch implements catalog.Catalog.
func (c *Catalog) Touch(ctx context.Context, id uuid.UUID) error {
	return c.step(ctx, "touch", id, catalog.Pending, catalog.Pending, nil)
}

// Commit implements catalog.Catalog.
func (c *Catalog) Commit(ctx context.Context, rec catalog.Record) (catalog.Record, error) {
	var out catalog.Record
	err := c.step(ctx, "commit", rec.ID, catalog.Pending, catalog.Ready, func(r *row) {
		r.Type, r.Size, r.SHA256 = rec.Type, rec.Size, rec.SHA256
		out = r.Record
	})
	if err != nil {
		return catalog.Record{}, err
	}
	return out, nil
}

// Get implements catalog.Catalog.
func (c *Catalog) Get(ctx context.Context, id uuid.UUID) (rec catalog.Record, err error) {
	err = c.call(ctx, "get", func() error {
		r, ok := c.rows[id]
		if !ok || r.State != catalog.Ready {
			return fmt.Errorf("%w: %s", catalog.ErrNotFound, id)
		}
		rec = r.Record
		return nil
	})
	return rec, err
}

// Owned implements catalog.Catalog.
func (c *Catalog) Owned(ctx context.Context, owner string, after catalog.Record, limit int) (page []catalog.Record, err error) {
	newest := func(a, b catalog.Record) int {
		return cmp.Or(b.Created.Compare(a.Created), bytes.Compare(b.ID[:], a.ID[:]))
	}
	err = c.call(ctx, "owned", func() error {
		for _, r := range c.rows {
			if r.State == catalog.Ready && r.Owner == owner && (after.ID == uuid.UUID{} || newest(after, r.Record) < 0) {
				page = append(page, r.Record)
			}
		}
		slices.SortFunc(page, newest)
		page = page[:min(len(page), max(limit, 1))]
		return nil
	})
	return page, err
}

// Delete implements catalog.Catalog.
func (c *Catalog) Delete(ctx context.Context, id uuid.UUID) error {
	return c.step(ctx, "delete", id, catalog.Ready, catalog.Deleting, nil)
}

// Abandon implements catalog.Catalog.
func (c *Catalog) Abandon(ctx context.Context, id uuid.UUID) error {
	return c.step(ctx, "abandon", id, catalog.Pending, catalog.Deleting, nil)
}

// Forget implements catalog.Catalog.
func (c *Catalog) Forget(ctx context.Context, id uuid.UUID) error {
	return c.call(ctx, "forget", func() error {
		if c.rows[id].State == catalog.Deleting {
			delete(c.rows, id)
		}
		return nil
	})
}

// All implements catalog.Catalog.
func (c *Catalog) All(ctx context.Context) iter.Seq2[catalog.Record, error] {
	return c.list(ctx, "all", func(row) bool { return true })
}

// Stale implements catalog.Catalog.
func (c *Catalog) Stale(ctx context.Context, before time.Time) iter.Seq2[catalog.Record, error] {
	return c.list(ctx, "left", func(r row) bool {
		return r.State != catalog.Ready && (r.dead || r.Touched.Before(before))
	})
}

func (c *Catalog) list(ctx context.Context, method string, keep func(row) bool) iter.Seq2[catalog.Record, error] {
	return func(yield func(catalog.Record, error) bool) {
		var rows []row
		err := c.call(ctx, method, func() error {
			rows = slices.SortedFunc(maps.Values(c.rows), func(a, b row) int { return bytes.Compare(a.ID[:], b.ID[:]) })
			return nil
		})
		if err != nil {
			yield(catalog.Record{}, err)
			return
		}
		for _, r := range rows {
			if keep(r) && !yield(r.Record, nil) {
				return
			}
		}
	}
}

// Ping implements catalog.Catalog.
func (c *Catalog) Ping(ctx context.Context) error {
	return c.call(ctx, "ping", func() error { return nil })
}

// Close implements catalog.Catalog.
func (c *Catalog) Close() error { return nil }

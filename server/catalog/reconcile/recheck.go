package reconcile

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/google/uuid"

	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// recheckRows checks the ready rows without an object once more: an upload may have
// become ready, or may have been removed, during the first pass.
func (c *check) recheckRows() error {
	for _, rec := range c.noObjects {
		there, err := c.exists(rec.ID)
		if err != nil {
			return err
		}
		// The row is read after the object: a removal changes the row first.
		_, err = c.cat.Get(c.ctx, rec.ID)
		switch {
		case errors.Is(err, catalog.ErrNotFound):
		case err != nil:
			return err
		case there:
			c.countReady(rec)
		default:
			if err := c.report(Problem{Kind: ObjectMissing, Name: rec.ID.String(), Record: rec}); err != nil {
				return err
			}
		}
	}
	return nil
}

// recheckObjects checks the objects without a row once more.
func (c *check) recheckObjects() error {
	if len(c.noRows) == 0 {
		return nil
	}
	rows, err := c.rowsOf(c.noRows)
	if err != nil {
		return err
	}
	for _, id := range c.noRows {
		rec, ok := rows[id]
		switch {
		case ok && rec.State == catalog.Ready:
			c.countReady(rec)
			continue
		case ok:
			c.sum.UnderWay++
			continue
		}
		there, err := c.exists(id)
		if err != nil {
			return err
		}
		if there {
			if err := c.report(Problem{Kind: RowMissing, Name: id.String()}); err != nil {
				return err
			}
		}
	}
	return nil
}

// rowsOf returns the rows of ids, which are in order, in any state. Get only returns
// ready ones, so this reads all rows.
func (c *check) rowsOf(ids []uuid.UUID) (map[uuid.UUID]catalog.Record, error) {
	rows := map[uuid.UUID]catalog.Record{}
	for rec, err := range c.cat.All(c.ctx) {
		if err != nil {
			return nil, err
		}
		if _, ok := slices.BinarySearchFunc(ids, rec.ID, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) }); ok {
			rows[rec.ID] = rec
		}
	}
	return rows, nil
}

// exists reports whether there is an object for id.
func (c *check) exists(id uuid.UUID) (bool, error) {
	_, err := c.jail.Head(c.ctx, catalog.ObjectName(id), vfs.Request{})
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, fs.ErrNotExist):
		// A link or a directory of that name is not an object.
		return false, nil
	}
	return false, fmt.Errorf("reconcile: looking for an object: %w", err)
}

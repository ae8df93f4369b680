package reconcile

import (
	"context"

	"github.com/google/uuid"

	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// Adopted is the result of Adopt and AdoptAll.
type Adopted struct {
	Taken int // rows that now belong to the catalog
	Stay  int // rows that were left, since the jail has no object for them
}

// Adopt transfers rows of the source from to the catalog's own source: those whose object
// is in the jail. The object of a ready row must have the size in the row. Adopt is for a
// source that was moved, and, with from "", for rows written before catalogs had sources.
// IDs are random, so an object with such a name is the upload or a copy of it; if two
// sources have copies, the first to call Adopt gets the rows.
//
// Rows that are not ready may have no object. They are transferred if no ready row has to
// stay. After an error, the rows transferred so far remain transferred.
//
// The jail's policy is [catalog.Policy]. No server should use the source from meanwhile:
// its running uploads would fail.
func Adopt(ctx context.Context, jail *vfs.Jail, cat catalog.Shared, from catalog.Source) (Adopted, error) {
	a := &adoption{ctx: ctx, cat: cat, from: from}
	var unfinished []uuid.UUID
	ready := 0
	for p, err := range pairs(ctx, jail, cat.AllOf(ctx, from)) {
		switch {
		case err != nil:
			return a.done, err
		case p.row == nil:
		case p.object != nil && (p.row.State != catalog.Ready || p.object.Size == p.row.Size):
			if err := a.add(p.row.ID); err != nil {
				return a.done, err
			}
		case p.row.State == catalog.Ready:
			ready++
		default:
			unfinished = append(unfinished, p.row.ID)
		}
	}
	if ready > 0 {
		a.done.Stay = ready + len(unfinished)
	} else {
		a.ids = append(a.ids, unfinished...)
	}
	err := a.take()
	return a.done, err
}

// AdoptAll transfers all rows of from, with or without objects: for objects that are lost
// or cannot be listed.
func AdoptAll(ctx context.Context, cat catalog.Shared, from catalog.Source) (Adopted, error) {
	a := &adoption{ctx: ctx, cat: cat, from: from}
	for rec, err := range cat.AllOf(ctx, from) {
		if err == nil {
			err = a.add(rec.ID)
		}
		if err != nil {
			return a.done, err
		}
	}
	err := a.take()
	return a.done, err
}

// An adoption transfers rows in batches.
type adoption struct {
	ctx  context.Context
	cat  catalog.Shared
	from catalog.Source
	ids  []uuid.UUID
	done Adopted
}

const takenAtOnce = 1000

func (a *adoption) add(id uuid.UUID) error {
	if a.ids = append(a.ids, id); len(a.ids) < takenAtOnce {
		return nil
	}
	return a.take()
}

func (a *adoption) take() error {
	n, err := a.cat.Take(a.ctx, a.from, a.ids)
	a.done.Taken += int(n)
	a.ids = a.ids[:0]
	return err
}

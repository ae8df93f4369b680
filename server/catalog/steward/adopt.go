package steward

import (
	"context"

	"github.com/google/uuid"

	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// An Adopted says what an Adopt did.
type Adopted struct {
	Taken int // rows that are the catalog's own now
	Stay  int // rows that are as they were: no object of theirs is there
}

// Adopt makes rows of another source, from, the catalog's own: those whose object lies in
// the jail. That of an upload that is ready has to have the size that its row says. It is
// for a source that was moved, and, with "" as from, for rows that a version before
// sources wrote. IDs are random, so an object of that name is that upload or a copy of it:
// of two sources that have copies, the first one to ask gets the rows.
//
// Rows that are not ready may have no object yet, or no longer. They go along once no row
// that is ready stays. What was taken before an error is taken.
//
// The jail's policy is [catalog.Policy]. No server should use from meanwhile: uploads
// that are on their way there would fail.
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

// AdoptAll is Adopt for all rows of from, whether there are objects or not: where these
// are lost, or cannot be listed.
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

// An adoption takes rows, many at a time.
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

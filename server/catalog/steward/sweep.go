// Package steward keeps a catalog and the objects that it speaks of in agreement:
// Sweep clears what a crash left, and Check proves that nothing is amiss.
package steward

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"github.com/google/uuid"

	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// Swept says what a Sweep did.
type Swept struct {
	Cleared int // rows that are gone, with their objects
	Failed  int // rows whose object could not be removed; the next Sweep tries again
	Parts   int // unfinished writes of their objects, which the backend kept
}

// Parts is what a backend has that keeps the parts of a write until it is complete,
// and so beyond the death of who wrote them.
type Parts interface {
	// AbortUploads drops what there is of writes of n that are not complete, and
	// returns how many. One that is on its way fails.
	AbortUploads(ctx context.Context, n vfs.Name) (int, error)
}

// Sweep clears the uploads and removals that were begun and never finished: those
// whose server is known to be dead, and those last touched before the time given.
// For each it removes the object, if there is one, and then the row. The jail's
// policy is [catalog.Policy]; parts is nil for a backend that keeps none.
//
// It may run while servers take uploads, several at once too. An upload that it
// takes for dead and that goes on after all fails then, and nothing of it stays.
//
// An object without a row it leaves alone, since all objects are without one to
// whoever opens the wrong catalog. Check reports them.
//
// A row that cannot be cleared does not keep Sweep from the others; the error is
// then that of the first. An error of the catalog ends it.
func Sweep(ctx context.Context, jail *vfs.Jail, cat catalog.Catalog, before time.Time, parts Parts) (Swept, error) {
	var done Swept
	var first error
	for rec, err := range cat.Left(ctx, before) {
		if err == nil {
			var aborted int
			aborted, err = sweep(ctx, jail, cat, rec, parts)
			done.Parts += aborted
		}
		var stays *objectError
		switch {
		case errors.Is(err, errTaken):
		case errors.As(err, &stays):
			done.Failed++
			if first == nil {
				first = stays.err
			}
			if ctx.Err() != nil {
				return done, first
			}
		case err != nil:
			return done, err
		default:
			done.Cleared++
		}
	}
	return done, first
}

// errTaken: another Sweep, or the upload itself, was faster.
var errTaken = errors.New("steward: nobody's any more")

// An objectError is that of an object that could not be removed.
type objectError struct{ err error }

func (e *objectError) Error() string { return e.err.Error() }
func (e *objectError) Unwrap() error { return e.err }

// sweep clears rec. From the first step on the upload cannot become ready, so no
// order of events shows a row without object.
func sweep(ctx context.Context, jail *vfs.Jail, cat catalog.Catalog, rec catalog.Record, parts Parts) (aborted int, err error) {
	if rec.State == catalog.Pending {
		err := cat.Abandon(ctx, rec.ID)
		if errors.Is(err, catalog.ErrNotFound) {
			return 0, errTaken
		}
		if err != nil {
			return 0, err
		}
	}
	if parts != nil {
		// Before the object: a completion that its dead writer had sent could make it
		// behind the removal. Where nobody may ask for parts, their age is left.
		aborted, err = parts.AbortUploads(ctx, catalog.ObjectName(rec.ID))
		if err != nil && !errors.Is(err, fs.ErrPermission) && !errors.Is(err, vfs.ErrUnsupported) {
			return aborted, &objectError{err}
		}
	}
	return aborted, Clear(ctx, jail, cat, rec.ID)
}

// Clear ends a removal whose row is in state Deleting: it removes the object, if
// there is one, and then the row. If it fails the row is still there, for a Sweep.
func Clear(ctx context.Context, jail *vfs.Jail, cat catalog.Catalog, id uuid.UUID) error {
	_, err := jail.Remove(ctx, catalog.ObjectName(id), vfs.Cond{})
	if err != nil && vfs.ReasonOf(err) != reason.Missing {
		return &objectError{err}
	}
	return cat.Forget(ctx, id)
}

// Package reconcile keeps a catalog and the objects that it describes consistent: [Sweep]
// cleans up after crashes, [Check] reports every inconsistency, and [Adopt] transfers rows
// when a source was moved.
package reconcile

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"time"

	"github.com/google/uuid"

	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// Swept is the result of a Sweep.
type Swept struct {
	Cleared int // rows that were removed, with their objects
	Failed  int // rows whose object could not be removed; the next Sweep tries again
	Parts   int // unfinished writes of these objects that the backend had kept
}

// Parts is implemented by backends that keep the parts of an unfinished write, even after
// the writer has died.
type Parts interface {
	// AbortUploads drops all unfinished writes of n and returns their number. A write
	// that is still running then fails.
	AbortUploads(ctx context.Context, n vfs.Name) (int, error)
}

// Sweep clears stale uploads and removals: those whose server is known to be dead, and
// those last touched before the given time. For each it removes the object, if any, and
// then the row. The jail's policy is [catalog.Policy]; parts is nil for a backend that
// keeps no parts.
//
// Parts of an upload without a row remain. A backend that can list what it has kept removes
// those that [Abandoned] selects, after Sweep.
//
// Sweep may run while servers receive uploads, and several may run at once. If it clears
// an upload that is still running, that upload fails and leaves nothing behind.
//
// Sweep leaves objects without a row alone: with the wrong catalog, all objects would be
// such ones. [Check] reports them.
//
// If a row cannot be cleared, Sweep continues with the next one and returns the first such
// error in the end. An error of the catalog ends it at once.
func Sweep(ctx context.Context, jail *vfs.Jail, cat catalog.Catalog, before time.Time, parts Parts) (Swept, error) {
	var done Swept
	var first error
	for rec, err := range cat.Stale(ctx, before) {
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

// errTaken: another Sweep, or the upload itself, has changed the row first.
var errTaken = errors.New("reconcile: the row has changed")

// An objectError means that an object could not be removed.
type objectError struct{ err error }

func (e *objectError) Error() string { return e.err.Error() }
func (e *objectError) Unwrap() error { return e.err }

// sweep clears rec. After the first step the upload cannot become ready, so no order of
// events shows a row without an object.
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
		// Parts first: a completion that the dead writer had sent could otherwise create
		// the object after its removal. If we may not list parts, the store's own
		// life-cycle rule has to remove them.
		aborted, err = parts.AbortUploads(ctx, catalog.ObjectName(rec.ID))
		if err != nil && !errors.Is(err, fs.ErrPermission) && !errors.Is(err, vfs.ErrUnsupported) {
			return aborted, &objectError{err}
		}
	}
	return aborted, Clear(ctx, jail, cat, rec.ID)
}

// Abandoned returns a function that reports whether nobody continues an unfinished write of
// n: the name is one of the catalog's objects, and no row says that its upload is in
// progress. Ask after the write was found: an upload's row is older than its object, so what
// then has no pending row has ended. Uploads that fell silent count as in progress until
// [Sweep] has cleared their rows. With the wrong catalog, all uploads look abandoned, so
// spare unfinished writes that are recent.
func Abandoned(cat catalog.Catalog) func(ctx context.Context, n vfs.Name) (bool, error) {
	return func(ctx context.Context, n vfs.Name) (bool, error) {
		id, ours := catalog.ObjectID(n.String())
		if !ours {
			return false, nil
		}
		for rec, err := range cat.Stale(ctx, everything) {
			if err != nil {
				return false, err
			}
			if rec.ID == id {
				return rec.State != catalog.Pending, nil
			}
		}
		return true, nil
	}
}

// everything is later than any time at which a row was touched.
var everything = time.UnixMicro(math.MaxInt64)

// Clear finishes a removal whose row is in state Deleting: it removes the object, if any,
// and then the row. If it fails, the row remains for a Sweep.
func Clear(ctx context.Context, jail *vfs.Jail, cat catalog.Catalog, id uuid.UUID) error {
	_, err := jail.Remove(ctx, catalog.ObjectName(id), vfs.Cond{})
	if err != nil && vfs.ReasonOf(err) != reason.Missing {
		return &objectError{err}
	}
	return cat.Forget(ctx, id)
}

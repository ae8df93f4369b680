// Package catalog keeps what is known of objects whose names the server made: the
// name that the user gave, which is never used as a path, type, size, hash, owner,
// time and state. There are two stores behind one interface: SQLite, in a file,
// for one machine, and PostgreSQL for several servers over one bucket.
//
// An upload goes through three states of the world, so that whatever crash comes
// in between can be found and cleared:
//
//	row pending -> object stored -> row ready
//
// and a removal through three others: row deleting -> object gone -> row gone.
// Only a row that is ready is ever shown or served.
package catalog

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/google/uuid"
)

// ErrNotFound is what every look-up of an ID without a row in the right state
// fails with.
var ErrNotFound = errors.New("catalog: no such object")

// ErrUnavailable says that the store cannot answer now. The same call may work
// later.
var ErrUnavailable = errors.New("catalog: temporarily unavailable")

// ErrFull says that the store has no room for the change. Nothing changed.
var ErrFull = errors.New("catalog: no space left")

// ErrClosed is what every call after Close fails with.
var ErrClosed = errors.New("catalog: closed")

// A State is how far an object has come.
type State string

// The states.
const (
	Pending  State = "pending"  // the object is being stored, or a crash left it
	Ready    State = "ready"    // the object is whole; the only state that clients see
	Deleting State = "deleting" // the object is being removed, or a crash left it
)

// A Record is what is known of one object.
type Record struct {
	ID      uuid.UUID // version 4; its canonical lower-case form is the object's name
	Name    string    // what the user called it: any valid UTF-8 of at most 1024 bytes, never a path
	Type    string    // media type
	Size    int64     // bytes
	SHA256  [32]byte  // of the bytes
	Owner   string    // name of the principal; "" is everyone
	Created time.Time // when the upload began, in whole microseconds, UTC
	State   State
	// Touched is when the upload last showed that it goes on, in whole
	// microseconds, UTC.
	Touched time.Time
}

// A Catalog stores the records of one [Source]. It is safe for concurrent use, also by several
// processes. Every method ends when its context is cancelled, and fails with
// [ErrUnavailable], wrapped, when the store cannot answer.
//
// Of several calls that take one row out of one state, exactly one succeeds; the
// others fail with [ErrNotFound]. A call that fails with ErrNotFound, [ErrFull] or
// because of what its arguments are has changed nothing. After any other error,
// a cancelled context included, the change may have been made, as when a
// connection breaks before the answer comes: Get tells.
//
// Each open Catalog is an instance: a row remembers the one that last worked on
// it. An instance is alive from its opening until it is closed or its process
// ends, however it ends.
type Catalog interface {
	// Begin adds a row in state Pending: ID, Name, Type, Owner and Created of rec
	// count. A second row of one ID in the source is an error, and nothing changes. So are an ID
	// that is not of version 4, a Name that is longer than 1024 bytes, a Type or
	// Owner that is longer than 255, and invalid UTF-8 or NUL in any of them, which
	// PostgreSQL cannot hold.
	Begin(ctx context.Context, rec Record) error

	// Touch shows that the upload id goes on, so that a sweep leaves it alone. An
	// upload that another instance began is this one's from then on. ErrNotFound if
	// its row is no longer pending: it was swept, so it must stop.
	Touch(ctx context.Context, id uuid.UUID) error

	// Commit makes a pending row ready, with Type, Size and SHA256 of rec, and returns the
	// record as it is then. ErrNotFound if the row is no longer pending. Once it
	// returned nil, the row outlives a power cut.
	Commit(ctx context.Context, rec Record) (Record, error)

	// Get returns the record of an object that is ready, or ErrNotFound.
	Get(ctx context.Context, id uuid.UUID) (Record, error)

	// Delete takes a ready row to Deleting. ErrNotFound if it is not ready.
	Delete(ctx context.Context, id uuid.UUID) error

	// Abandon takes a pending row to Deleting, for an upload that failed or that
	// a sweep found. ErrNotFound if it is not pending.
	Abandon(ctx context.Context, id uuid.UUID) error

	// Forget removes a row in state Deleting, once its object is gone. It is no
	// error if there is none.
	Forget(ctx context.Context, id uuid.UUID) error

	// All yields every row of the source in order of ID. After an error it yields nothing more.
	// It holds no lock and no connection while the caller does something with a
	// row, so it shows no single moment: a row that is there from beginning to end
	// comes once, in a state that it had meanwhile.
	All(ctx context.Context) iter.Seq2[Record, error]

	// Stale yields, in order of ID, the rows that are not ready and whose upload or
	// removal was abandoned: their instance is known to be dead, or they were last
	// touched before the given time. A row of a live instance is stale by its age
	// only. Times come from the clock of the machine that touched the row, so clocks
	// must differ by much less than an upload may be silent. Like All, it holds no
	// lock and no connection between rows.
	Stale(ctx context.Context, before time.Time) iter.Seq2[Record, error]

	// Ping returns nil if the store answers.
	Ping(ctx context.Context) error

	// Close waits for running calls and gives back what the Catalog holds. What the
	// instance left pending or deleting is then left at once. A second Close does
	// nothing.
	Close() error
}

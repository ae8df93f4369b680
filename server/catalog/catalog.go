// Package catalog stores the metadata of objects whose names the server generates: the
// name that the user gave, which is never used as a path, and type, size, hash, owner,
// time and state. There are two stores behind one interface: SQLite, in a file, for one
// machine, and PostgreSQL, for several servers that share a bucket.
//
// An upload goes through three states, so that a crash at any point can be detected and
// cleaned up:
//
//	row pending -> object stored -> row ready
//
// A removal goes through three others: row deleting -> object gone -> row gone. Only
// rows in state ready are ever shown or served.
package catalog

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/google/uuid"
)

// ErrNotFound is the error of every operation on an ID without a row in the right state.
var ErrNotFound = errors.New("catalog: no such object")

// ErrUnavailable means that the store cannot respond now. The same call may work later.
var ErrUnavailable = errors.New("catalog: temporarily unavailable")

// ErrFull means that the store has no space for the change. Nothing changed.
var ErrFull = errors.New("catalog: no space left")

// ErrNone is returned by an Open that must not create a catalog where there is none.
var ErrNone = errors.New("catalog: there is none; name the catalog of the server")

// ErrClosed is the error of every call after Close.
var ErrClosed = errors.New("catalog: closed")

// A State is the progress of an upload or removal.
type State string

// The states.
const (
	Pending  State = "pending"  // the object is being stored, or a crash interrupted that
	Ready    State = "ready"    // the object is complete; the only state visible to clients
	Deleting State = "deleting" // the object is being removed, or a crash interrupted that
)

// A Record is the metadata of one object.
type Record struct {
	ID      uuid.UUID // version 4; its canonical lower-case form is the object's name
	Name    string    // the user's name for it: any valid UTF-8 of at most 1024 bytes, never a path
	Type    string    // media type
	Size    int64     // bytes
	SHA256  [32]byte  // of the content
	Owner   string    // name of the principal; "" is everyone
	Created time.Time // when the upload began, in whole microseconds, UTC
	State   State
	// Touched is when the upload last reported progress, in whole microseconds, UTC.
	Touched time.Time
}

// A Catalog stores the records of one [Source]. It is safe for concurrent use, even by
// several processes. Every method returns when its context is canceled, and returns a
// wrapped [ErrUnavailable] if the store cannot respond.
//
// If several concurrent calls would move a row out of its state, exactly one succeeds,
// and the others return [ErrNotFound]. A call that returns ErrNotFound, [ErrFull] or an
// error about its arguments has changed nothing. After any other error, including a
// canceled context, the change may have been made, for example if a connection breaks
// before the response arrives. Call Get to find out.
//
// Each open Catalog is an instance, and each row records the instance that last worked
// on it. An instance is alive from when it is opened until it is closed or its process
// ends, in whatever way.
type Catalog interface {
	// Begin adds a row in state Pending with ID, Name, Type, Owner and Created of rec. It
	// returns an error, and changes nothing, if the source already has a row with this ID,
	// if the ID is not a version 4 UUID, if Name is over 1024 bytes or Type or Owner over
	// 255, or if one of them has invalid UTF-8 or NUL, which PostgreSQL cannot store. Once
	// Begin returned nil, the row survives a power failure: no sweep finds an object
	// without a row.
	Begin(ctx context.Context, rec Record) error

	// Touch reports progress of the upload id, so that a sweep leaves it alone. An upload
	// that another instance began becomes this instance's. ErrNotFound means that the row
	// is no longer pending: it was swept, and the upload must stop.
	Touch(ctx context.Context, id uuid.UUID) error

	// Commit changes a pending row to ready, with Type, Size and SHA256 of rec, and
	// returns the resulting record. ErrNotFound means that the row is no longer pending.
	// Once Commit returned nil, the row survives a power failure.
	Commit(ctx context.Context, rec Record) (Record, error)

	// Get returns the record of a ready object, or ErrNotFound.
	Get(ctx context.Context, id uuid.UUID) (Record, error)

	// Owned returns the records of the ready objects of owner, the newest first: by Created,
	// and by ID where that is equal. It returns those that follow the record after, of which
	// only Created and ID count, and which need not exist anymore; the zero Record precedes
	// all. It returns at most limit records, at least one if there is one. Its cost depends
	// on limit, not on the number of rows.
	Owned(ctx context.Context, owner string, after Record, limit int) ([]Record, error)

	// Delete changes a ready row to Deleting. ErrNotFound means that it is not ready.
	Delete(ctx context.Context, id uuid.UUID) error

	// Abandon changes a pending row to Deleting, for an upload that failed or that a sweep
	// found. ErrNotFound means that it is not pending.
	Abandon(ctx context.Context, id uuid.UUID) error

	// Forget removes a row in state Deleting, once its object is gone. A missing row is
	// not an error.
	Forget(ctx context.Context, id uuid.UUID) error

	// All yields every row of the source in order of ID. An error ends the iteration. All
	// holds no lock and no connection while the caller processes a row, so the result is
	// not a snapshot: a row that exists the whole time is yielded once, in some state that
	// it had meanwhile.
	All(ctx context.Context) iter.Seq2[Record, error]

	// Stale yields, in order of ID, the rows of abandoned uploads and removals: rows that
	// are not ready, and whose instance is known to be dead or that were last touched
	// before the given time. A row of a live instance is stale only by its age. Times come
	// from the clock of the machine that touched the row, so clocks must differ by much
	// less than the time that an upload may be silent. Like All, it holds no lock and no
	// connection between rows.
	Stale(ctx context.Context, before time.Time) iter.Seq2[Record, error]

	// Ping returns nil if the store responds.
	Ping(ctx context.Context) error

	// Close waits for running calls and releases the Catalog's resources. Rows that the
	// instance left pending or deleting are then stale at once. A second Close does
	// nothing.
	Close() error
}

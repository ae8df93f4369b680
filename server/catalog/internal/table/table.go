// Package table is what the stores of the catalog share: the table, its
// migrations, and every statement on it. A store adds how a statement is run, what
// its errors mean, and how an instance is known to be dead.
package table

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/bailiwick-fs/bailiwick/server/catalog"
)

// A DB is what a store adds. Statements have the arguments $1, $2, … Its errors
// match catalog.ErrUnavailable or catalog.ErrFull where that is what they mean. It
// is safe for concurrent use.
type DB interface {
	// Exec runs a statement that changes rows, and returns how many.
	Exec(ctx context.Context, query string, args ...any) (int64, error)
	// Read runs a query, and calls row for each row of its answer.
	Read(ctx context.Context, row func(Scanner) error, query string, args ...any) error
	// Change is Read for a statement that changes rows and returns them.
	Change(ctx context.Context, row func(Scanner) error, query string, args ...any) error

	// Hold returns nil once the instance is one that others see alive.
	Hold(ctx context.Context) error
	// Dead returns those instances that are dead. Each of those given has rows, of
	// which it touched the last one at the time given. One that is alive, or that
	// cannot be judged, is not among them.
	Dead(ctx context.Context, touched map[string]time.Time) (map[string]bool, error)

	Ping(ctx context.Context) error
	// Close is called once, when no other call runs.
	Close() error
}

// A Scanner copies the columns of a row.
type Scanner interface {
	Scan(dest ...any) error
}

// Options are what the stores have in common. The zero value is usable.
type Options struct {
	Now     func() time.Time // time.Now if nil
	Timeout time.Duration    // of one statement, 10 s if 0; past it, catalog.ErrUnavailable
}

// A Catalog is a catalog.Catalog over a DB.
type Catalog struct {
	db       DB
	dialect  Dialect
	source   catalog.Source
	instance string
	now      func() time.Time
	timeout  time.Duration
	clearDue atomic.Int64 // when uses of links are cleared next, in microseconds

	mu     sync.RWMutex // read while a statement runs, so that Close waits for it
	closed bool
}

var _ catalog.Shared = (*Catalog)(nil)

// New returns the Catalog of a source, which CheckSource has let through, and of an
// instance. The tables are there. It closes db when it is closed.
func New(db DB, dialect Dialect, source catalog.Source, instance uuid.UUID, opts Options) *Catalog {
	c := &Catalog{db: db, dialect: dialect, source: source, instance: instance.String(), now: opts.Now, timeout: opts.Timeout}
	if c.now == nil {
		c.now = time.Now
	}
	if c.timeout <= 0 {
		c.timeout = 10 * time.Second
	}
	return c
}

// Begin adds a pending row.
func (c *Catalog) Begin(ctx context.Context, rec catalog.Record) error {
	if err := checkNew(rec); err != nil {
		return err
	}
	n, err := c.exec(ctx, true,
		`INSERT INTO {schema}objects (source, id, name, type, owner, created, touched, state, instance)
		VALUES ($1, $2, $3, $4, $5, $6, $7, 'pending', $8) ON CONFLICT (source, id) DO NOTHING`,
		string(c.source), rec.ID.String(), rec.Name, rec.Type, rec.Owner, micros(rec.Created), micros(c.now()), c.instance)
	if err == nil && n == 0 {
		err = fmt.Errorf("catalog: there is a row of ID %s already", rec.ID)
	}
	return err
}

// Touch marks a pending row as worked on.
func (c *Catalog) Touch(ctx context.Context, id uuid.UUID) error {
	return c.move(ctx, `UPDATE {schema}objects SET touched = $3, instance = $4 WHERE source = $1 AND id = $2 AND state = 'pending'`, id)
}

// Commit makes a pending row ready.
func (c *Catalog) Commit(ctx context.Context, rec catalog.Record) (catalog.Record, error) {
	if err := checkDone(rec); err != nil {
		return catalog.Record{}, err
	}
	return c.one(ctx, c.db.Change,
		`UPDATE {schema}objects SET state = 'ready', touched = $3, instance = $4, type = $5, size = $6, sha256 = $7
		WHERE source = $1 AND id = $2 AND state = 'pending' RETURNING `+columns,
		string(c.source), rec.ID.String(), micros(c.now()), c.instance, rec.Type, rec.Size, rec.SHA256[:])
}

// Get returns a row that is ready.
func (c *Catalog) Get(ctx context.Context, id uuid.UUID) (catalog.Record, error) {
	return c.one(ctx, c.db.Read, `SELECT `+columns+` FROM {schema}objects WHERE source = $1 AND id = $2 AND state = 'ready'`, string(c.source), id.String())
}

// Delete takes a ready row to Deleting.
func (c *Catalog) Delete(ctx context.Context, id uuid.UUID) error {
	return c.move(ctx, `UPDATE {schema}objects SET state = 'deleting', touched = $3, instance = $4 WHERE source = $1 AND id = $2 AND state = 'ready'`, id)
}

// Abandon takes a pending row to Deleting.
func (c *Catalog) Abandon(ctx context.Context, id uuid.UUID) error {
	return c.move(ctx, `UPDATE {schema}objects SET state = 'deleting', touched = $3, instance = $4 WHERE source = $1 AND id = $2 AND state = 'pending'`, id)
}

// Forget removes a row in state Deleting.
func (c *Catalog) Forget(ctx context.Context, id uuid.UUID) error {
	_, err := c.exec(ctx, false, `DELETE FROM {schema}objects WHERE source = $1 AND id = $2 AND state = 'deleting'`, string(c.source), id.String())
	return err
}

// Ping asks the store for an answer.
func (c *Catalog) Ping(ctx context.Context) error { return c.do(ctx, c.db.Ping) }

// Close waits for running calls and closes the DB.
func (c *Catalog) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil
	}
	c.closed = true
	return c.db.Close()
}

// move runs a statement that takes the row id ($2) of the source ($1) out of a state,
// with the time ($3) and the instance ($4).
func (c *Catalog) move(ctx context.Context, query string, id uuid.UUID) error {
	n, err := c.exec(ctx, true, query, string(c.source), id.String(), micros(c.now()), c.instance)
	if err == nil && n == 0 {
		err = catalog.ErrNotFound
	}
	return err
}

// exec runs a statement. One that names the instance waits until others see it
// alive, or a sweep of theirs would take the row at once.
func (c *Catalog) exec(ctx context.Context, names bool, query string, args ...any) (n int64, err error) {
	err = c.do(ctx, func(ctx context.Context) error {
		if names {
			if err := c.db.Hold(ctx); err != nil {
				return err
			}
		}
		n, err = c.db.Exec(ctx, c.dialect.SQL(query), args...)
		return err
	})
	return n, err
}

// one returns the only row of an answer.
func (c *Catalog) one(ctx context.Context, run func(context.Context, func(Scanner) error, string, ...any) error, query string, args ...any) (rec catalog.Record, err error) {
	err = c.do(ctx, func(ctx context.Context) error {
		found := false
		err := run(ctx, func(s Scanner) error {
			r, err := scan(s)
			rec, found = r.Record, true
			return err
		}, c.dialect.SQL(query), args...)
		if err == nil && !found {
			err = catalog.ErrNotFound
		}
		return err
	})
	if err != nil {
		return catalog.Record{}, err
	}
	return rec, nil
}

// do runs f, within the time of a statement, while the Catalog is open. It tells
// the caller's time from the Catalog's own.
func (c *Catalog) do(ctx context.Context, f func(context.Context) error) error {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.closed {
		return catalog.ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("catalog: %w", err)
	}
	bounded, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	err := f(bounded)
	switch {
	case err == nil, errors.Is(err, catalog.ErrNotFound):
		return err
	case ctx.Err() != nil:
		return fmt.Errorf("catalog: %w", ctx.Err())
	case bounded.Err() != nil:
		return fmt.Errorf("%w: no answer within %v", catalog.ErrUnavailable, c.timeout)
	case errors.Is(err, catalog.ErrUnavailable), errors.Is(err, catalog.ErrFull):
		return err // it begins as all do
	}
	return fmt.Errorf("catalog: %w", err)
}

// Package table implements what the stores of the catalog share: the table, its
// migrations and every statement on it. A store adds how statements are run, what errors
// mean, and how dead instances are detected.
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

// A DB is implemented by a store. Statements have the arguments $1, $2, … Errors match
// catalog.ErrUnavailable or catalog.ErrFull where appropriate. It is safe for concurrent
// use.
type DB interface {
	// Exec runs a statement that changes rows, and returns their number.
	Exec(ctx context.Context, query string, args ...any) (int64, error)
	// ExecAlone is Exec, but of calls with the same key, in any process, one runs after the
	// other has been committed, and sees what that changed.
	ExecAlone(ctx context.Context, key, query string, args ...any) (int64, error)
	// Read runs a query, and calls row for each row of the result.
	Read(ctx context.Context, row func(Scanner) error, query string, args ...any) error
	// Change is like Read for a statement that changes rows and returns them. The
	// statement may be repeated, as if it had not been run before: the result is the
	// number of rows of its last run, whatever row was called for.
	Change(ctx context.Context, row func(Scanner) error, query string, args ...any) (int64, error)

	// Hold returns nil once the instance appears alive to others.
	Hold(ctx context.Context) error
	// Dead returns the dead ones among the given instances. Each of them has rows, the
	// last of which it touched at the given time. An instance that is alive, or whose
	// state cannot be determined, is not returned.
	Dead(ctx context.Context, touched map[string]time.Time) (map[string]bool, error)

	Ping(ctx context.Context) error
	// Close is called once, when no other call is running.
	Close() error
}

// A Scanner copies the columns of a row.
type Scanner interface {
	Scan(dest ...any) error
}

// Options are the options common to all stores. The zero value is usable.
type Options struct {
	Now     func() time.Time // default time.Now
	Timeout time.Duration    // of one statement, default 10 s; afterwards catalog.ErrUnavailable
}

// A Catalog is a catalog.Catalog over a DB.
type Catalog struct {
	db             DB
	dialect        Dialect
	source         catalog.Source
	instance       string
	now            func() time.Time
	timeout        time.Duration
	queries        sync.Map     // in the dialect, by the text in this package: all are constants
	clearDue       atomic.Int64 // when uses of links are removed next, in microseconds
	clearSharesDue atomic.Int64 // when expired shares are removed next
	noted          noted

	mu     sync.RWMutex // read-locked while a statement runs, so that Close waits for it
	closed bool
}

var _ catalog.Shared = (*Catalog)(nil)

// New returns the Catalog for a source, which CheckSource has validated, and an
// instance. The tables must exist. Closing the Catalog closes db.
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
		err = fmt.Errorf("catalog: there is already a row with the ID %s", rec.ID)
	}
	return err
}

// Touch records progress on a pending row.
func (c *Catalog) Touch(ctx context.Context, id uuid.UUID) error {
	return c.move(ctx, `UPDATE {schema}objects SET touched = $3, instance = $4 WHERE source = $1 AND id = $2 AND state = 'pending'`, id)
}

// Commit changes a pending row to ready.
func (c *Catalog) Commit(ctx context.Context, rec catalog.Record) (catalog.Record, error) {
	if err := checkDone(rec); err != nil {
		return catalog.Record{}, err
	}
	return c.one(ctx, c.db.Change,
		`UPDATE {schema}objects SET state = 'ready', touched = $3, instance = $4, type = $5, size = $6, sha256 = $7
		WHERE source = $1 AND id = $2 AND state = 'pending' RETURNING `+columns,
		string(c.source), rec.ID.String(), micros(c.now()), c.instance, rec.Type, rec.Size, rec.SHA256[:])
}

// Get returns a ready row.
func (c *Catalog) Get(ctx context.Context, id uuid.UUID) (catalog.Record, error) {
	return c.one(ctx, c.readOne, `SELECT `+columns+` FROM {schema}objects WHERE source = $1 AND id = $2 AND state = 'ready'`, string(c.source), id.String())
}

// Delete changes a ready row to Deleting.
func (c *Catalog) Delete(ctx context.Context, id uuid.UUID) error {
	return c.move(ctx, `UPDATE {schema}objects SET state = 'deleting', touched = $3, instance = $4 WHERE source = $1 AND id = $2 AND state = 'ready'`, id)
}

// Abandon changes a pending row to Deleting.
func (c *Catalog) Abandon(ctx context.Context, id uuid.UUID) error {
	return c.move(ctx, `UPDATE {schema}objects SET state = 'deleting', touched = $3, instance = $4 WHERE source = $1 AND id = $2 AND state = 'pending'`, id)
}

// Forget removes a row in state Deleting.
func (c *Catalog) Forget(ctx context.Context, id uuid.UUID) error {
	_, err := c.exec(ctx, false, `DELETE FROM {schema}objects WHERE source = $1 AND id = $2 AND state = 'deleting'`, string(c.source), id.String())
	return err
}

// Ping checks that the store responds.
func (c *Catalog) Ping(ctx context.Context) error { return c.do(ctx, c.db.Ping) }

// Close stores noted uses, waits for running calls and closes the DB.
func (c *Catalog) Close() error {
	c.closeNoted()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil
	}
	c.closed = true
	return c.db.Close()
}

// move runs a statement that moves the row id ($2) of the source ($1) out of a state,
// with the time ($3) and the instance ($4).
func (c *Catalog) move(ctx context.Context, query string, id uuid.UUID) error {
	n, err := c.exec(ctx, true, query, string(c.source), id.String(), micros(c.now()), c.instance)
	if err == nil && n == 0 {
		err = catalog.ErrNotFound
	}
	return err
}

// exec runs a statement. A statement that names the instance waits until the instance
// appears alive to others. Otherwise their sweep could remove the row at once.
func (c *Catalog) exec(ctx context.Context, names bool, query string, args ...any) (n int64, err error) {
	err = c.do(ctx, func(ctx context.Context) error {
		if names {
			if err := c.db.Hold(ctx); err != nil {
				return err
			}
		}
		n, err = c.db.Exec(ctx, c.sql(query), args...)
		return err
	})
	return n, err
}

// execAlone is exec, for one call with the same key at a time.
func (c *Catalog) execAlone(ctx context.Context, key, query string, args ...any) (n int64, err error) {
	err = c.do(ctx, func(ctx context.Context) error {
		n, err = c.db.ExecAlone(ctx, key, c.sql(query), args...)
		return err
	})
	return n, err
}

// one returns the only row of a result.
func (c *Catalog) one(ctx context.Context, run func(context.Context, func(Scanner) error, string, ...any) (int64, error), query string, args ...any) (rec catalog.Record, err error) {
	err = c.do(ctx, func(ctx context.Context) error {
		found, err := run(ctx, func(s Scanner) error {
			r, err := scan(s)
			rec = r.Record
			return err
		}, c.sql(query), args...)
		if err == nil && found == 0 {
			err = catalog.ErrNotFound
		}
		return err
	})
	if err != nil {
		return catalog.Record{}, err
	}
	return rec, nil
}

// readOne is Read with the number of rows.
func (c *Catalog) readOne(ctx context.Context, row func(Scanner) error, query string, args ...any) (n int64, err error) {
	err = c.db.Read(ctx, func(s Scanner) error { n++; return row(s) }, query, args...)
	return n, err
}

// sql returns a statement in the dialect.
func (c *Catalog) sql(query string) string {
	if known, ok := c.queries.Load(query); ok {
		return known.(string)
	}
	translated := c.dialect.SQL(query)
	c.queries.Store(query, translated)
	return translated
}

// do runs f, with the timeout of a statement, while the Catalog is open. It
// distinguishes the caller's deadline from that timeout.
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
		return fmt.Errorf("%w: no response within %v", catalog.ErrUnavailable, c.timeout)
	case errors.Is(err, catalog.ErrUnavailable), errors.Is(err, catalog.ErrFull):
		return err // it already has the prefix
	}
	return fmt.Errorf("catalog: %w", err)
}

package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/server/catalog/internal/table"
)

// A group makes one transaction of the changes that gather while another one is being
// committed, so that they share its sync. Nobody waits for others to come: a caller that
// finds no other at work leads, and runs its change at once.
//
// There is no goroutine for this. The leader runs its own change, with all that wait by
// then, in a transaction, and passes the lead to a caller that came later.
type group struct {
	mu      sync.Mutex
	led     bool      // a caller leads
	waiting []*change // in the order in which they came
}

// A change is a statement of a caller.
type change struct {
	statement *sql.Stmt
	args      []any
	row       func(table.Scanner) error // nil if the statement returns no rows

	turn chan turn // takes one value without blocking
	rows int64     // changed or returned, once the turn is over
	err  error
}

// A turn is what a waiting caller is told.
type turn int

const (
	done  turn = iota // its change has been made, or has failed: see err
	leads             // it is the leader now
	alone             // nothing has been changed: it has to make its change by itself
)

// change makes a change, if possible in a transaction with those of other callers. ctx
// cancels it until the transaction runs, which then only waits for the disk.
func (d *database) change(ctx context.Context, row func(table.Scanner) error, query string, args []any) (int64, error) {
	c := &change{args: args, row: row, turn: make(chan turn, 1)}
	// A transaction takes the only writing connection, so it can compile nothing.
	err := retry(ctx, func() (err error) {
		c.statement, err = d.writer.statement(ctx, query)
		return err
	})
	if err != nil {
		return 0, err
	}
	t, err := d.group.join(ctx, c)
	if err != nil {
		return 0, err
	}
	if t == leads {
		t = d.lead(ctx, c)
	}
	if t == alone {
		c.err = retry(ctx, func() error { return c.run(ctx, c.statement) })
	}
	return c.rows, c.err
}

// lead makes the leader's own change, with all that wait, and passes the lead.
func (d *database) lead(ctx context.Context, own *change) turn {
	defer d.group.pass()
	if d.group.isEmpty() {
		own.err = retry(ctx, func() error { return own.run(ctx, own.statement) })
		return done
	}
	tx, err := d.begin(ctx)
	if err != nil {
		return alone
	}
	// Only now, since begin may have waited: until then, those who wait can be canceled.
	all := append([]*change{own}, d.group.take()...)
	t := alone // after a panic of the driver, those who wait must not wait for ever
	defer func() {
		for _, c := range all[1:] {
			c.turn <- t
		}
	}()
	t = transact(ctx, tx, all)
	return t
}

// begin begins a transaction. Once it has begun, ctx does not end it.
func (d *database) begin(ctx context.Context) (tx *sql.Tx, err error) {
	whole, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, cancel)
	err = retry(ctx, func() error {
		tx, err = d.writer.BeginTx(whole, nil)
		return err
	})
	if !stop() && err == nil {
		err = errors.Join(ctx.Err(), tx.Rollback())
	}
	return tx, err
}

// transact makes all changes in tx, which it ends. If one of them fails, none is made, and
// each caller has to make its own alone: it then gets its own error, and may use the
// reserve.
func transact(ctx context.Context, tx *sql.Tx, all []*change) turn {
	defer tx.Rollback() // does nothing after Commit
	ctx = context.WithoutCancel(ctx)
	for _, c := range all {
		if c.run(ctx, tx.StmtContext(ctx, c.statement)) != nil {
			return alone
		}
	}
	err := tx.Commit()
	if busy(err) || errors.Is(classify(err), catalog.ErrFull) {
		return alone
	}
	// After any other error, nobody knows whether the changes were made.
	for _, c := range all {
		c.err = classify(err)
	}
	return done
}

// run runs the statement of c.
func (c *change) run(ctx context.Context, s *sql.Stmt) error {
	if c.row == nil {
		res, err := s.ExecContext(ctx, c.args...)
		if err != nil {
			return err
		}
		c.rows, err = res.RowsAffected()
		return err
	}
	rows, err := s.QueryContext(ctx, c.args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	c.rows = 0 // of an earlier run, which was rolled back
	for rows.Next() {
		c.rows++
		if err := c.row(rows); err != nil {
			return err
		}
	}
	// The change is made in the last step.
	return errors.Join(rows.Err(), rows.Close())
}

// join waits for the turn of c.
func (g *group) join(ctx context.Context, c *change) (turn, error) {
	g.mu.Lock()
	if !g.led {
		g.led = true
		g.mu.Unlock()
		return leads, nil
	}
	g.waiting = append(g.waiting, c)
	g.mu.Unlock()
	select {
	case t := <-c.turn:
		return t, nil
	case <-ctx.Done():
	}
	if g.leave(c) {
		return 0, fmt.Errorf("%w: other changes take too long: %w", catalog.ErrUnavailable, ctx.Err())
	}
	return <-c.turn, nil
}

// leave takes c out of those that wait, and reports whether it was still among them.
func (g *group) leave(c *change) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	i := slices.Index(g.waiting, c)
	if i < 0 {
		return false
	}
	g.waiting = slices.Delete(g.waiting, i, i+1)
	return true
}

func (g *group) isEmpty() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.waiting) == 0
}

// take takes all that wait.
func (g *group) take() []*change {
	g.mu.Lock()
	defer g.mu.Unlock()
	all := g.waiting
	g.waiting = nil
	return all
}

// pass makes the first of those that wait the leader.
func (g *group) pass() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.led = len(g.waiting) > 0; g.led {
		g.waiting[0].turn <- leads
		g.waiting = g.waiting[1:]
	}
}

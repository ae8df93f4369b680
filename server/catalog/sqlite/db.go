package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/server/catalog/internal/table"
)

const (
	readers   = 4
	busyWait  = 100 * time.Millisecond // of one attempt, inside SQLite
	busyPause = 5 * time.Millisecond   // between two attempts
)

// A db is a Store's handle of the database.
type db struct {
	*database
	instances *instances
}

var _ table.DB = (*db)(nil)

// Exec runs a statement that returns no rows. If the disk is full, one that does not add
// rows may use the reserve's space.
func (d *db) Exec(ctx context.Context, query string, args ...any) (n int64, err error) {
	if takesRoom(query) {
		if err := d.reserve.fill(); err != nil {
			return 0, err
		}
		return d.change(ctx, nil, query, args)
	}
	n, err = d.change(ctx, nil, query, args)
	if !errors.Is(err, catalog.ErrFull) {
		return n, err
	}
	spent, again := d.reserve.spend(func() error {
		n, err = d.change(ctx, nil, query, args)
		return err
	})
	if spent {
		err = again
	}
	return n, err
}

// ExecAlone is Exec: each change is made after the one before it, whatever it is.
func (d *db) ExecAlone(ctx context.Context, _, query string, args ...any) (int64, error) {
	return d.Exec(ctx, query, args...)
}

// Change runs a statement that returns rows.
func (d *db) Change(ctx context.Context, row func(table.Scanner) error, query string, args ...any) (int64, error) {
	return d.change(ctx, row, query, args)
}

// Read runs a query on one of the reading connections. It retries only before the first
// row: SQLite reports busy when a statement begins, or not at all.
func (d *db) Read(ctx context.Context, row func(table.Scanner) error, query string, args ...any) error {
	began := false
	var failure error
	err := retry(ctx, func() error {
		s, err := d.reader.statement(ctx, query)
		if err != nil {
			return err
		}
		rows, err := s.QueryContext(ctx, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			began = true
			if failure = row(rows); failure != nil {
				return nil
			}
		}
		if err = rows.Err(); began {
			failure = classify(err)
			return nil
		}
		return err
	})
	return errors.Join(failure, err)
}

// Hold returns at once: the lock was acquired before the first statement.
func (d *db) Hold(context.Context) error { return nil }

// Dead tries the locks of the instances.
func (d *db) Dead(_ context.Context, touched map[string]time.Time) (map[string]bool, error) {
	dead := make(map[string]bool)
	for id := range touched {
		if d.instances.isDead(id) {
			dead[id] = true
		}
	}
	return dead, nil
}

// Ping reads from the file, and checks that its path still leads to it.
func (d *db) Ping(ctx context.Context) error {
	if err := d.inPlace(); err != nil {
		return err
	}
	return d.Read(ctx, func(table.Scanner) error { return nil }, "SELECT 1 FROM objects LIMIT 1")
}

// Close releases the instance's lock after its last change. It may be called on a
// partially opened d.
func (d *db) Close() error {
	var err error
	if d.instances != nil {
		err = d.instances.leave()
	}
	return errors.Join(err, d.release())
}

// migration runs f in a transaction if the file is a catalog or empty.
func (d *db) migration(ctx context.Context, f func(table.Tx) error) error {
	return retry(ctx, func() error {
		tx, err := d.writer.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback() // does nothing after Commit
		m := migrating{tx}
		id, err := m.Int(ctx, "PRAGMA application_id")
		if err != nil {
			return err
		}
		switch id {
		case appID:
		case noAppID:
			if n, err := m.Int(ctx, "SELECT count(*) FROM sqlite_schema"); err != nil {
				return err
			} else if n > 0 {
				return errForeign
			}
			if err := m.Exec(ctx, fmt.Sprintf("PRAGMA application_id = %d", appID)); err != nil {
				return err
			}
		default:
			return errForeign
		}
		if err := f(m); err != nil {
			return err
		}
		return tx.Commit()
	})
}

// startLog switches the file to a write-ahead log, so that one process can write while
// others read. A new file has none yet, so that another application's file is recognized
// before anything in it is changed.
func (d *db) startLog(ctx context.Context) error {
	return retry(ctx, func() error {
		var mode string
		if err := d.writer.QueryRowContext(ctx, "PRAGMA journal_mode = WAL").Scan(&mode); err != nil {
			return err
		}
		if mode != "wal" {
			return errors.New("its file system does not support a write-ahead log: use a local file system")
		}
		return nil
	})
}

// A migrating is a transaction for table.Migrate.
type migrating struct{ tx *sql.Tx }

func (m migrating) Exec(ctx context.Context, query string, args ...any) error {
	_, err := m.tx.ExecContext(ctx, numbered(query), args...)
	return err
}

func (m migrating) Int(ctx context.Context, query string, args ...any) (n int64, err error) {
	err = m.tx.QueryRowContext(ctx, numbered(query), args...).Scan(&n)
	return n, err
}

// retry runs f until the file is not busy, and classifies its error. SQLite's own wait
// ignores the context, and for some locks it does not wait at all.
func retry(ctx context.Context, f func() error) error {
	tick := time.NewTicker(busyPause)
	defer tick.Stop()
	for {
		err := f()
		if err == nil || !busy(err) {
			return classify(err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: another process keeps the file locked: %w", catalog.ErrUnavailable, ctx.Err())
		case <-tick.C:
		}
	}
}

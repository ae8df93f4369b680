package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/bailiwick-fs/bailiwick/server/catalog/internal/table"
)

// A db is an open database.
type db struct {
	pool *pgxpool.Pool
	lock *lockHolder
}

var _ table.DB = (*db)(nil)

// Exec runs a statement.
func (d *db) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	tag, err := d.pool.Exec(ctx, query, args...)
	return tag.RowsAffected(), classify(err)
}

// aloneClass is the first half of the advisory locks of ExecAlone. Those of instances and of
// migrations have one key in place of two halves, so they never meet.
const aloneClass = 0x42616c6f // "Balo"

// ExecAlone runs a statement under an advisory lock, which the end of the transaction
// releases. The statement comes after the lock, so it sees what was committed meanwhile:
// only at this level of isolation, whatever the default is.
func (d *db) ExecAlone(ctx context.Context, key, query string, args ...any) (n int64, err error) {
	sum := sha256.Sum256([]byte(key)) // two keys with the same lock only wait for each other
	err = pgx.BeginTxFunc(ctx, d.pool, pgx.TxOptions{IsoLevel: pgx.ReadCommitted}, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT pg_catalog.pg_advisory_xact_lock($1, $2)", int32(aloneClass), int32(binary.BigEndian.Uint32(sum[:]))); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, query, args...)
		n = tag.RowsAffected()
		return err
	})
	return n, classify(err)
}

// Read runs a query, and repeats it once if its connection was broken: it changes
// nothing, and after a restart of the server every connection of the pool is broken.
func (d *db) Read(ctx context.Context, row func(table.Scanner) error, query string, args ...any) error {
	began := false
	read := func() error {
		return d.query(ctx, func(s table.Scanner) error { began = true; return row(s) }, query, args)
	}
	err := read()
	for tries := d.pool.Stat().MaxConns(); err != nil && !began && isBroken(err) && ctx.Err() == nil && tries > 0; tries-- {
		err = read()
	}
	return classify(err)
}

// Change runs a statement that returns rows.
func (d *db) Change(ctx context.Context, row func(table.Scanner) error, query string, args ...any) (n int64, err error) {
	err = d.query(ctx, func(s table.Scanner) error { n++; return row(s) }, query, args)
	return n, classify(err)
}

func (d *db) query(ctx context.Context, row func(table.Scanner) error, query string, args []any) error {
	rows, err := d.pool.Query(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Hold waits until the instance holds its lock.
func (d *db) Hold(ctx context.Context) error { return d.lock.wait(ctx) }

// Times for the detection of dead instances.
const (
	// recovery is how long, after the server's start, older instances are not considered
	// dead: all of them lost their locks and are about to take them again.
	recovery = 10 * time.Second
	// patience is the pause between two checks, for an instance whose connection broke.
	patience = 1 * time.Second
)

// Dead checks which instances hold their locks, and checks the others a second time.
func (d *db) Dead(ctx context.Context, touched map[string]time.Time) (map[string]bool, error) {
	suspects, err := d.unlocked(ctx, touched)
	if err != nil || len(suspects) == 0 {
		return nil, err
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	suspects, err = d.unlocked(ctx, suspects)
	if err != nil {
		return nil, err
	}
	dead := make(map[string]bool)
	for id := range suspects {
		dead[id] = true
	}
	return dead, nil
}

// unlocked returns the instances whose lock nobody holds. pg_locks splits a 64-bit key
// into two halves.
func (d *db) unlocked(ctx context.Context, touched map[string]time.Time) (map[string]time.Time, error) {
	var (
		ids         []string
		keys, times []int64
	)
	for id, t := range touched {
		ids, keys, times = append(ids, id), append(keys, lockKey(id)), append(times, t.UnixMicro())
	}
	free := make(map[string]time.Time)
	err := d.Read(ctx, func(s table.Scanner) error {
		var id string
		err := s.Scan(&id)
		free[id] = touched[id]
		return err
	}, `SELECT i.id
		FROM ROWS FROM (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::bigint[]), pg_catalog.unnest($3::bigint[])) AS i (id, key, touched),
			pg_catalog.pg_postmaster_start_time() AS started
		WHERE (started < pg_catalog.to_timestamp(i.touched / 1000000.0)
			OR started < pg_catalog.clock_timestamp() - $4 * interval '1 microsecond')
		AND NOT EXISTS (
			SELECT FROM pg_catalog.pg_locks l
			WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.granted
			AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
			AND l.classid::bigint << 32 | l.objid::bigint = i.key)`,
		ids, keys, times, recovery.Microseconds())
	return free, err
}

// Ping checks that the server responds.
func (d *db) Ping(ctx context.Context) error {
	return d.Read(ctx, func(table.Scanner) error { return nil }, "SELECT 1")
}

// Close closes all connections. It releases the lock after the last change.
func (d *db) Close() error {
	d.pool.Close()
	d.lock.stop()
	return nil
}

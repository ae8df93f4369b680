// Package postgres implements the catalog in a PostgreSQL database, for several servers
// that share a bucket.
//
// Its tables are in a schema of their own. Open creates them if the role may. If an
// administrator created them, with this program or another one of the same version, a
// role with the right to read and change rows is sufficient.
//
// In addition to its pool, each Store keeps one connection on which it holds an advisory
// lock: an instance whose lock nobody holds is dead. A connection pooler must therefore
// use session pooling. If that connection breaks, the Store soon opens another one, and
// begins no uploads until then; other instances wait for that before they consider it
// dead.
package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/server/catalog/internal/table"
)

// Options configures Open. The zero value is usable.
type Options struct {
	Schema  string           // of the tables; default "bailiwick"
	Now     func() time.Time // default time.Now
	Timeout time.Duration    // of one statement; default 10 s

	// NoUpgrade makes a missing catalog [catalog.ErrNone], and an older one an error. Both are
	// left as they are: servers of the older version may be using it.
	NoUpgrade bool
}

// A Store is an open catalog.
type Store struct {
	*table.Catalog
}

var _ catalog.Shared = (*Store)(nil)

// connectTimeout limits one connection attempt if the URL has no connect_timeout.
const connectTimeout = 5 * time.Second

// maxSchema is the longest name, in bytes, that PostgreSQL does not truncate.
const maxSchema = 63

// cancelWait is how long to wait, after a statement's context has ended, for the server
// to cancel the statement, so that it does not change rows later.
const cancelWait = 2 * time.Second

// Open connects to the database at a libpq URL, for the objects in source:
//
//	postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full
//
// Missing parts come from the variables PGHOST, PGUSER, PGPASSWORD and so on, and from
// PGPASSFILE. pool_max_conns is the maximum size of the pool. No error of this package
// contains the password. Open creates or migrates the tables if necessary, which may
// take a while; several servers may start at once. An error that matches
// catalog.ErrUnavailable may be temporary; any other error is caused by the
// configuration. ctx limits only the opening.
func Open(ctx context.Context, url string, source catalog.Source, opts Options) (*Store, error) {
	all, err := table.Migrations("postgres")
	if err != nil {
		return nil, err
	}
	return open(ctx, url, source, opts, all)
}

func open(ctx context.Context, url string, source catalog.Source, opts Options, all []table.Migration) (_ *Store, err error) {
	if err := table.CheckSource(source); err != nil {
		return nil, err
	}
	cfg, err := parse(url)
	if err != nil {
		return nil, err
	}
	if opts.Schema == "" {
		opts.Schema = "bailiwick"
	}
	if opts.Timeout <= 0 {
		opts.Timeout = 10 * time.Second
	}
	if len(opts.Schema) > maxSchema || !utf8.ValidString(opts.Schema) || strings.ContainsRune(opts.Schema, 0) {
		return nil, fmt.Errorf("catalog: %q is not a valid schema name", opts.Schema)
	}
	defer func() {
		if err != nil && ctx.Err() != nil {
			err = fmt.Errorf("catalog: %w", ctx.Err())
		} else {
			err = explain(err, cfg.ConnConfig, opts.Schema)
		}
	}()
	id := uuid.New()
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, err
	}
	d := &db{pool: pool, lock: newLockHolder(cfg.ConnConfig, id, pool.Reset)}
	if err := d.setUp(ctx, opts, all); err != nil {
		d.pool.Close()
		return nil, err
	}
	return &Store{table.New(d, dialect(opts.Schema), source, id, table.Options{Now: opts.Now, Timeout: opts.Timeout})}, nil
}

// setUp creates what must exist before the first call.
func (d *db) setUp(ctx context.Context, opts Options, all []table.Migration) error {
	bounded, cancel := context.WithTimeout(ctx, opts.Timeout)
	defer cancel()
	var encoding string
	if err := d.pool.QueryRow(bounded, "SHOW server_encoding").Scan(&encoding); err != nil {
		return classify(err)
	}
	if encoding != "UTF8" {
		return fmt.Errorf("the database has the encoding %s, but file names need UTF8: create one with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0", encoding)
	}
	err := table.Migrate(ctx, opts.Timeout, dialect(opts.Schema), all, !opts.NoUpgrade, func(ctx context.Context, f func(table.Tx) error) error {
		return d.migration(ctx, opts.Schema, f)
	})
	if err != nil {
		return err
	}
	bounded, cancel = context.WithTimeout(ctx, opts.Timeout)
	defer cancel()
	return d.lock.start(bounded)
}

// dialect is PostgreSQL's dialect.
func dialect(schema string) table.Dialect {
	return table.Dialect{
		Schema: pgx.Identifier{schema}.Sanitize() + ".",
		// The order of IDs must not depend on the database's locale.
		Text:  `TEXT COLLATE "C"`,
		Int64: "BIGINT",
		Bytes: "BYTEA",
		Tables: `SELECT count(*) FROM pg_catalog.pg_tables WHERE schemaname = ` + literal(schema) +
			` AND tablename = $1`,
	}
}

// migrationKey is the advisory lock for migrations, which run one at a time, in all
// schemas.
const migrationKey = 0x4261696c69776963 // "Bailiwic"

// migration runs f in a transaction while no other migration runs.
func (d *db) migration(ctx context.Context, schema string, f func(table.Tx) error) error {
	return classify(pgx.BeginFunc(ctx, d.pool, func(tx pgx.Tx) error {
		m := migrating{tx}
		// A configured statement timeout is meant for normal statements.
		if err := m.Exec(ctx, "SET LOCAL statement_timeout = 0"); err != nil {
			return err
		}
		if err := m.Exec(ctx, "SELECT pg_catalog.pg_advisory_xact_lock($1)", int64(migrationKey)); err != nil {
			return err
		}
		// IF NOT EXISTS would need the right to create a schema even if it exists.
		n, err := m.Int(ctx, "SELECT count(*) FROM pg_catalog.pg_namespace WHERE nspname = $1", schema)
		if err != nil {
			return err
		}
		if n == 0 {
			if err := m.Exec(ctx, "CREATE SCHEMA "+pgx.Identifier{schema}.Sanitize()); err != nil {
				return err
			}
		}
		return f(m)
	}))
}

// A migrating is a transaction for table.Migrate.
type migrating struct{ tx pgx.Tx }

func (m migrating) Exec(ctx context.Context, query string, args ...any) error {
	if len(args) == 0 {
		// Only the simple protocol accepts several statements.
		args = []any{pgx.QueryExecModeSimpleProtocol}
	}
	_, err := m.tx.Exec(ctx, query, args...)
	return err
}

func (m migrating) Int(ctx context.Context, query string, args ...any) (n int64, err error) {
	err = m.tx.QueryRow(ctx, query, args...).Scan(&n)
	return n, err
}

// watchContext makes the server cancel a statement whose context has ended.
func watchContext(c *pgconn.PgConn) ctxwatch.Handler {
	return &pgconn.CancelRequestContextWatcherHandler{Conn: c, DeadlineDelay: cancelWait}
}

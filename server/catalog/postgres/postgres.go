// Package postgres is the catalog in a PostgreSQL database, for several servers
// over one bucket.
//
// Its tables lie in a schema of their own, which Open makes where the role may;
// where an administrator made them, with this program or one of the same version,
// a role that may read and change rows is enough.
//
// Each Store keeps one connection besides its pool's, on which it holds an
// advisory lock: an instance whose lock nobody holds is dead. A pooler between the
// two has to keep sessions apart ("session pooling"). A Store whose connection
// breaks has another soon, and until then begins nothing; others wait for that
// before they call it dead.
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

// Options are the options of Open. The zero value is usable.
type Options struct {
	Schema  string           // the schema of the tables; "bailiwick" if empty
	Now     func() time.Time // the clock; time.Now if nil
	Timeout time.Duration    // of one statement; 10 s if 0
}

// A Store is an open catalog.
type Store struct {
	*table.Catalog
}

var _ catalog.Shared = (*Store)(nil)

// connectTimeout bounds one attempt to connect, where the URL has no
// connect_timeout.
const connectTimeout = 5 * time.Second

// maxSchema is the longest name that PostgreSQL does not cut, in bytes.
const maxSchema = 63

// cancelWait is how long a statement may go on after its context ended: the
// server is asked to cancel it, so that it does not change rows later.
const cancelWait = 2 * time.Second

// Open connects to the database at a URL, as libpq reads it, for the objects in source:
//
//	postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full
//
// What it lacks comes from the variables PGHOST, PGUSER, PGPASSWORD and so on, and
// from PGPASSFILE. pool_max_conns is the most connections of the pool. No error of
// this package has the password in it. Open makes the tables, or brings them up to
// date, if need be, which may take a while; several servers may start at once. An error
// that matches catalog.ErrUnavailable may pass; any other is of what is configured. ctx
// bounds the opening alone.
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
		return nil, fmt.Errorf("catalog: %q cannot be the name of a schema", opts.Schema)
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

// setUp makes what has to be there before the first call.
func (d *db) setUp(ctx context.Context, opts Options, all []table.Migration) error {
	bounded, cancel := context.WithTimeout(ctx, opts.Timeout)
	defer cancel()
	var encoding string
	if err := d.pool.QueryRow(bounded, "SHOW server_encoding").Scan(&encoding); err != nil {
		return classify(err)
	}
	if encoding != "UTF8" {
		return fmt.Errorf("the database has the encoding %s, and names of files need UTF8: make one with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0", encoding)
	}
	err := table.Migrate(ctx, opts.Timeout, dialect(opts.Schema), all, func(ctx context.Context, f func(table.Tx) error) error {
		return d.migration(ctx, opts.Schema, f)
	})
	if err != nil {
		return err
	}
	bounded, cancel = context.WithTimeout(ctx, opts.Timeout)
	defer cancel()
	return d.lock.start(bounded)
}

// dialect is what PostgreSQL calls things.
func dialect(schema string) table.Dialect {
	return table.Dialect{
		Schema: pgx.Identifier{schema}.Sanitize() + ".",
		// The order of IDs is not to depend on the database's language.
		Text:  `TEXT COLLATE "C"`,
		Int64: "BIGINT",
		Bytes: "BYTEA",
		Tables: `SELECT count(*) FROM pg_catalog.pg_tables WHERE schemaname = ` + literal(schema) +
			` AND tablename = $1`,
	}
}

// migrationKey is the lock of those who migrate: one at a time, in all schemas.
const migrationKey = 0x4261696c69776963 // "Bailiwic"

// migration runs f in a transaction, while no other migration runs.
func (d *db) migration(ctx context.Context, schema string, f func(table.Tx) error) error {
	return classify(pgx.BeginFunc(ctx, d.pool, func(tx pgx.Tx) error {
		m := migrating{tx}
		// A limit for statements is meant for those of every day.
		if err := m.Exec(ctx, "SET LOCAL statement_timeout = 0"); err != nil {
			return err
		}
		if err := m.Exec(ctx, "SELECT pg_catalog.pg_advisory_xact_lock($1)", int64(migrationKey)); err != nil {
			return err
		}
		// IF NOT EXISTS would ask for the right to make one even where there is one.
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
		// Several statements go by the simple protocol only.
		args = []any{pgx.QueryExecModeSimpleProtocol}
	}
	_, err := m.tx.Exec(ctx, query, args...)
	return err
}

func (m migrating) Int(ctx context.Context, query string, args ...any) (n int64, err error) {
	err = m.tx.QueryRow(ctx, query, args...).Scan(&n)
	return n, err
}

// watchContext has the server cancel a statement whose context ended.
func watchContext(c *pgconn.PgConn) ctxwatch.Handler {
	return &pgconn.CancelRequestContextWatcherHandler{Conn: c, DeadlineDelay: cancelWait}
}

package table

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/bailiwick-fs/bailiwick/server/catalog"
)

//go:embed migrations
var files embed.FS

// A Migration upgrades a store from the previous version. The first migration creates
// version 1.
type Migration struct {
	Name string // of its file: the version in four digits, then a description
	SQL  string
}

// Migrations returns the migrations for the named dialect, in order. A file applies to
// all dialects, or to the one whose name precedes ".sql".
func Migrations(dialect string) ([]Migration, error) {
	entries, err := fs.ReadDir(files, "migrations")
	if err != nil {
		return nil, err
	}
	var all []Migration
	for _, e := range entries {
		name, of, _ := strings.Cut(strings.TrimSuffix(e.Name(), ".sql"), ".")
		if of != "" && of != dialect {
			continue
		}
		if !strings.HasPrefix(name, fmt.Sprintf("%04d_", len(all)+1)) {
			return nil, fmt.Errorf("catalog: the migration %s should have the number %d", e.Name(), len(all)+1)
		}
		data, err := fs.ReadFile(files, "migrations/"+e.Name())
		if err != nil {
			return nil, err
		}
		all = append(all, Migration{Name: name, SQL: string(data)})
	}
	return all, nil
}

// A Tx is a transaction for a migration.
type Tx interface {
	// Exec runs a statement, or several if there are no args.
	Exec(ctx context.Context, query string, args ...any) error
	// Int returns the single number that a query returns.
	Int(ctx context.Context, query string, args ...any) (int64, error)
}

// Migrate upgrades a store to the last of all. in runs a function in a transaction,
// excludes concurrent migrations, and commits if the function returns nil. Each
// migration has its own transaction, which also records it as applied, so a failure
// leaves the previous version. A store with an unknown version is an error and is not
// changed. Without upgrade, so is an older one, and an empty one is catalog.ErrNone.
//
// Checking a store that is up to date takes at most limit. A migration takes as long as
// its rows need and ends only with ctx: with a limit, a large store could never be
// opened again.
func Migrate(ctx context.Context, limit time.Duration, d Dialect, all []Migration, upgrade bool, in func(context.Context, func(Tx) error) error) error {
	for {
		var version int
		bounded, cancel := context.WithTimeout(ctx, limit)
		err := in(bounded, func(tx Tx) (err error) {
			if version, err = versionOf(bounded, d, tx); err != nil {
				return err
			}
			switch {
			case upgrade || version >= len(all):
			case version == 0:
				return catalog.ErrNone
			default:
				return fmt.Errorf("catalog: its schema version %d is older than this program, which needs version %d: start a server with this program, which upgrades it, or use the program of the server that runs", version, len(all))
			}
			return nil
		})
		cancel()
		switch {
		case err != nil:
			return err
		case version > len(all):
			return fmt.Errorf("catalog: its schema version %d is newer than this program, which supports versions up to %d: use the program that wrote it, or a newer one", version, len(all))
		case version == len(all):
			return nil
		}
		err = in(ctx, func(tx Tx) error {
			now, err := versionOf(ctx, d, tx)
			if err != nil || now != version { // another process migrated it first
				return err
			}
			return migrate(ctx, d, tx, version, all[version])
		})
		if err != nil {
			return err
		}
	}
}

// versionOf returns the version of a store, 0 if it is empty.
func versionOf(ctx context.Context, d Dialect, tx Tx) (int, error) {
	tables, err := tx.Int(ctx, d.Tables, "migrations")
	if err != nil || tables == 0 {
		return 0, err
	}
	last, err := tx.Int(ctx, d.SQL("SELECT coalesce(max(version), 0) FROM {schema}migrations"))
	return int(last), err
}

// migrate upgrades a store from version to the next.
func migrate(ctx context.Context, d Dialect, tx Tx, version int, m Migration) error {
	if version == 0 {
		if err := tx.Exec(ctx, d.SQL("CREATE TABLE {schema}migrations (version {int64} NOT NULL PRIMARY KEY, name {text} NOT NULL, applied {int64} NOT NULL) {strict}")); err != nil {
			return err
		}
	}
	if err := tx.Exec(ctx, d.SQL(m.SQL)); err != nil {
		return fmt.Errorf("catalog: migration %s: %w", m.Name, err)
	}
	return tx.Exec(ctx, d.SQL("INSERT INTO {schema}migrations (version, name, applied) VALUES ($1, $2, $3)"),
		int64(version+1), m.Name, time.Now().UnixMicro())
}

package table

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"strings"
	"time"
)

//go:embed migrations
var files embed.FS

// A Migration takes a store from the version before to its own. The first one
// is version 1.
type Migration struct {
	Name string // of its file: four digits of the version, then what it is about
	SQL  string
}

// Migrations returns all there are for the dialect of that name, in order. A file is for
// all dialects, or for the one whose name stands before its ".sql".
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

// A Tx is a transaction in which a store is migrated.
type Tx interface {
	// Exec runs a statement, or several where there are no args.
	Exec(ctx context.Context, query string, args ...any) error
	// Int returns the one number that a query asks for.
	Int(ctx context.Context, query string, args ...any) (int64, error)
}

// Migrate brings a store to the last of all. in runs a function in a transaction that no
// other migration runs beside, and commits it if the function returns nil. Each migration
// has one of its own, along with the record that it was applied, so what fails leaves the
// version before. A store whose version is not known is an error, and is not changed.
//
// A store that has nothing to do answers within limit. A migration takes as long as its
// rows do, and ends with ctx alone: were it bounded, too, a large store could never be
// opened again.
func Migrate(ctx context.Context, limit time.Duration, d Dialect, all []Migration, in func(context.Context, func(Tx) error) error) error {
	for {
		var version int
		bounded, cancel := context.WithTimeout(ctx, limit)
		err := in(bounded, func(tx Tx) (err error) {
			version, err = versionOf(bounded, d, tx)
			return err
		})
		cancel()
		switch {
		case err != nil:
			return err
		case version > len(all):
			return fmt.Errorf("catalog: it has schema version %d, and this program knows versions up to %d: use the program that wrote it, or a newer one", version, len(all))
		case version == len(all):
			return nil
		}
		err = in(ctx, func(tx Tx) error {
			now, err := versionOf(ctx, d, tx)
			if err != nil || now != version { // somebody else was faster
				return err
			}
			return migrate(ctx, d, tx, version, all[version])
		})
		if err != nil {
			return err
		}
	}
}

// versionOf returns the version of a store, 0 if nothing is there.
func versionOf(ctx context.Context, d Dialect, tx Tx) (int, error) {
	tables, err := tx.Int(ctx, d.Tables, "migrations")
	if err != nil || tables == 0 {
		return 0, err
	}
	last, err := tx.Int(ctx, d.SQL("SELECT coalesce(max(version), 0) FROM {schema}migrations"))
	return int(last), err
}

// migrate takes a store of a version to the next.
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

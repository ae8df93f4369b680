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

// Migrations returns all there are, in order.
func Migrations() ([]Migration, error) {
	entries, err := fs.ReadDir(files, "migrations")
	if err != nil {
		return nil, err
	}
	var all []Migration
	for i, e := range entries {
		if !strings.HasPrefix(e.Name(), fmt.Sprintf("%04d_", i+1)) {
			return nil, fmt.Errorf("catalog: the migration %s should have the number %d", e.Name(), i+1)
		}
		data, err := fs.ReadFile(files, "migrations/"+e.Name())
		if err != nil {
			return nil, err
		}
		all = append(all, Migration{Name: strings.TrimSuffix(e.Name(), ".sql"), SQL: string(data)})
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

// Migrate brings a store to the last of all. in runs a function in a
// transaction that no other migration runs beside, and commits it if the
// function returns nil. Each migration has one of its own, along with the record
// that it was applied, so what fails leaves the version before. A store whose
// version is not known is an error, and is not changed.
func Migrate(ctx context.Context, d Dialect, all []Migration, in func(context.Context, func(Tx) error) error) error {
	for {
		version := 0
		err := in(ctx, func(tx Tx) error {
			tables, err := tx.Int(ctx, d.Tables, "migrations")
			if err != nil {
				return err
			}
			if tables > 0 {
				last, err := tx.Int(ctx, d.SQL("SELECT coalesce(max(version), 0) FROM {schema}migrations"))
				if err != nil {
					return err
				}
				version = int(last)
			}
			if version > len(all) {
				return fmt.Errorf("catalog: it has schema version %d, and this program knows versions up to %d: use the program that wrote it, or a newer one", version, len(all))
			}
			if version == len(all) {
				return nil
			}
			if tables == 0 {
				if err := tx.Exec(ctx, d.SQL("CREATE TABLE {schema}migrations (version {int64} NOT NULL PRIMARY KEY, name {text} NOT NULL, applied {int64} NOT NULL) {strict}")); err != nil {
					return err
				}
			}
			m := all[version]
			if err := tx.Exec(ctx, d.SQL(m.SQL)); err != nil {
				return fmt.Errorf("catalog: migration %s: %w", m.Name, err)
			}
			version++
			return tx.Exec(ctx, d.SQL("INSERT INTO {schema}migrations (version, name, applied) VALUES ($1, $2, $3)"),
				int64(version), m.Name, time.Now().UnixMicro())
		})
		if err != nil || version == len(all) {
			return err
		}
	}
}

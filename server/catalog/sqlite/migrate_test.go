package sqlite_test

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/server/catalog/internal/migratetest"
	"github.com/bailiwick-fs/bailiwick/server/catalog/internal/table"
	"github.com/bailiwick-fs/bailiwick/server/catalog/sqlite"
)

func TestMigrations(t *testing.T) {
	migratetest.Test(t, migratetest.Store{
		Dialect:  "sqlite",
		Location: newFile,
		Open: func(ctx context.Context, path string, all []table.Migration) (catalog.Catalog, error) {
			return sqlite.OpenWith(ctx, path, source, sqlite.Options{}, all)
		},
		NoUpgrade: func(ctx context.Context, path string, all []table.Migration) (catalog.Catalog, error) {
			return sqlite.OpenWith(ctx, path, source, sqlite.Options{NoUpgrade: true}, all)
		},
		Exec: func(t testing.TB, path, statement string) error {
			_, err := raw(t, path).ExecContext(t.Context(), strings.ReplaceAll(statement, "{schema}", ""))
			return err
		},
		Dump: dump,
	})
}

// dump reads the file without the store's code.
func dump(t testing.TB, path string) string {
	t.Helper()
	db := raw(t, path)
	defer db.Close()
	var b strings.Builder
	fmt.Fprintln(&b, cells(t, db, "SELECT * FROM pragma_application_id"))
	tables := cells(t, db, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
	for _, row := range cells(t, db, "SELECT name, coalesce(sql, '') FROM sqlite_schema ORDER BY name") {
		fmt.Fprintln(&b, row)
	}
	for _, name := range tables {
		columns := cells(t, db, "SELECT name FROM pragma_table_info('"+name[0]+"') WHERE name NOT IN ('touched', 'applied', 'instance')")
		for _, row := range cells(t, db, "SELECT "+strings.Join(slices.Concat(columns...), ", ")+" FROM "+name[0]+" ORDER BY 1") {
			fmt.Fprintf(&b, "%s: %q\n", name[0], row)
		}
	}
	return b.String()
}

// raw opens the file without the store's code.
func raw(t testing.TB, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { db.Close() })
	return db
}

func execute(t testing.TB, db *sql.DB, query string) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), query); err != nil {
		t.Fatal(err)
	}
}

// cells returns a query's result as text.
func cells(t testing.TB, db *sql.DB, query string) [][]string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var all [][]string
	for rows.Next() {
		values, dest := make([]sql.NullString, len(columns)), make([]any, len(columns))
		for i := range values {
			dest[i] = &values[i]
		}
		if err := rows.Scan(dest...); err != nil {
			t.Fatal(err)
		}
		line := make([]string, len(columns))
		for i, v := range values {
			line[i] = v.String
		}
		all = append(all, line)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

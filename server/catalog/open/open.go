// Package open opens a catalog by name. A program that always uses the same store should
// import that store's package instead, to avoid linking the other.
package open

import (
	"context"
	"errors"
	"strings"

	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/server/catalog/postgres"
	"github.com/bailiwick-fs/bailiwick/server/catalog/sqlite"
)

// sqlitePrefix begins the name of a catalog in a file.
const sqlitePrefix = "sqlite:"

// Open opens the catalog for the objects in source:
//
//   - "sqlite:PATH" is an SQLite file, see [sqlite.Open]. Everything after the colon is
//     the literal path: nothing is decoded, and there are no options.
//   - "postgres://…" or "postgresql://…" is a database, see [postgres.Open].
//
// Errors are one line, give advice, and contain no password. An error that matches
// catalog.ErrUnavailable may be temporary. ctx limits only the opening.
func Open(ctx context.Context, name string, source catalog.Source) (catalog.Shared, error) {
	return open(ctx, name, source, true)
}

// NoUpgrade is Open for programs beside the servers that use the catalog: one of an older version
// is an error, and is not upgraded. Where there is none, the error matches catalog.ErrNone.
func NoUpgrade(ctx context.Context, name string, source catalog.Source) (catalog.Shared, error) {
	return open(ctx, name, source, false)
}

func open(ctx context.Context, name string, source catalog.Source, upgrade bool) (catalog.Shared, error) {
	switch path, isFile := strings.CutPrefix(name, sqlitePrefix); {
	case isFile:
		// Returning a nil *Store would make the interface non-nil.
		s, err := sqlite.Open(ctx, path, source, sqlite.Options{NoUpgrade: !upgrade})
		if err != nil {
			return nil, err
		}
		return s, nil
	case strings.HasPrefix(name, "postgres://"), strings.HasPrefix(name, "postgresql://"):
		s, err := postgres.Open(ctx, name, source, postgres.Options{NoUpgrade: !upgrade})
		if err != nil {
			return nil, err
		}
		return s, nil
	}
	// Do not print the name: it may be a URL with a password.
	return nil, errors.New("catalog: write sqlite:PATH or postgres://USER:PASSWORD@HOST:PORT/DATABASE")
}

// Files returns the paths of all local files and directories that belong to the catalog
// called name, whether they exist now or not. For a file they are those of [sqlite.Files],
// for a database the keys, certificates and passwords that the client reads, see
// [postgres.Files]. It opens none of them, except the file of services of a database.
func Files(name string) []string {
	if path, isFile := strings.CutPrefix(name, sqlitePrefix); isFile {
		return sqlite.Files(path)
	}
	return postgres.Files(name)
}

// Package open opens the catalog that a user named. A program that knows which
// store it wants imports that one instead, and carries no other.
package open

import (
	"context"
	"errors"
	"strings"

	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/server/catalog/postgres"
	"github.com/bailiwick-fs/bailiwick/server/catalog/sqlite"
)

// sqlitePrefix is what the name of a catalog in a file begins with.
const sqlitePrefix = "sqlite:"

// Open opens the catalog of the objects in source:
//
//   - "sqlite:PATH" is an SQLite file, see [sqlite.Open]. All behind the colon is
//     the path, as it is: nothing in it is decoded, and nothing is an option.
//   - "postgres://…" or "postgresql://…" is a database, see [postgres.Open].
//
// Its errors are one line, say what to do, and hold no password. One that matches
// catalog.ErrUnavailable may pass by itself. ctx bounds the opening alone.
func Open(ctx context.Context, name string, source catalog.Source) (catalog.Shared, error) {
	switch path, isFile := strings.CutPrefix(name, sqlitePrefix); {
	case isFile:
		// A nil *Store would be an interface that is not nil.
		s, err := sqlite.Open(ctx, path, source, sqlite.Options{})
		if err != nil {
			return nil, err
		}
		return s, nil
	case strings.HasPrefix(name, "postgres://"), strings.HasPrefix(name, "postgresql://"):
		s, err := postgres.Open(ctx, name, source, postgres.Options{})
		if err != nil {
			return nil, err
		}
		return s, nil
	}
	// What was named is not printed: it may be a URL with a password.
	return nil, errors.New("catalog: name it as sqlite:PATH or postgres://USER:PASSWORD@HOST:PORT/DATABASE")
}

// Files returns the paths of all files and directories on this machine that belong to
// the catalog called name, whether they are there at the moment or not: see
// [sqlite.Files]. A database has none. Nothing is opened.
func Files(name string) []string {
	path, isFile := strings.CutPrefix(name, sqlitePrefix)
	if !isFile {
		return nil
	}
	return sqlite.Files(path)
}

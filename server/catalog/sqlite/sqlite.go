// Package sqlite is the catalog in an SQLite file, for one machine. Several
// processes may have the file open at once, and each may have several Stores of it.
//
// What Commit acknowledged is on the disk: every change is synchronised before it
// returns. The file is made with mode 0600. Beside it SQLite keeps PATH-wal and
// PATH-shm while it is open, which are part of it (copy a catalog that is open with
// sqlite3's .backup, not with cp), and this package the directory PATH-instances,
// in which each open Store has a file that it keeps locked: whoever's lock can be
// had is dead, however it ended. PATH-reserve holds room, so that on a full disk
// uploads can still be removed. The file has to be on a file system of this
// machine, since others do not hold SQLite's locks; it has one name and is not mounted
// by itself, or the log beside it would not be the only one.
//
// On Unix the locks of a file belong to the process, and closing any descriptor of it
// ends them. Another program, such as one that makes a backup, then takes itself for the
// last user of the database and removes the log that this process goes on writing to, so
// that what was acknowledged since is lost. All Stores of one file in a process have it
// open once, by whatever paths, and backends that heed package vfs/ownfile, as the
// disk's does, serve none of its files while it is open. The rest of the program must
// not open what [Files] names, nor the file by another SQLite driver.
package sqlite

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/server/catalog/internal/table"
)

// Options are the options of Open. The zero value is usable.
type Options struct {
	Now     func() time.Time // the clock; time.Now if nil
	Timeout time.Duration    // of one statement, waiting for other processes included; 10 s if 0
}

// A Store is an open catalog.
type Store struct {
	*table.Catalog
}

var _ catalog.Shared = (*Store)(nil)

// dialect is what SQLite calls things. In a strict table a column holds its type
// and nothing else.
var dialect = table.Dialect{
	Text:   "TEXT",
	Int64:  "INTEGER",
	Bytes:  "BLOB",
	Strict: "STRICT",
	Tables: "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = $1",
}

// Open opens the catalog in the file path, of the objects in source, and makes the file if
// there is none; its directory has to be there. A file that is something else, or that a
// newer program wrote, is an error that says so, and is not changed. One of an earlier
// version is brought up to date, which may take a while. ctx bounds the opening alone.
func Open(ctx context.Context, path string, source catalog.Source, opts Options) (*Store, error) {
	all, err := table.Migrations("sqlite")
	if err != nil {
		return nil, err
	}
	return open(ctx, path, source, opts, all)
}

func open(ctx context.Context, path string, source catalog.Source, opts Options, all []table.Migration) (*Store, error) {
	if err := table.CheckSource(source); err != nil {
		return nil, err
	}
	if opts.Timeout <= 0 {
		opts.Timeout = 10 * time.Second
	}
	if err := checkPath(path); err != nil {
		return nil, fmt.Errorf("catalog %s: %w", path, err)
	}
	s, err := newStore(ctx, path, source, opts, all)
	if errors.Is(err, catalog.ErrFull) {
		// The log and its index take room, too.
		_, _ = reserveOf(Files(path)[0]).spend(func() error {
			s, err = newStore(ctx, path, source, opts, all)
			return err
		})
	}
	if err != nil {
		return nil, fmt.Errorf("catalog %s: %w", path, err)
	}
	return s, nil
}

func newStore(ctx context.Context, path string, source catalog.Source, opts Options, all []table.Migration) (_ *Store, err error) {
	bounded, cancel := context.WithTimeout(ctx, opts.Timeout)
	defer cancel()
	file, err := acquire(bounded, path)
	if err != nil {
		return nil, err
	}
	d := &db{database: file}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.Close())
		}
	}()
	if err := table.Migrate(ctx, opts.Timeout, dialect, all, d.migration); err != nil {
		return nil, err
	}
	bounded, cancel = context.WithTimeout(ctx, opts.Timeout)
	defer cancel()
	if err := d.startLog(bounded); err != nil {
		return nil, err
	}
	id := uuid.New()
	if d.instances, err = join(file.path, id.String()); err != nil {
		return nil, err
	}
	_ = d.reserve.fill() // whoever adds something fails
	return &Store{table.New(d, dialect, source, id, table.Options{Now: opts.Now, Timeout: opts.Timeout})}, nil
}

// Package sqlite implements the catalog in an SQLite file, for one machine. Several
// processes may have the file open at once, each with several Stores.
//
// Every change is synced to disk before the call returns; changes that wait for the disk
// at the same time share a sync. The file is created with mode 0600. While it is open,
// SQLite keeps PATH-wal and PATH-shm beside it, which are part of it: copy an open catalog
// with sqlite3's .backup, not with cp. This package adds the directory PATH-instances, in
// which each open Store keeps a locked file: an instance whose lock is free is dead,
// however it ended. PATH-reserve holds spare space, so that uploads can still be removed
// on a full disk. The file must be on a local file system, because others do not honor
// SQLite's locks. It must have only one name and must not be a mount of its own, or there
// could be several logs.
//
// On Unix, file locks belong to the process, and closing any descriptor of a file
// releases them. Another program, such as a backup, would then consider itself the last
// user of the database and remove the log that this process still writes to. Everything
// acknowledged since would be lost. Therefore all Stores of a file in a process share
// one open database, whatever paths they use, and backends that respect package
// vfs/ownfile, such as the disk backend, do not serve any of its files while it is open.
// The rest of the program must not open the files that [Files] returns, nor the database
// with another SQLite driver.
package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/google/uuid"

	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/server/catalog/internal/table"
)

// Options configures Open. The zero value is usable.
type Options struct {
	Now     func() time.Time // default time.Now
	Timeout time.Duration    // of one statement, including waits for other processes; default 10 s

	// NoUpgrade makes a missing catalog [catalog.ErrNone], and an older one an error. Both are
	// left as they are: a server of the older version may be using it.
	NoUpgrade bool
}

// A Store is an open catalog.
type Store struct {
	*table.Catalog
}

var _ catalog.Shared = (*Store)(nil)

// dialect is SQLite's dialect. A column of a strict table holds only values of its type.
var dialect = table.Dialect{
	Text:   "TEXT",
	Int64:  "INTEGER",
	Bytes:  "BLOB",
	Strict: "STRICT",
	ByLeft: "INDEXED BY objects_left",
	Tables: "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = $1",
}

// Open opens the catalog in the file path for the objects in source, and creates the
// file if it does not exist; its directory must exist. A file with other content, or one
// written by a newer version, is an error and is not changed. A file of an older version
// is migrated, which may take a while. ctx limits only the opening.
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
	if _, err := os.Stat(path); opts.NoUpgrade && errors.Is(err, fs.ErrNotExist) {
		return nil, catalog.ErrNone
	}
	s, err := newStore(ctx, path, source, opts, all)
	if errors.Is(err, catalog.ErrFull) {
		// The log and its index need space, too.
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
	if err := table.Migrate(ctx, opts.Timeout, dialect, all, !opts.NoUpgrade, d.migration); err != nil {
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
	_ = d.reserve.fill() // if this fails, so does every insertion
	return &Store{table.New(d, dialect, source, id, table.Options{Now: opts.Now, Timeout: opts.Timeout})}, nil
}

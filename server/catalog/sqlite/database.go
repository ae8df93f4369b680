package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"modernc.org/sqlite"

	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/vfs/ownfile"
)

// A database is a file that this process has opened once for all its Stores. Its locks
// belong to the process: on Unix, closing any other descriptor of the file would release
// them, and another program could then remove the log that is in use.
type database struct {
	path    string // without symbolic links
	info    os.FileInfo
	writer  *pool
	reader  *pool
	group   group // of changes, on writer
	reserve *reserve

	unregister func() // ends what hold does

	users  int           // guarded by databases
	closed chan struct{} // closed when the file is closed
}

// databases are the databases that this process has open. The list is global because the
// process has one set of locks per file, whichever part of the program uses it. The
// mutex is held while a file is created or its header is read, so that no descriptor is
// closed while SQLite has the file open.
var databases struct {
	sync.Mutex
	open []*database
}

// acquire returns the database at path, and opens or creates it if this process does not
// have it open. The caller must release it.
func acquire(ctx context.Context, path string) (*database, error) {
	for {
		d, ends, err := tryAcquire(path)
		if ends == nil {
			return d, err
		}
		select {
		case <-ends:
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: the file is still being closed: %w", catalog.ErrUnavailable, ctx.Err())
		}
	}
}

// tryAcquire is like acquire, but if the database is being closed, it returns a channel
// that signals the end.
func tryAcquire(path string) (_ *database, ends <-chan struct{}, err error) {
	databases.Lock()
	defer databases.Unlock()
	real, err := resolve(path)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("there is no directory %s: create it first", filepath.Dir(path))
	}
	if err != nil {
		return nil, nil, err
	}
	info, err := os.Stat(real)
	for _, d := range databases.open {
		switch {
		case err == nil && os.SameFile(info, d.info):
			if d.users == 0 {
				return nil, d.closed, nil
			}
			if err := checkNames(d.path, info); err != nil {
				return nil, nil, err
			}
			d.users++
			return d, nil, nil
		case d.path == real:
			// Its log belongs to the file that is already open.
			return nil, nil, errMoved
		}
	}
	// Register before the file exists, so that no backend can open it first.
	unregister := hold(real)
	defer func() {
		if err != nil {
			unregister()
		}
	}()
	if errors.Is(err, fs.ErrNotExist) {
		info, err = makeFile(real)
	}
	if err == nil {
		err = checkFile(real, info)
	}
	if err != nil {
		return nil, nil, err
	}
	d := &database{path: real, info: info, reserve: reserveOf(real), unregister: unregister, users: 1, closed: make(chan struct{})}
	// SQLite allows one writer at a time. Several connections would wait for each other by
	// polling, whereas the pool's queue is fair.
	if d.writer, err = d.pool(false, 1); err != nil {
		return nil, nil, err
	}
	if d.reader, err = d.pool(true, readers); err != nil {
		return nil, nil, errors.Join(err, d.writer.Close())
	}
	databases.open = append(databases.open, d)
	return d, nil, nil
}

// release releases the database. The last release closes the file.
func (d *database) release() error {
	databases.Lock()
	d.users--
	last := d.users == 0
	databases.Unlock()
	if !last {
		return nil
	}
	// Close the readers first, so that the writer, as the last connection, can write the
	// log back into the file.
	err := errors.Join(d.reader.Close(), d.writer.Close())
	databases.Lock()
	defer databases.Unlock()
	databases.open = slices.DeleteFunc(databases.open, func(other *database) bool { return other == d })
	d.unregister()
	close(d.closed)
	return err
}

// hold prevents backends from opening files that belong to the catalog in the file path,
// until release is called.
func hold(path string) (release func()) {
	var files []ownfile.File
	for _, file := range Files(path) {
		files = append(files, ownfile.File{Path: file})
	}
	return ownfile.Hold(files...)
}

// errMoved: SQLite would continue to write to a file that was removed or replaced, and
// all changes would be lost at the next start.
var errMoved = fmt.Errorf("%w: the file was moved, removed or replaced while it is open", catalog.ErrUnavailable)

// inPlace returns nil if the path still leads to the file that was opened.
func (d *database) inPlace() error {
	info, err := os.Stat(d.path)
	if err != nil || !os.SameFile(info, d.info) {
		return errMoved
	}
	return nil
}

// pool opens connections to the file.
func (d *database) pool(readOnly bool, size int) (*pool, error) {
	c, err := sqlite.NewConnector(dsn(d.path, readOnly))
	if err != nil {
		return nil, err
	}
	return newPool(&connector{c, d}, size), nil
}

// A connector connects only to the file that was opened first, and not to a replacement
// at the same path: otherwise some connections would write to one file while others read
// from the other.
type connector struct {
	driver.Connector
	database *database
}

// Connect implements driver.Connector.
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	if err := c.database.inPlace(); err != nil {
		return nil, err
	}
	return c.Connector.Connect(ctx)
}

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

// A database is a file that this process has open, once for all Stores of it. Its locks
// are the process's: on Unix, closing any other descriptor of the file would end them,
// and another program would then remove the log that is written to.
type database struct {
	path    string // without links
	info    os.FileInfo
	writer  *pool
	reader  *pool
	reserve *reserve

	disown func() // ends that the files are the process's own

	users  int           // guarded by databases
	closed chan struct{} // closed when the file is
}

// databases are those that this process has open. There is one list because a process
// has one set of locks on a file, whatever part of the program asks for it. The lock is
// held while a file is made or its header is read, so that no descriptor is closed when
// SQLite has the file open.
var databases struct {
	sync.Mutex
	open []*database
}

// acquire returns the database at path, which it opens or makes if this process does not
// have it open. Whoever gets it releases it.
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

// tryAcquire is acquire, but for a database that is being closed, of which it returns
// what shows the end.
func tryAcquire(path string) (_ *database, ends <-chan struct{}, err error) {
	databases.Lock()
	defer databases.Unlock()
	real, err := resolve(path)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("there is no directory %s: make it first", filepath.Dir(path))
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
			// The log beside it is that of the one which is open.
			return nil, nil, errMoved
		}
	}
	// Before the file is there, so that no backend opens it in between.
	disown := hold(real)
	defer func() {
		if err != nil {
			disown()
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
	d := &database{path: real, info: info, reserve: reserveOf(real), disown: disown, users: 1, closed: make(chan struct{})}
	// SQLite has one writer at a time: more connections would wait for each other
	// by polling, where a queue is fair.
	if d.writer, err = d.pool(false, 1); err != nil {
		return nil, nil, err
	}
	if d.reader, err = d.pool(true, readers); err != nil {
		return nil, nil, errors.Join(err, d.writer.Close())
	}
	databases.open = append(databases.open, d)
	return d, nil, nil
}

// release gives the database back. The last one closes the file.
func (d *database) release() error {
	databases.Lock()
	d.users--
	last := d.users == 0
	databases.Unlock()
	if !last {
		return nil
	}
	// The readers go first, so that the writer, as the last connection, can take the log
	// into the file.
	err := errors.Join(d.reader.Close(), d.writer.Close())
	databases.Lock()
	defer databases.Unlock()
	databases.open = slices.DeleteFunc(databases.open, func(other *database) bool { return other == d })
	d.disown()
	close(d.closed)
	return err
}

// hold keeps backends from opening what belongs to the catalog in the file path, until
// release is called.
func hold(path string) (release func()) {
	var files []ownfile.File
	for _, file := range Files(path) {
		files = append(files, ownfile.File{Path: file})
	}
	return ownfile.Hold(files...)
}

// errMoved: SQLite would go on writing to a file that was removed or replaced, and all
// would be gone at the next start.
var errMoved = fmt.Errorf("%w: the file was moved, removed or replaced while it is open", catalog.ErrUnavailable)

// inPlace returns nil if the path still leads to the file that was opened.
func (d *database) inPlace() error {
	info, err := os.Stat(d.path)
	if err != nil || !os.SameFile(info, d.info) {
		return errMoved
	}
	return nil
}

// pool returns connections to the file.
func (d *database) pool(readOnly bool, size int) (*pool, error) {
	c, err := sqlite.NewConnector(dsn(d.path, readOnly))
	if err != nil {
		return nil, err
	}
	return newPool(&connector{c, d}, size), nil
}

// A connector connects to the file that was opened first, and to no other that has taken
// its place since: half of the connections would write to the one, and half read from
// the other.
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

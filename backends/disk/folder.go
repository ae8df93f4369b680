package disk

import (
	"errors"
	"io/fs"
	"time"
)

// A folder is an open directory in which names are changed, with one system call per
// method. An elem is a single element; a link with that name is never followed.
type folder interface {
	lstat(elem string) (stat, error)
	names() ([]string, error)
	open(elem string) (folder, error) // opens a directory; "." opens this one again
	// leads describes the directory that a name of several elements leads to, without
	// following links: in one system call if the system has one for it.
	leads(name string) (stat, error)

	mkdir(elem string, perm fs.FileMode) error
	// create creates a file and holds it, so that reclaim does not remove it. It fails
	// with errRaced if reclaim was faster.
	create(elem string) (scratch, error)
	setTime(elem string, modTime time.Time) error

	// rename replaces whatever it can; renameNew replaces nothing; exchange swaps with
	// what is there. The last two fail with errPlain if the file system can only
	// rename.
	rename(old string, to folder, elem string) error
	renameNew(old string, to folder, elem string) error
	exchange(old string, to folder, elem string) error
	link(old string, to folder, elem string) error
	unlink(elem string) error
	rmdir(elem string) error
	// reclaim removes a file, or fails with errLocked if its writer is alive.
	reclaim(elem string) error

	sync() error // of the entries
	// lock prevents other processes from getting the same lock until unlock or close.
	// It does not wait: it fails with errLocked if another process holds the lock, and
	// with errLockless if the file system has no locks.
	lock() error
	unlock()
	close() error
}

// A scratch is a file being written.
type scratch interface {
	Write(p []byte) (int, error)
	Sync() error
	Close() error
}

var (
	errPlain    = errors.New("the file system can only rename")
	errLocked   = errors.New("another process holds the lock")
	errLockless = errors.New("the file system has no locks")
)

package disk

import (
	"errors"
	"io/fs"
	"time"
)

// A folder is an open directory in which names are changed, by one system call
// a method. An elem is one element, and a link of that name is never followed.
type folder interface {
	lstat(elem string) (stat, error)
	names() ([]string, error)
	open(elem string) (folder, error) // of a directory; "." is this one again
	// leads says which directory a name of several elements leads to, through no link:
	// in one system call where there is one for it.
	leads(name string) (stat, error)

	mkdir(elem string, perm fs.FileMode) error
	// create makes a file and holds it, so that reclaim leaves it alone. It
	// fails with errRaced if reclaim was faster.
	create(elem string) (scratch, error)
	setTime(elem string, modTime time.Time) error

	// rename replaces what it can; renameNew replaces nothing, and exchange
	// changes places with what is there. Those two fail with errPlain where the
	// file system can only rename.
	rename(old string, to folder, elem string) error
	renameNew(old string, to folder, elem string) error
	exchange(old string, to folder, elem string) error
	link(old string, to folder, elem string) error
	unlink(elem string) error
	rmdir(elem string) error
	// reclaim removes a file, or fails with errLocked if its writer lives.
	reclaim(elem string) error

	sync() error // of the entries
	// lock keeps other processes from getting the same lock until unlock or
	// close. It does not wait: errLocked says that another one has it, and
	// errLockless that the file system has no locks.
	lock() error
	unlock()
	close() error
}

// A scratch is a file that is being written.
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

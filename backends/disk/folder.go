package disk

import (
	"errors"
	"io/fs"
	"time"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A folder is an open directory in which names are changed, by one system call
// a method. An elem is one element, and a link of that name is never followed.
type folder interface {
	lstat(elem string) (stat, error)
	names() ([]string, error)
	open(elem string) (folder, error) // of a directory; "." is this one again

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
	// reclaim removes a file unless its writer lives.
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

// A place is where a name lies, as far as its directories are there.
type place struct {
	dir     folder   // of the name, or the deepest above it that is there; to be closed
	missing []string // the directories that are missing below dir, from the top down
	elem    string
	current *stat // of what is there; nil if nothing is
}

// locate finds the place of n below top. It refuses what Open refuses but for
// what is missing: links anywhere on the way, directories, special files. A file
// in the place of a directory is vfs.ReasonMissing, as it is for Open.
func (b *Backend) locate(op string, top folder, n vfs.Name) (p *place, err error) {
	for range maxRaces {
		if p, err = b.tryLocate(op, top, n); err != errRaced {
			break
		}
	}
	return p, err
}

func (b *Backend) tryLocate(op string, top folder, n vfs.Name) (*place, error) {
	p := &place{elem: n.Base()}
	var err error
	if p.dir, p.missing, err = walkDown(op, top, n, n.Dir()); err != nil {
		return nil, err
	}
	if p.missing != nil {
		return p, nil
	}
	st, err := p.dir.lstat(p.elem)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return p, nil
	case err == nil:
		if reason := b.reason(&st); reason != "" {
			err = refuse(op, n, reason)
		}
	}
	if err != nil {
		p.dir.close()
		return nil, err
	}
	p.current = &st
	return p, nil
}

// walkDown opens the directory to of the name n, or the deepest above it that is
// there; missing are the elements that are not. Each step opens one element in
// the directory that the last one opened, and that is no link, so there is no
// moment at which another process could lead it outside.
func walkDown(op string, top folder, n, to vfs.Name) (dir folder, missing []string, err error) {
	if dir, err = top.open("."); err != nil {
		return nil, nil, err
	}
	for elem := range to.Elements() {
		if missing != nil {
			missing = append(missing, elem)
			continue
		}
		next, err := dir.open(elem)
		if errors.Is(err, fs.ErrNotExist) {
			missing = append(missing, elem)
			continue
		}
		if err != nil {
			err = noDirectory(op, n, dir, elem, err)
			dir.close()
			return nil, nil, err
		}
		dir.close()
		dir = next
	}
	return dir, missing, nil
}

// noDirectory says what it means that elem could not be opened as a directory.
func noDirectory(op string, n vfs.Name, dir folder, elem string, err error) error {
	st, looked := dir.lstat(elem)
	switch {
	case looked != nil, st.mode.IsDir():
		return sinceSeen(err)
	case vfs.ModeReason(st.mode) == vfs.ReasonSymlink:
		return refuse(op, n, vfs.ReasonSymlink)
	}
	return refuse(op, n, vfs.ReasonMissing)
}

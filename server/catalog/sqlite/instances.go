package sqlite

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// instances is a directory beside the database that shows which Stores are open: each
// has a file there, named by its ID, and holds a lock on it. The system releases the
// lock when the process ends, even if it is killed. An instance whose lock is free, or
// whose file is missing, is dead.
type instances struct {
	dir string
	own *os.File // locked
}

// join registers the instance id of the catalog at path.
func join(path, id string) (*instances, error) {
	in := &instances{dir: path + suffixInstances}
	if err := os.Mkdir(in.dir, newStoreMode); err == nil {
		if err := chownLike(in.dir, path); err != nil {
			return nil, err
		}
	} else if !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	if err := in.sweep(); err != nil {
		return nil, err
	}
	name := filepath.Join(in.dir, id)
	for {
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, newFileMode)
		if err != nil {
			return nil, err
		}
		// Before the lock is taken, another instance may consider this one dead, take the
		// lock briefly and remove the file. A lock on a removed file is useless.
		locked, err := tryLock(f, true)
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		if locked && isFile(f, name) {
			if err := chownLike(name, path); err != nil {
				return nil, errors.Join(err, f.Close())
			}
			in.own = f
			return in, nil
		}
		if err := f.Close(); err != nil {
			return nil, err
		}
	}
}

// isDead tries the lock of an instance. The instance must have written rows, so that it
// is not still about to take its lock. If the state cannot be determined, the instance
// counts as alive; its rows become stale by age.
func (in *instances) isDead(id string) bool {
	f, err := os.Open(filepath.Join(in.dir, id))
	if err != nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	defer f.Close()
	locked, err := tryLock(f, false)
	return err == nil && locked
}

// sweep removes the files of dead instances.
func (in *instances) sweep() error {
	entries, err := os.ReadDir(in.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		removeDead(filepath.Join(in.dir, e.Name()))
	}
	return nil
}

// removeDead removes the file of a dead instance, which stays dead without it. If we may not
// remove it, it is left. The lock is held meanwhile, alone: an instance that joins, whose file is
// not locked yet, would otherwise take the lock of a file that is just being removed. Its second
// file, with the same name, is not the one that is locked here.
func removeDead(name string) {
	f, err := os.OpenFile(name, os.O_RDWR, 0) // some network file systems need that for the lock
	if err != nil {
		return
	}
	defer f.Close()
	if locked, err := tryLock(f, true); err == nil && locked && isFile(f, name) {
		removeLocked(f)
	}
}

// leave marks the instance as closed.
func (in *instances) leave() error {
	name := in.own.Name()
	err := in.own.Close()
	// On Windows, a file cannot be removed while another process tries its lock; the next
	// sweep removes it.
	_ = os.Remove(name)
	return err
}

func isFile(f *os.File, name string) bool {
	a, err := f.Stat()
	if err != nil {
		return false
	}
	b, err := os.Lstat(name)
	return err == nil && os.SameFile(a, b)
}

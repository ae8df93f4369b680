package sqlite

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// instances is the directory beside the file that shows which stores are open:
// each has a file of its own there, named by its ID, on which it holds a lock. The
// system takes the lock away with the process, also when that is killed; so who
// can have the lock of an instance knows that it is dead. So is one without a file.
type instances struct {
	dir string
	own *os.File // locked
}

// join adds the instance id to those that have the catalog at path open.
func join(path, id string) (*instances, error) {
	in := &instances{dir: path + suffixInstances}
	if err := os.Mkdir(in.dir, newStoreMode); err == nil {
		if err := giveAway(in.dir, path); err != nil {
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
		// Before it is locked, another instance may take this one for dead, have the
		// lock for a moment, and remove the file: a lock on that shows nothing.
		locked, err := tryLock(f, true)
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		if locked && isFile(f, name) {
			if err := giveAway(name, path); err != nil {
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

// isDead asks for the lock of an instance that has begun, so that it is not one
// that is about to take it. What cannot be judged counts as alive: its rows are
// left when they are old.
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
		if in.isDead(e.Name()) {
			// Without its file it is as dead as before; who may not remove it leaves it.
			_ = os.Remove(filepath.Join(in.dir, e.Name()))
		}
	}
	return nil
}

// leave shows that the instance is closed.
func (in *instances) leave() error {
	name := in.own.Name()
	err := in.own.Close()
	// On Windows a file cannot be removed while somebody asks for its lock; the
	// next sweep removes it.
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

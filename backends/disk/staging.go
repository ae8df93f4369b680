package disk

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/bailiwick-fs/bailiwick/backends/internal/put"
	"github.com/bailiwick-fs/bailiwick/vfs/ownfile"
)

// staging returns the name of the directory at the top that holds incomplete objects.
// It exists from the first Put to Close, since creating and removing it for each Put
// would take as long as storing a small object. Only its owner may access it, so each
// user has one: otherwise other users could not write to the tree meanwhile.
func staging() string { return put.Reserved + "staging-" + strconv.Itoa(os.Geteuid()) }

// builtPrefix is the prefix of directories in staging that are built for a file. The
// name shows that they may be abandoned.
const builtPrefix = "built-"

// abandonedAge is the age at which something in staging counts as abandoned if locks
// cannot tell.
const abandonedAge = 24 * time.Hour

// enterStaging creates a new file in staging, and staging itself if it does not exist.
// Closing a Backend, in this or another process, removes an empty staging, which may
// happen in between.
func enterStaging(top folder) (stage folder, f scratch, temp string, err error) {
	temp = rand.Text()
	for range maxRaces {
		if stage, err = top.open(staging()); err == nil {
			if f, err = stage.create(temp); err == nil {
				return stage, f, temp, nil
			}
			stage.close()
		}
		if err != errRaced && !errors.Is(err, fs.ErrNotExist) {
			return nil, nil, "", err
		}
		if err := top.mkdir(staging(), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, nil, "", err
		}
	}
	return nil, nil, "", errRaced
}

// leaveStaging removes staging if it is empty and b is closed, for a Put that Close did
// not wait for.
func (b *Backend) leaveStaging(top folder) {
	b.life.RLock()
	defer b.life.RUnlock()
	if b.closed {
		top.rmdir(staging())
	}
}

// ErrNotWritable is returned by New if the directory cannot be written to.
var ErrNotWritable = errors.New("cannot be written to")

// prepare checks that the tree can be written to, and removes what interrupted writers
// left. It returns notes.
func (b *Backend) prepare() (notes []string, err error) {
	top, err := b.tree.top()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotWritable, err)
	}
	defer top.close()
	release, err := b.takeWriteLock(context.Background(), top)
	if err != nil {
		return nil, err
	}
	defer release()
	// It must be possible to remove objects from a full disk.
	err = top.mkdir(staging(), 0o700)
	if err != nil && !errors.Is(err, fs.ErrExist) && !put.IsFull(err) {
		return nil, fmt.Errorf("%w: %w", ErrNotWritable, err)
	}
	defer top.rmdir(staging())
	locks := top.lock() != errLockless
	if !locks {
		notes = append(notes, "the file system has no locks: no other process may write to this directory")
	}
	foreign, err := sweep(top, locks)
	if foreign {
		notes = append(notes, "the directory for incomplete objects, "+strconv.QuoteToASCII(staging())+", contains something that was not created by Bailiwick")
	}
	return notes, err
}

// sweep removes abandoned entries in staging, and reports whether it found any that it
// must not remove. The caller holds the write lock.
func sweep(top folder, locks bool) (foreign bool, err error) {
	stage, err := top.open(staging())
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer stage.close()
	elems, err := stage.names()
	if err != nil {
		return false, err
	}
	for _, elem := range elems {
		st, err := stage.lstat(elem)
		switch {
		case err != nil:
		case !locks && time.Since(st.mtime) < abandonedAge:
		case strings.HasPrefix(elem, builtPrefix) && !ownfile.Is(st.id):
			err = removeBuilt(stage, elem)
		default:
			err = sweepOne(stage, elem, &st)
		}
		switch {
		case errors.Is(err, fs.ErrExist):
			foreign = true
		case err != nil && err != errLocked && !errors.Is(err, fs.ErrNotExist):
			return foreign, err
		}
	}
	return foreign, nil
}

// sweepOne removes what an abandoned Put left. It fails with fs.ErrExist for something
// that no Put leaves, and with errLocked for something that is not abandoned.
func sweepOne(dir folder, elem string, st *stat) error {
	switch {
	case ownfile.Is(st.id):
		return fs.ErrExist
	case st.mode.IsDir():
		return dir.rmdir(elem)
	case !st.mode.IsRegular():
		return dir.unlink(elem) // checking its lock would require opening it
	}
	return dir.reclaim(elem)
}

// removeBuilt removes a directory that was built in staging. It contains one entry at
// each level; if there are more, it is not ours to remove, and removeBuilt fails with
// fs.ErrExist.
func removeBuilt(stage folder, elem string) error {
	dir, err := stage.open(elem)
	if err != nil {
		return err
	}
	defer dir.close()
	elems, err := dir.names()
	if err != nil {
		return err
	}
	if len(elems) > 1 {
		return fs.ErrExist
	}
	for _, below := range elems {
		st, err := dir.lstat(below)
		switch {
		case err != nil:
		case st.mode.IsDir() && !ownfile.Is(st.id):
			err = removeBuilt(dir, below)
		default:
			err = sweepOne(dir, below, &st)
		}
		if err != nil {
			return err
		}
	}
	return stage.rmdir(elem)
}

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

// staging names the directory at the top that holds what is not visible yet. It is
// there from the first Put to Close, since to make and remove it for each takes as
// long as a small object. Only whoever runs the server may look inside, so each user
// has one: others could not write to the tree meanwhile.
func staging() string { return put.Reserved + "staging-" + strconv.Itoa(os.Geteuid()) }

// builtPrefix begins the names of directories in staging that are built for a file.
// Whether they are abandoned is to be seen by that.
const builtPrefix = "built-"

// abandonedAge is how old what lies in staging must be to count as abandoned
// where locks do not tell.
const abandonedAge = 24 * time.Hour

// enterStaging makes a new file in staging, and staging itself where it is not
// there. A Backend that is closed, here or in another process, removes staging if
// it is empty, which may come in between.
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

// leaveStaging removes staging if it is empty and b is closed: for a Put that Close did
// not wait for.
func (b *Backend) leaveStaging(top folder) {
	b.life.RLock()
	defer b.life.RUnlock()
	if b.closed {
		top.rmdir(staging())
	}
}

// ErrNotWritable is what New fails with if the directory cannot be written to.
var ErrNotWritable = errors.New("cannot be written to")

// prepare finds out whether the tree can be written to at all, and removes what
// writers left that did not live to do it. It returns notes.
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
	// A full disk is one from which things can still be removed.
	err = top.mkdir(staging(), 0o700)
	if err != nil && !errors.Is(err, fs.ErrExist) && !isFull(err) {
		return nil, fmt.Errorf("%w: %w", ErrNotWritable, err)
	}
	defer top.rmdir(staging())
	locks := top.lock() != errLockless
	if !locks {
		notes = append(notes, "the file system has no locks: no other process may write to this directory")
	}
	foreign, err := sweep(top, locks)
	if foreign {
		notes = append(notes, "the directory of what is being written, "+strconv.QuoteToASCII(staging())+", holds something that Bailiwick did not put there")
	}
	return notes, err
}

// sweep removes what is abandoned in staging, and reports whether it found what
// it must not remove. The caller holds the write lock.
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

// sweepOne removes what an abandoned Put left. It fails with fs.ErrExist for what none
// can have left, and with errLocked for what is not abandoned.
func sweepOne(dir folder, elem string, st *stat) error {
	switch {
	case ownfile.Is(st.id):
		return fs.ErrExist
	case st.mode.IsDir():
		return dir.rmdir(elem)
	case !st.mode.IsRegular():
		return dir.unlink(elem) // to ask for its lock, it would have to be opened
	}
	return dir.reclaim(elem)
}

// removeBuilt removes a directory that was built in staging. It holds one entry
// at each level; with more, it is not ours to remove, and fs.ErrExist.
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

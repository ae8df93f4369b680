package disk

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"time"

	"github.com/bailiwick-fs/bailiwick/backends/internal/put"
)

// install moves the file to p. It fails with errRaced if p is outdated.
func (w *writing) install(p *location) error {
	if err := w.check(p); err != nil {
		return err
	}
	if err := w.stamp(p.current); err != nil {
		return err
	}
	switch {
	case p.missing != nil:
		return w.installBelow(p)
	case p.current != nil:
		return w.replace(p)
	}
	return w.installNew(p)
}

// stamp gives the file a modification time such that no previous version of the object
// has the same ETag, even if the file system reuses an inode number or the clock is set
// back. The time is later than that of the current version and than that of any removed
// version. That covers all earlier versions, since each was later than the one it
// replaced. Making it later than the last version of any object would also do, but on a
// file system that stores seconds, times would run ahead of the clock.
//
// A time given by the caller is kept, unless the current version would have the same
// ETag.
func (w *writing) stamp(current *stat) error {
	if !w.time.IsZero() && (current == nil || w.st.etag(w.n) != current.etag(w.n)) {
		return nil
	}
	floor := w.b.floor
	if current != nil && current.mtime.After(floor) {
		floor = current.mtime
	}
	if w.st.mtime.After(floor) {
		return nil
	}
	put.Stamp(floor, func(t time.Time) (time.Time, error) {
		if err := w.in.setTime(w.temp, t); err != nil {
			return time.Time{}, err
		}
		st, err := w.in.lstat(w.temp)
		return st.mtime, err
	})
	return w.sync()
}

func (w *writing) installNew(p *location) error {
	err := w.stage.renameNew(w.temp, p.dir, p.elem)
	// For a moment, the file then has two names; see beingInstalled.
	if err == errPlain {
		if err = w.stage.link(w.temp, p.dir, p.elem); err == nil {
			if err = w.stage.unlink(w.temp); err != nil {
				p.dir.unlink(p.elem)
				return err
			}
		}
	}
	if err == errPlain {
		err = w.stage.rename(w.temp, p.dir, p.elem)
	}
	if errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) {
		return errRaced
	}
	if err == nil {
		w.temp = ""
	}
	return err
}

// staged says which version is in the staging directory after an exchange.
type staged int

const (
	foreign    staged = iota // a file of another program
	oldVersion               // the version that was located
	newVersion               // the version that this Put writes
)

// replace exchanges the file with the previous version. Another program may replace that
// version between the check and the exchange. Its file is then in staging, and a second
// exchange restores it:
//
//	in staging after the 1st   after the 2nd   result
//	oldVersion                 -               success
//	foreign                    newVersion      errRaced: the object is located again
//	foreign                    foreign         errRaced: another program replaced the file
//	                                           once more; its earlier file is left in
//	                                           staging, since this Put must not install it
func (w *writing) replace(p *location) error {
	err := w.stage.exchange(w.temp, p.dir, p.elem)
	if err == errPlain {
		if err = w.stage.rename(w.temp, p.dir, p.elem); err == nil {
			w.temp = ""
			return nil
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return errRaced
	}
	if err != nil {
		return err
	}
	first, err := w.staged(p)
	if first == oldVersion {
		w.old = true
		return nil
	}
	second := foreign
	back := w.stage.exchange(w.temp, p.dir, p.elem)
	if back == nil {
		second, back = w.staged(p)
	}
	switch {
	case second != newVersion:
		w.temp = ""
		return errors.Join(err, back, errRaced)
	case err != nil:
		return err
	}
	return errRaced
}

// staged inspects the file in staging; if that fails, it returns foreign.
func (w *writing) staged(p *location) (staged, error) {
	st, err := w.stage.lstat(w.temp)
	switch {
	case err != nil:
		return foreign, err
	case w.same(&st, p.current):
		return oldVersion, nil
	case w.same(&st, &w.st):
		return newVersion, nil
	}
	return foreign, nil
}

// same reports whether a and b are the same version of the same file.
func (w *writing) same(a, b *stat) bool { return a.mode == b.mode && a.etag(w.n) == b.etag(w.n) }

// installBelow installs the directories that were built, with the file in them, in one
// step, so that nobody sees them empty, even after a crash. It syncs the entry under
// the write lock, since a writer that adds another object there has no reason to sync
// it again.
func (w *writing) installBelow(p *location) error {
	built, to := w.built[0], p.missing[0]
	err := w.stage.renameNew(built, p.dir, to)
	if err == errPlain {
		// For directories, rename replaces only an empty one.
		err = w.stage.rename(built, p.dir, to)
	}
	if errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) {
		return errRaced
	}
	if err != nil {
		return err
	}
	if err := p.dir.sync(); err != nil {
		return errors.Join(err, p.dir.rename(to, w.stage, built))
	}
	w.in.close()
	w.in, w.temp, w.built = w.stage, "", nil
	return nil
}

// build creates the missing directories, the topmost under a unique name in staging,
// and moves the file into the last of them. It syncs all of them. Until the file is
// there, the start of another process may treat them as abandoned.
func (w *writing) build(p *location) error {
	elems := append([]string{builtPrefix + rand.Text()}, p.missing[1:]...)
	dir, err := w.stage.open(".")
	if err != nil {
		return err
	}
	for i, elem := range elems {
		if err = dir.mkdir(elem, 0o777); err != nil {
			break
		}
		w.built = elems[:i+1]
		// Staging itself need not be durable.
		if i > 0 {
			if err = dir.sync(); err != nil {
				break
			}
		}
		var next folder
		if next, err = dir.open(elem); err != nil {
			break
		}
		dir.close()
		dir = next
	}
	if err == nil {
		err = w.stage.rename(w.temp, dir, p.elem)
	}
	if err != nil {
		dir.close()
		if errors.Is(err, fs.ErrNotExist) {
			err = errRaced
		}
		return err
	}
	w.in, w.temp = dir, p.elem
	return dir.sync()
}

// fetchBack moves the file out of the directories that were built for it, which can no
// longer be installed, and removes them.
func (w *writing) fetchBack() error {
	if w.in != w.stage {
		temp := rand.Text()
		if err := w.in.rename(w.temp, w.stage, temp); err != nil {
			return err
		}
		w.temp = temp
	}
	w.unbuild()
	return nil
}

// unbuild removes the directories that were built.
func (w *writing) unbuild() {
	if w.in != w.stage {
		w.in.close()
		w.in = w.stage
	}
	if w.built == nil {
		return
	}
	if changed := removeUp(w.stage, w.built); changed != nil {
		changed.close()
	}
	w.built = nil
}

// takeBack restores the previous state, unless it has changed again: the object became
// visible, but could not be made durable. If the file system cannot exchange two names,
// the previous version is lost, and the new one stays.
func (w *writing) takeBack(p *location) {
	if p.current != nil && !w.old {
		return
	}
	release, err := w.b.takeWriteLock(context.Background(), w.top)
	if err != nil {
		return
	}
	defer release()
	is, err := p.dir.lstat(p.elem)
	if err != nil || !w.same(&is, &w.st) {
		return
	}
	if w.old {
		err = w.stage.exchange(w.temp, p.dir, p.elem)
	} else {
		err = p.dir.unlink(p.elem)
	}
	if err == nil {
		w.b.outdate(w.st.mtime)
	}
}

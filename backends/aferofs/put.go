package aferofs

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/afero"

	"github.com/bailiwick-fs/bailiwick/backends/internal/put"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
	"github.com/bailiwick-fs/bailiwick/vfs/ownfile"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// Put writes body to a temporary file in n's directory and renames it, so that readers
// see it only when it is complete. A process that dies while writing leaves that file,
// which no Name reaches and no listing shows. If a parent is a file, the reason is
// reason.Missing, as for Open.
//
// Canceling ctx ends Put between two reads of body; the caller has to end a Read that
// blocks.
func (b *Backend) Put(ctx context.Context, n vfs.Name, body io.Reader, opts vfs.PutOptions) (vfs.Info, error) {
	if !b.caps.Writable {
		return driver.Unsupported{}.Put(ctx, n, body, opts)
	}
	w := &writing{b: b, n: n, cond: opts.Cond}
	info, err := w.run(ctx, put.Body(ctx, body, opts))
	if err != nil {
		w.abort()
		return vfs.Info{}, w.fail(err)
	}
	return info, nil
}

// writing is a Put in progress.
type writing struct {
	b    *Backend
	n    vfs.Name
	cond vfs.Cond
	temp string
	f    afero.File
	made []string // directories, from the top down
}

// fail converts an error. One that is a *vfs.Error already can be about the body.
func (w *writing) fail(err error) error {
	if _, ok := errors.AsType[*vfs.Error](err); !ok && put.IsFull(err) {
		err = errors.Join(vfs.ErrFull, err)
	}
	return driver.FSError("put", w.n, err)
}

func (w *writing) run(ctx context.Context, body *put.Reader) (vfs.Info, error) {
	if err := ctx.Err(); err != nil {
		return vfs.Info{}, err
	}
	if err := w.begin(); err != nil {
		return vfs.Info{}, err
	}
	if _, err := io.Copy(w.f, body); err != nil {
		if body.Err() == nil && put.IsFull(err) {
			return vfs.Info{}, err
		}
		// A body's error, even if it is "file does not exist", is not a refusal.
		return vfs.Info{}, &vfs.Error{Op: "put", Name: w.n.String(), Err: err}
	}
	err := w.f.Sync()
	if closed := w.f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return vfs.Info{}, err
	}
	return w.commit()
}

// begin creates the directories and the temporary file, which keeps Remove from
// removing the directory.
func (w *writing) begin() error {
	w.b.mu.Lock()
	defer w.b.mu.Unlock()
	if _, err := w.check(); err != nil {
		return err
	}
	if err := w.makeDirs(); err != nil {
		return err
	}
	dir := strings.TrimSuffix(w.n.String(), w.n.Base())
	temp := w.b.path(dir + put.Reserved + rand.Text())
	f, err := w.b.fsys.OpenFile(temp, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	w.f, w.temp = f, temp
	return nil
}

// check returns the existing version, or nil if there is none, and evaluates the
// condition.
func (w *writing) check() (*vfs.Info, error) {
	current := new(vfs.Info)
	var err error
	*current, err = w.b.find("put", w.n, false)
	if vfs.ReasonOf(err) == reason.Missing {
		// A name below a file is missing, whatever the condition.
		current = nil
		var missing []vfs.Name
		if missing, err = w.missingDirs(); err == nil {
			err = w.checkNew(missing)
		}
	}
	if err != nil {
		return nil, err
	}
	return current, put.Check("put", w.n, w.cond, current)
}

// checkNew refuses to create one of the process's own files, or anything in a directory
// of them. The missing directories are created first; the last one is topmost.
func (w *writing) checkNew(missing []vfs.Name) error {
	if !ownfile.Holds() {
		return nil
	}
	first := w.n
	if len(missing) > 0 {
		first = missing[len(missing)-1]
	}
	dir, err := w.b.lookup("put", first.Dir(), false)
	if err != nil {
		return err
	}
	if id := ownfile.IDOf(dir); ownfile.Is(id) || ownfile.Reserves(id, first.Base()) {
		return driver.Refuse("put", w.n, reason.OwnFile)
	}
	return nil
}

// missingDirs returns the missing directories above n, the topmost last. It fails if a
// file has the name of one.
func (w *writing) missingDirs() (missing []vfs.Name, err error) {
	for dir := w.n.Dir(); !dir.IsRoot(); dir = dir.Dir() {
		st, err := w.b.lookup("put", dir, false)
		if err == nil && !st.IsDir() {
			err = syscall.ENOTDIR
		}
		if err == nil {
			break
		}
		if vfs.ReasonOf(err) != reason.Missing {
			return nil, err
		}
		missing = append(missing, dir)
	}
	return missing, nil
}

// makeDirs creates the missing directories above n one by one: MkdirAll of a MemMapFs
// does not detect a file in the place of a directory.
func (w *writing) makeDirs() error {
	missing, err := w.missingDirs()
	if err != nil {
		return err
	}
	for _, dir := range slices.Backward(missing) {
		path := w.b.path(dir.String())
		if err := w.b.fsys.Mkdir(path, 0o755); err != nil {
			return err
		}
		w.made = append(w.made, path)
	}
	return nil
}

// commit evaluates the condition again, since another writer may have been faster, and
// makes the object visible.
func (w *writing) commit() (vfs.Info, error) {
	w.b.mu.Lock()
	defer w.b.mu.Unlock()
	current, err := w.check()
	if err != nil {
		return vfs.Info{}, err
	}
	w.b.stamp(w.temp, current)
	if err := w.b.fsys.Rename(w.temp, w.b.path(w.n.String())); err != nil {
		return vfs.Info{}, err
	}
	w.f, w.made = nil, nil
	return w.b.find("put", w.n, false)
}

// abort removes what begin created.
func (w *writing) abort() {
	w.b.mu.Lock()
	defer w.b.mu.Unlock()
	if w.f != nil {
		w.f.Close()
		w.b.fsys.Remove(w.temp)
	}
	for _, dir := range slices.Backward(w.made) {
		if !w.b.removeEmpty(dir) {
			return
		}
	}
}

// stamp gives a file a time after those of all previous versions.
func (b *Backend) stamp(path string, current *vfs.Info) {
	floor := b.last
	if current != nil && current.ModTime.After(floor) {
		floor = current.ModTime
	}
	b.last = put.Stamp(floor, func(t time.Time) (time.Time, error) {
		if err := b.fsys.Chtimes(path, t, t); err != nil {
			return time.Time{}, err
		}
		st, err := b.fsys.Stat(path)
		if err != nil {
			return time.Time{}, err
		}
		return st.ModTime(), nil
	})
}

// Remove deletes the file n, and then the directories above it that are empty, if the
// Fs permits.
func (b *Backend) Remove(ctx context.Context, n vfs.Name, cond vfs.Cond) error {
	if !b.caps.Writable {
		return driver.Unsupported{}.Remove(ctx, n, cond)
	}
	if err := ctx.Err(); err != nil {
		return &vfs.Error{Op: "remove", Name: n.String(), Err: err}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	info, err := b.find("remove", n, false)
	if err != nil {
		return err
	}
	if err := put.Check("remove", n, cond, &info); err != nil {
		return err
	}
	if err := b.fsys.Remove(b.path(n.String())); err != nil {
		return driver.FSError("remove", n, err)
	}
	for dir := n.Dir(); !dir.IsRoot(); dir = dir.Dir() {
		if !b.removeEmpty(b.path(dir.String())) {
			break
		}
	}
	return nil
}

// removeEmpty removes a directory if it is empty. Remove of a MemMapFs removes any
// directory, and a RegexpFs returns no entries where it hides a file, so only io.EOF at
// the first read proves that a directory is empty.
func (b *Backend) removeEmpty(path string) bool {
	if st, err := b.lstat(path); err != nil || reason.ForFile(st) == reason.OwnFile {
		return false
	}
	f, err := b.fsys.Open(path)
	if err != nil {
		return false
	}
	_, err = f.Readdirnames(1)
	f.Close()
	return err == io.EOF && b.fsys.Remove(path) == nil
}

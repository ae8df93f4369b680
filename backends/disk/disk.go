// Package disk serves a directory of the local file system. [New] opens it, for
// reading or, with Options.Writable, for writing, too; a [vfs.Jail] before the
// [Backend] decides which names are served.
//
// No symbolic link is followed, not by a check before the open, which a race
// could get between, but by the open itself. On Linux that is one system call
// at any depth, openat2 with RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS; where a
// kernel or sandbox refuses it, and on other systems, [os.Root] is walked
// element by element. Both give the same verdicts.
//
// What is not protected: whoever can move or replace the root directory itself,
// or mount something below it, decides what is served. Hard links look like
// the file that they are, see Options.RefuseHardLinks. Changes of a file that
// keep its inode, size and modification time keep its ETag.
package disk

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// A Backend is a directory. It is safe for concurrent use.
//
// Changes are made in a way in which several processes can write to one
// directory: each holds the lock (flock) on it while it changes names. All of
// them have to run as one user, since what is not whole yet only its owner can
// reach. What is written to has to be one mount: a Put below another one fails
// with vfs.ErrUnsupported. Windows has no such locks, no sync of directories,
// and os.Root works by names there: one process alone may write, and if a
// directory is exchanged for a link within the root while it does, the object
// lands where that leads, never outside.
type Backend struct {
	tree  tree
	opts  Options
	notes []string

	// writeLock holds an element while a call changes names, and guards floor: the
	// time of the latest version that was removed.
	writeLock chan struct{}
	floor     time.Time

	// life is held for reading while tree is in use. Without it, Close could
	// free a descriptor whose number the next open in the process gets, and a
	// late request would look for its name there.
	life   sync.RWMutex
	closed bool
}

var _ vfs.Backend = (*Backend)(nil)

// Options are the options of New. The zero value is safe.
type Options struct {
	// Writable lets Put and Remove work. Without it, nothing in the directory is
	// ever changed.
	Writable bool
	// Portable uses os.Root also where openat2 is there.
	Portable bool
	// RefuseHardLinks refuses files that have more than one name. It is for
	// trees that others write to: a hard link can bring a file of the same
	// file system in from outside the root. Listings say of such a file that it is
	// refused.
	RefuseHardLinks bool
	// SkipSelfTest leaves out the test that New makes of the jail.
	SkipSelfTest bool
}

// A tree opens what lies below the root. Its methods refuse with
// reason.Symlink where a link is anywhere on the way.
type tree interface {
	open(op string, n vfs.Name, links bool) (handle, error)
	openDir(n vfs.Name) (dirReader, error)
	top() (folder, error) // the root, to change what is in it
	how() string
	close() error
}

// A handle is what was found under a name. It is not open, for nothing is known of it
// yet: to open a FIFO and to leave it ends the program that writes to it, and to close
// a file ends the locks that the process has on it.
type handle interface {
	stat() (stat, error)
	// open opens it to be read, and closes the handle, whatever comes of it. It fails
	// with errRaced if that name leads to something else by now.
	open() (opened, error)
	// readable returns nil if open would, too.
	readable() error
	close() error
}

// opened is an open file.
type opened interface {
	pread(p []byte, off int64) (int, error)
	file() *os.File // in the place of the file, which is not to be used again
	close() error
}

// New returns a Backend for the directory dir. Links in dir itself are
// followed: it is the operator's own word.
//
// Unless told otherwise, New first tests in a directory of its own, below the
// system's temporary one, whether the jail holds on this kernel, and fails if
// it does not: sandboxes have been seen to let links through. The tree to be
// served is never written to for that.
//
// With Options.Writable, New removes what writers left that did not live to do
// it, and fails with ErrNotWritable where nothing can be written.
func New(dir string, opts Options) (*Backend, error) {
	b, err := open(dir, opts)
	if err != nil {
		return nil, err
	}
	b.notes = append(b.notes, b.tree.how())
	if !opts.SkipSelfTest {
		note, err := selfTest(func(dir string) (*Backend, error) { return open(dir, opts) })
		if err != nil {
			b.tree.close()
			return nil, err
		}
		if note != "" {
			b.notes = append(b.notes, note)
		}
	}
	b.notes = append(b.notes, foldNotes(b.tree)...)
	if opts.Writable {
		notes, err := b.prepare()
		if err != nil {
			b.tree.close()
			return nil, err
		}
		b.notes = append(b.notes, notes...)
	}
	return b, nil
}

func open(dir string, opts Options) (*Backend, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	t, err := openTree(abs, opts.Portable)
	if err != nil {
		return nil, err
	}
	return &Backend{tree: t, opts: opts, writeLock: make(chan struct{}, 1)}, nil
}

// Notes returns what an operator should know of this directory and system, a
// line each.
func (b *Backend) Notes() []string { return b.notes }

// Close ends the Backend: every later call fails. Objects that are open stay so;
// changes that are being made are made to their end.
func (b *Backend) Close() error {
	b.life.Lock()
	defer b.life.Unlock()
	if b.closed {
		return fs.ErrClosed
	}
	b.closed = true
	if b.opts.Writable {
		// That of a Put that is still under way is not empty.
		if top, err := b.tree.top(); err == nil {
			top.rmdir(staging())
			top.close()
		}
	}
	return b.tree.close()
}

// Caps says what a directory can do.
func (b *Backend) Caps() vfs.Caps {
	return vfs.Caps{Kind: "disk", Writable: b.opts.Writable, Directories: true, Ranges: true}
}

// Open opens the regular file n. Everything about it, and every byte, comes from one
// inode, which was judged before it was opened.
func (b *Backend) Open(ctx context.Context, n vfs.Name, req vfs.Request) (*vfs.Object, error) {
	var info vfs.Info
	var span vfs.Span
	f, err := b.find(ctx, "open", n, req.Links, func(h handle, st *stat) (f opened, err error) {
		info = st.info(n)
		if span, err = req.Resolve("open", info); err != nil {
			h.close()
			return nil, err
		}
		return h.open()
	})
	if err != nil {
		return nil, err
	}
	obj, err := newObject(ctx, f, info, span)
	if err != nil {
		return nil, &vfs.Error{Op: "open", Name: n.String(), Err: err}
	}
	return obj, nil
}

// Stat describes the regular file n. It asks whether that can be read, too, so that
// it says yes only where Open would.
func (b *Backend) Stat(ctx context.Context, n vfs.Name, req vfs.Request) (vfs.Info, error) {
	var info vfs.Info
	req.Range = vfs.Range{}
	_, err := b.find(ctx, "stat", n, req.Links, func(h handle, st *stat) (opened, error) {
		defer h.close()
		info = st.info(n)
		if _, err := req.Resolve("stat", info); err != nil {
			return nil, err
		}
		return nil, h.readable()
	})
	if err != nil {
		return vfs.Info{}, err
	}
	return info, nil
}

// find finds n and judges it. If it is an object, take gets it, and closes the handle.
func (b *Backend) find(ctx context.Context, op string, n vfs.Name, links bool, take func(h handle, st *stat) (opened, error)) (opened, error) {
	if err := check(ctx, op, n); err != nil {
		return nil, err
	}
	b.life.RLock()
	defer b.life.RUnlock()
	if b.closed {
		return nil, &vfs.Error{Op: op, Name: n.String(), Err: fs.ErrClosed}
	}
	for range maxRaces {
		h, err := b.tree.open(op, n, links)
		if err != nil {
			return nil, err
		}
		st, err := h.stat()
		if err != nil {
			h.close()
			return nil, driver.FSError(op, n, err)
		}
		if why := b.reason(&st, h.stat); why != "" {
			h.close()
			return nil, refuse(op, n, why)
		}
		f, err := take(h, &st)
		if err != errRaced {
			return f, err
		}
	}
	return nil, raced(op, n)
}

// enter opens the root for a change of n. The caller closes it.
func (b *Backend) enter(ctx context.Context, op string, n vfs.Name) (folder, error) {
	if err := check(ctx, op, n); err != nil {
		return nil, err
	}
	b.life.RLock()
	defer b.life.RUnlock()
	if b.closed {
		return nil, fs.ErrClosed
	}
	return b.tree.top()
}

// check refuses what no file can be.
func check(ctx context.Context, op string, n vfs.Name) error {
	if err := ctx.Err(); err != nil {
		return &vfs.Error{Op: op, Name: n.String(), Err: err}
	}
	switch {
	case n.IsZero():
		return refuse(op, n, reason.NameEmpty)
	case n.IsRoot():
		return refuse(op, n, reason.Directory)
	case !holdable(n):
		return refuse(op, n, reason.Unholdable)
	}
	return nil
}

// outdate keeps later versions from having a time up to t. The caller
// holds the write lock.
func (b *Backend) outdate(t time.Time) {
	if t.After(b.floor) {
		b.floor = t
	}
}

// linkError is the refusal at a link: prefix is its own name, text its
// content. They are asked for only if report is set.
func linkError(op string, n vfs.Name, report bool, readlink func() (prefix, text string, err error)) error {
	e := &vfs.Error{Op: op, Name: n.String(), Reason: reason.Symlink, Err: fs.ErrNotExist}
	if !report {
		return e
	}
	prefix, text, err := readlink()
	if err != nil || filepath.IsAbs(text) || filepath.VolumeName(text) != "" {
		return e
	}
	link, err := vfs.ParseName(prefix)
	if err != nil {
		return e
	}
	e.Link = driver.LinkTarget(link, filepath.ToSlash(text), n.String()[len(prefix):])
	return e
}

// maxRaces is how often an open is tried again because the tree changed under
// it. Going on with less than the full check is no way out.
const maxRaces = 128

var errRaced = errors.New("the tree keeps changing")

func raced(op string, n vfs.Name) error {
	return &vfs.Error{Op: op, Name: n.String(), Err: errors.Join(vfs.ErrUnavailable, errRaced)}
}

// errNotDir is what a root that is no directory fails with.
func errNotDir(dir string) error {
	return &fs.PathError{Op: "open", Path: dir, Err: errors.New("is not a directory")}
}

// Package disk serves a directory of the local file system.
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
)

// A Backend is a directory. It is safe for concurrent use.
type Backend struct {
	vfs.Unsupported
	tree  tree
	opts  Options
	notes []string

	// life is held for reading while tree is in use. Without it, Close could
	// free a descriptor whose number the next open in the process gets, and a
	// late request would look for its name there.
	life   sync.RWMutex
	closed bool
}

var _ vfs.Backend = (*Backend)(nil)

// Options are the options of New. The zero value is safe.
type Options struct {
	// Portable uses os.Root also where openat2 is there.
	Portable bool
	// RefuseHardLinks refuses files that have more than one name. It is for
	// trees that others write to: a hard link can bring a file of the same
	// file system in from outside the root.
	RefuseHardLinks bool
	// SkipSelfTest leaves out the test that New makes of the jail.
	SkipSelfTest bool
}

// A tree opens what lies below the root. Its methods refuse with
// vfs.ReasonSymlink where a link is anywhere on the way.
type tree interface {
	open(op string, n vfs.Name, links bool) (handle, error)
	openDir(n vfs.Name) (dirReader, error)
	how() string
	close() error
}

// A handle is an open file system object; nothing is known of it yet.
type handle interface {
	stat() (stat, error)
	pread(p []byte, off int64) (int, error)
	file() *os.File // in the place of the handle, which is not to be used again
	close() error
}

// A stat is what the system says of an open object.
type stat struct {
	mode     fs.FileMode
	size     int64
	mtime    time.Time
	dev, ino uint64 // 0 where the system has none
	nlink    uint64
}

// New returns a Backend for the directory dir. Links in dir itself are
// followed: it is the operator's own word.
//
// Unless told otherwise, New first tests in a directory of its own, below the
// system's temporary one, whether the jail holds on this kernel, and fails if
// it does not: sandboxes have been seen to let links through. The tree to be
// served is never written to for that.
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
	return &Backend{tree: t, opts: opts}, nil
}

// Notes returns what an operator should know of this directory and system, a
// line each.
func (b *Backend) Notes() []string { return b.notes }

// Close ends the Backend: every later call fails. Objects that are open stay so.
func (b *Backend) Close() error {
	b.life.Lock()
	defer b.life.Unlock()
	if b.closed {
		return fs.ErrClosed
	}
	b.closed = true
	return b.tree.close()
}

// Caps says what a directory can do.
func (b *Backend) Caps() vfs.Caps {
	return vfs.Caps{Kind: "disk", Directories: true, Ranges: true}
}

// Open opens the regular file n. Everything about it, and every byte, comes
// from one descriptor.
func (b *Backend) Open(ctx context.Context, n vfs.Name, req vfs.Request) (*vfs.Object, error) {
	h, info, err := b.find(ctx, "open", n, req.Links)
	if err != nil {
		return nil, err
	}
	span, err := req.Resolve("open", info)
	if err != nil {
		h.close()
		return nil, err
	}
	obj, err := newObject(ctx, h, info, span)
	if err != nil {
		return nil, &vfs.Error{Op: "open", Name: n.String(), Err: err}
	}
	return obj, nil
}

// Stat describes the regular file n. It opens it, too, so that it says yes
// only where Open would.
func (b *Backend) Stat(ctx context.Context, n vfs.Name, req vfs.Request) (vfs.Info, error) {
	h, info, err := b.find(ctx, "stat", n, req.Links)
	if err != nil {
		return vfs.Info{}, err
	}
	h.close()
	req.Range = vfs.Range{}
	if _, err := req.Resolve("stat", info); err != nil {
		return vfs.Info{}, err
	}
	return info, nil
}

func (b *Backend) find(ctx context.Context, op string, n vfs.Name, links bool) (handle, vfs.Info, error) {
	if err := ctx.Err(); err != nil {
		return nil, vfs.Info{}, &vfs.Error{Op: op, Name: n.String(), Err: err}
	}
	switch {
	case n.IsZero():
		return nil, vfs.Info{}, refuse(op, n, vfs.ReasonNameEmpty)
	case n.IsRoot():
		return nil, vfs.Info{}, refuse(op, n, vfs.ReasonDirectory)
	case !holdable(n):
		return nil, vfs.Info{}, refuse(op, n, vfs.ReasonUnholdable)
	}
	b.life.RLock()
	defer b.life.RUnlock()
	if b.closed {
		return nil, vfs.Info{}, &vfs.Error{Op: op, Name: n.String(), Err: fs.ErrClosed}
	}
	h, err := b.tree.open(op, n, links)
	if err != nil {
		return nil, vfs.Info{}, err
	}
	st, err := h.stat()
	if err != nil {
		h.close()
		return nil, vfs.Info{}, vfs.FSError(op, n, err)
	}
	reason := vfs.ModeReason(st.mode)
	if reason == "" && st.nlink > 1 && b.opts.RefuseHardLinks {
		reason = vfs.ReasonHardLink
	}
	if reason != "" {
		h.close()
		return nil, vfs.Info{}, refuse(op, n, reason)
	}
	return h, vfs.Info{Name: n, Size: st.size, ModTime: st.mtime, ETag: st.etag(n)}, nil
}

func refuse(op string, n vfs.Name, r vfs.Reason) error {
	return &vfs.Error{Op: op, Name: n.String(), Reason: r, Err: fs.ErrNotExist}
}

// linkError is the refusal at a link: prefix is its own name, text its
// content. They are asked for only if report is set.
func linkError(op string, n vfs.Name, report bool, readlink func() (prefix, text string, err error)) error {
	e := &vfs.Error{Op: op, Name: n.String(), Reason: vfs.ReasonSymlink, Err: fs.ErrNotExist}
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
	e.Link = vfs.LinkTarget(link, filepath.ToSlash(text), n.String()[len(prefix):])
	return e
}

// maxRaces is how often an open is tried again because the tree changed under
// it. Going on with less than the full check is no way out.
const maxRaces = 128

var errRaced = errors.New("the tree keeps changing")

// errNotDir is what a root that is no directory fails with.
func errNotDir(dir string) error {
	return &fs.PathError{Op: "open", Path: dir, Err: errors.New("is not a directory")}
}

// Package disk serves a directory of the local file system. [New] opens it for reading
// or, with Options.Writable, also for writing. A [vfs.Jail] over the [Backend] decides
// which names are served.
//
// No symbolic link is followed. This does not depend on a check before the open, which
// would be open to a race, but is a property of the open itself. On Linux that is one
// system call at any depth, openat2 with RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS. If
// the kernel or a sandbox refuses it, and on other systems, [os.Root] is walked element
// by element. Both give the same verdicts.
//
// The package does not protect against a process that can move or replace the root
// directory itself, or mount something below it. A hard link cannot be distinguished
// from the original file, see Options.RefuseHardLinks. A change that keeps a file's
// inode, size and modification time also keeps its ETag.
package disk

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// A Backend is a backend over a directory. It is safe for concurrent use.
//
// Several processes can write to one directory: each holds the lock (flock) on it while
// it changes names. All of them must run as the same user, since only the owner can
// access incomplete files. Everything written to must be on one mount: a Put below
// another mount fails with vfs.ErrUnsupported. Windows has no such locks and cannot
// sync directories, and os.Root works by name there: only one process may write. If a
// directory is exchanged for a link within the root during a write, the object is
// stored where the link leads, but never outside the root.
type Backend struct {
	tree  tree
	opts  Options
	notes []string

	// writeLock holds an element while a call changes names. It guards floor, the time
	// of the latest removed version.
	writeLock chan struct{}
	floor     time.Time

	syncs dirSyncs

	// life is held for reading while tree is in use. Otherwise, Close could free a
	// descriptor whose number the next open in the process gets, and a late request
	// would look up its name there.
	life   sync.RWMutex
	closed bool
}

var _ vfs.Backend = (*Backend)(nil)

// Options are the options of New. The zero value is safe.
type Options struct {
	// Writable enables Put and Remove. Without it, nothing in the directory is ever
	// changed.
	Writable bool
	// Portable uses os.Root even if openat2 is available.
	Portable bool
	// RefuseHardLinks refuses files that have more than one name. It is meant for trees
	// that others write to: a hard link can bring in a file of the same file system
	// from outside the root. Listings mark such a file as refused.
	RefuseHardLinks bool
	// SkipSelfTest skips the self-test that New runs.
	SkipSelfTest bool
}

// A tree opens what is below the root. Its methods refuse with reason.Symlink if there
// is a link anywhere on the path.
type tree interface {
	open(op string, n vfs.Name, links bool) (handle, error)
	openDir(n vfs.Name) (dirReader, error)
	top() (folder, error) // the root, for changes in it
	how() string
	close() error
}

// A handle refers to what was found under a name, without having opened it, since its
// kind is not yet known: opening and closing a FIFO ends the program that writes to it,
// and closing a file releases the locks that the process has on it.
type handle interface {
	stat() (stat, error)
	// open opens it for reading and, in any case, closes the handle. It fails with
	// errRaced if the name now leads to something else.
	open() (opened, error)
	// readable returns nil if open would succeed.
	readable() error
	close() error
}

// opened is an open file.
type opened interface {
	pread(p []byte, off int64) (int, error)
	file() *os.File // takes over the descriptor; do not use the opened again
	// body returns a Body of span that takes over the descriptor and gives access to it,
	// or nil if that has no advantage over file.
	body(ctx context.Context, span vfs.Span) (descriptorBody, error)
	close() error
}

// A descriptorBody is the Body of an Object and its Descriptor.
type descriptorBody interface {
	io.ReadCloser
	syscall.Conn
}

// New returns a Backend for the directory dir. It follows links in dir itself, since
// the operator chose that path.
//
// Unless SkipSelfTest is set, New first tests whether the jail holds on this kernel, in
// a directory of its own below the system's temporary directory, and fails if it does
// not: some sandboxes have let links through. The self-test never writes to the served
// tree.
//
// With Options.Writable, New removes what interrupted writers left behind, and fails
// with ErrNotWritable if the directory cannot be written to.
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

// Notes returns what an operator should know about this directory and system, one line
// each.
func (b *Backend) Notes() []string { return b.notes }

// Close closes the Backend: every later call fails. Open objects stay open; changes in
// progress are completed.
func (b *Backend) Close() error {
	b.life.Lock()
	defer b.life.Unlock()
	if b.closed {
		return fs.ErrClosed
	}
	b.closed = true
	if b.opts.Writable {
		// This fails if a Put in progress uses it, since it is not empty then.
		if top, err := b.tree.top(); err == nil {
			top.rmdir(staging())
			top.close()
		}
	}
	return b.tree.close()
}

// Caps returns what a directory supports.
func (b *Backend) Caps() vfs.Caps {
	return vfs.Caps{Kind: "disk", Writable: b.opts.Writable, Directories: true, Ranges: true, Moves: b.opts.Writable}
}

// Open opens the regular file n. All metadata and every byte come from one inode, which
// was checked before it was opened.
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
	obj, err := newObject(ctx, f, info, span, req.Descriptor)
	if err != nil {
		return nil, &vfs.Error{Op: "open", Name: n.String(), Err: err}
	}
	return obj, nil
}

// Stat describes the regular file n. It also checks that the file can be read, so that
// it succeeds only if Open would.
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

// find finds and checks n. If n is an object, find calls take, which closes the handle.
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
			return nil, driver.Refuse(op, n, why)
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

// check refuses a name that cannot be a file.
func check(ctx context.Context, op string, n vfs.Name) error {
	if err := ctx.Err(); err != nil {
		return &vfs.Error{Op: op, Name: n.String(), Err: err}
	}
	switch {
	case n.IsZero():
		return driver.Refuse(op, n, reason.NameEmpty)
	case n.IsRoot():
		return driver.Refuse(op, n, reason.Directory)
	case !driver.HostHolds(n):
		return driver.Refuse(op, n, reason.Unholdable)
	}
	return nil
}

// outdate ensures that later versions get a time after t. The caller holds the write
// lock.
func (b *Backend) outdate(t time.Time) {
	if t.After(b.floor) {
		b.floor = t
	}
}

// linkError returns the refusal of a link: prefix is the link's own name, text its
// content. It calls readlink only if report is set.
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

// maxRaces is how often an open is retried because the tree changed during it. After
// that, the open fails: proceeding without the full check would not be safe.
const maxRaces = 128

var errRaced = errors.New("the directory tree keeps changing")

func raced(op string, n vfs.Name) error {
	return &vfs.Error{Op: op, Name: n.String(), Err: errors.Join(vfs.ErrUnavailable, errRaced)}
}

// errNotDir returns the error for a root that is not a directory.
func errNotDir(dir string) error {
	return &fs.PathError{Op: "open", Path: dir, Err: errors.New("is not a directory")}
}

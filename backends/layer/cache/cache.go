// Package cache is a layer over a slow backend that keeps what was read from it in a
// directory of the local file system. [New] makes a [Cache] over any [vfs.Backend].
//
// The unit that is kept is a version of an object: its name and its ETag. Its bytes are
// kept in blocks of 1 MiB. A range reads the missing blocks that it touches, and nothing
// else, from exactly the version that is known (If-Match); concurrent calls share one
// request. Two versions never mix in a body. An object without an ETag cannot be told
// from its next version, so it is not kept: the call goes to the source.
//
// The source is asked again about an object once Options.TTL has passed, with one
// conditional request. A change that is made through the Cache is seen at once.
//
// # Checksums
//
// Each block has a CRC32C. A block of at most 32 KiB is checked each time, in the memory
// from which it is then sent. A larger block is checked when this process uses it for
// the first time, and again whenever the file is not as this process left it (another
// inode, another modification time); so a span whose blocks were checked can be passed
// to sendfile. Checking a large block each time would halve the throughput of a warm
// cache. What remains is a medium that returns wrong bytes without an error while the
// process runs, for blocks over 32 KiB.
//
// # The directory
//
// Nothing is synchronized to the disk: after a crash, a block is used only if its
// checksum holds. All of the directory may be removed at any time. It is locked, has
// mode 0700, and belongs to the files of the process (package ownfile), so no backend
// over the host's file system serves it, even if it is below a root.
package cache

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"
	"time"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
)

// Options are the options of New. With the zero value, the source is asked about an
// object at each call, and its bytes are read once.
type Options struct {
	// Size bounds the bytes of the file system that the Cache takes, at any moment; 0 is
	// 1 GiB. At least MinSize. In addition, 5 % of the file system stays free, even if less is
	// kept.
	Size int64
	// Objects bounds the number of versions that are kept, each of which takes about 1
	// KiB of memory; 0 is 262,144.
	Objects int
	// TTL is how long an answer of the source is used without asking again. With 0, each
	// call asks, but concurrent calls share a question that began after they did. A
	// missing name is remembered for at most 5 seconds, and never with a TTL of 0.
	TTL time.Duration
	// Stale is how long after the TTL a version is still served if the source fails with
	// vfs.ErrUnavailable. After such a failure, the source is asked again after a second.
	Stale time.Duration
	// Immutable reports whether an object with this name never changes. Such an object
	// is not asked about again. It is called concurrently.
	Immutable func(vfs.Name) bool
	// Logger gets at most one message a minute if the directory cannot be used; nil is
	// slog.Default.
	Logger *slog.Logger
}

// MinSize is the smallest Options.Size that New accepts.
const MinSize = 4 << 20

const (
	blockSize = 1 << 20

	defaultSize    = 1 << 30
	defaultObjects = 1 << 18
	// maxMissing bounds the missing names that are known.
	maxMissing = 1 << 14
	missingFor = 5 * time.Second
	// askAgain is how long a stale version is served without asking the source.
	askAgain = time.Second
)

// A Cache is a vfs.Backend that reads through a cache. It is safe for concurrent use.
// Changes pass through to the source; listings and walks are not cached.
//
// If the directory fails (it is full, removed or broken), objects are served from the
// source without being kept, and the directory is tried again after a minute.
type Cache struct {
	vfs.Backend
	caps vfs.Caps
	opts Options

	// life ends with Close; all requests that the Cache makes on its own account run
	// under it.
	life context.Context
	end  context.CancelFunc
	work sync.WaitGroup // the goroutines; only added to while closed is false, under mu

	mu       sync.Mutex // guards what follows, and the fields of its elements; no I/O under it
	closed   bool
	dir      *directory
	serial   uint64                  // of the last file
	order    uint64                  // of the last call or question
	names    map[vfs.Name]*version   // what is known of a name
	absent   map[vfs.Name]*node[gap] // names known to be missing
	asking   map[vfs.Name]*question
	writing  map[vfs.Name]int // changes in progress through this Cache
	versions sieve[*version]
	missing  sieve[gap]
	blocks   sieve[*block]
	used     int64 // bytes of all files, including reserved ones
	filling  int64 // bytes of memory that fills may take
	stats    Stats

	brokenUntil time.Time // the directory is not written to before; zero if it works
	warned      time.Time
}

var (
	_ driver.Walker  = (*Cache)(nil)
	_ driver.Copier  = (*Cache)(nil)
	_ driver.Mover   = (*Cache)(nil)
	_ driver.Locator = (*Cache)(nil)
)

// New returns a Cache over b in the directory dir, which is created if it is missing.
// An existing directory must belong to the user of the process, and be empty or have been
// made by New. What is in it from an earlier process is used again, after the source has
// confirmed it. If a Cache uses the directory, in this process or another, the error matches
// ErrInUse.
func New(b vfs.Backend, dir string, opts Options) (*Cache, error) {
	if opts.Size == 0 {
		opts.Size = defaultSize
	}
	if opts.Objects == 0 {
		opts.Objects = defaultObjects
	}
	switch {
	case b == nil:
		return nil, errors.New("cache: New without a backend")
	case opts.Size < MinSize:
		return nil, fmt.Errorf("cache: a size of %d bytes is less than %d", opts.Size, int64(MinSize))
	case opts.Objects < 0 || opts.TTL < 0 || opts.Stale < 0:
		return nil, errors.New("cache: an option is negative")
	}
	if opts.Immutable == nil {
		opts.Immutable = func(vfs.Name) bool { return false }
	}
	if opts.Logger == nil {
		opts.Logger = slog.Default()
	}
	d, err := openDirectory(dir)
	if err != nil {
		return nil, err
	}
	c := &Cache{
		Backend: b, caps: b.Caps(), opts: opts, dir: d,
		names:   map[vfs.Name]*version{},
		absent:  map[vfs.Name]*node[gap]{},
		asking:  map[vfs.Name]*question{},
		writing: map[vfs.Name]int{},
	}
	c.life, c.end = context.WithCancel(context.Background())
	if err := c.restore(); err != nil {
		c.end()
		d.close()
		return nil, err
	}
	return c, nil
}

// Close ends all requests that the Cache makes, waits for them, and releases the
// directory, which keeps its blocks for the next process. Later calls fail, and so do
// bodies that are not yet complete, except an Object's File. It does not close the
// backend.
func (c *Cache) Close() error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return fs.ErrClosed
	}
	c.closed = true
	c.mu.Unlock()
	c.end()
	c.work.Wait()
	return c.dir.close()
}

// Caps returns the backend's Caps.
func (c *Cache) Caps() vfs.Caps { return c.caps }

// run starts a goroutine that Close waits for. The caller holds mu and has found that
// the Cache is not closed.
func (c *Cache) run(f func()) { c.work.Go(f) }

// fail returns err as the error of a call for n. It changes the operation, removes the
// target of a link that the call did not ask for, and wraps what is no *vfs.Error.
func fail(op string, n vfs.Name, links bool, err error) error {
	e, ok := errors.AsType[*vfs.Error](err)
	if !ok {
		return &vfs.Error{Op: op, Name: n.String(), Err: err}
	}
	out := *e
	out.Op, out.Name = op, n.String()
	if !links {
		out.Link = vfs.Name{}
	}
	return &out
}

// Package aferofs connects vfs and [afero]: [New] makes a backend from any afero.Fs,
// and [FromJail] makes an afero.Fs from a jail.
//
// An afero.Fs takes path names, so New's backend can protect against links and
// special files only by a check before the open. This gives the following:
//
//   - Names reach the Fs only as a [vfs.Name] after a single slash, so that nothing
//     escapes from a BasePathFs, or into a sibling whose name begins with its base.
//   - Links that the Fs can see (afero.Lstater) are refused, and so is everything
//     that is not a regular file, and every file that the process itself uses
//     (package vfs/ownfile). An Fs that hides its links follows them.
//   - Errors print no path of the Fs.
//   - Two problems of MemMapFs are prevented: a file turning into a directory when
//     another is created below it, and the removal of a non-empty directory.
//
// It cannot make check and open atomic. A process that can write to the storage
// behind the Fs in another way can create a link or a FIFO between the two.
// New therefore refuses the host's own file system; use package backends/disk
// for that.
//
// To keep objects in memory, package backends/mem is the better choice.
//
// # The file systems of afero
//
// New accepts these. What it accepts passes the suite of package vfs/vfstest.
//
//	MemMapFs       reads and writes
//	OsFs           reads and writes, with Options.Unsafe
//	BasePathFs     as the Fs below it
//	ReadOnlyFs     reads
//	RegexpFs       reads
//	FromIOFS       reads
//	CopyOnWriteFs  reads, from its layer and from below it
//	CacheOnReadFs  is refused: others see a part of a file that it copies
//	zipfs.Fs       is refused: most archives lack what it finds directories by; use vfs.FromFS
//	tarfs.Fs       is refused: all who open a file share one reader
//
// A custom wrapper around one or more of these can write if all of them can.
// IOFS and HttpFs are not afero.Fs; vfs.FromFS accepts an IOFS. gcsfs and sftpfs
// are untested.
package aferofs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"sync"
	"time"

	"github.com/spf13/afero"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// A Backend is a backend over an afero.Fs. It is safe for concurrent use if the Fs is,
// and need not be closed. Only one Backend should write to an Fs: it serializes its
// writers, so that conditions hold among them.
//
// An object's ETag is derived from its time and size; an object without a usable time
// ([vfs.Info.LastModified]) has none. Put ensures that no two versions have the same
// time, if the Fs supports setting times.
type Backend struct {
	fsys  afero.Fs
	top   string // the name of the top directory in the Fs
	below string // the prefix of a name
	host  bool
	caps  vfs.Caps

	// mu is held for writing while directory entries change, and for reading while a
	// directory is read. It is not held while a body is read.
	mu   sync.RWMutex
	last time.Time // the latest time given to an object
}

var _ vfs.Backend = (*Backend)(nil)

// Options are the options of New. The zero value is safe.
type Options struct {
	// Unsafe permits an Fs that reaches the host's file system. Links in it are then
	// refused only by a check before the open, which is open to a race, and not at all
	// if the Fs hides links.
	Unsafe bool
	// ReadOnly makes a read-only Backend.
	ReadOnly bool
}

// New returns a Backend over fsys. Its top is fsys's "/", or "." for an Fs that has no
// "/", such as afero.FromIOFS. Over afero.OsFs, "/" is the whole machine: use a
// BasePathFs to serve a part of it.
//
// New fails if fsys reaches the host's file system and Options.Unsafe is not set, and
// if fsys is, or contains, an Fs that cannot be served according to the table above. It
// searches fsys and, recursively, the fields that are an afero.Fs or fs.FS, which
// covers all wrappers of afero. It cannot see into closures or other types. It also
// fails if there is no top directory, and for a MemMapFs with a file that was created
// without a leading slash: there, "a" is not "/a" and would never be found.
func New(fsys afero.Fs, opts Options) (*Backend, error) {
	if fsys == nil {
		return nil, errors.New("aferofs: New without a file system")
	}
	b := &Backend{fsys: fsys, top: "/", below: "/", host: reachesHost(fsys)}
	if err := checkKind(fsys, opts.Unsafe); err != nil {
		return nil, err
	}
	err := checkDir(fsys, "/")
	if err != nil {
		b.top, b.below = ".", ""
		err = checkDir(fsys, ".")
	}
	if err != nil {
		return nil, fmt.Errorf("aferofs: the file system has no top directory: %w", err)
	}
	if err := checkSlashes(fsys); err != nil {
		return nil, err
	}
	b.caps = vfs.Caps{Kind: "afero", Directories: true, Ranges: true, Writable: !opts.ReadOnly && !isReadOnly(fsys)}
	return b, nil
}

// Caps returns what the Fs supports. Writable is set unless the Fs is known to be
// read-only.
func (b *Backend) Caps() vfs.Caps { return b.caps }

// Open opens the regular file n. Its metadata comes from the open file.
func (b *Backend) Open(ctx context.Context, n vfs.Name, req vfs.Request) (*vfs.Object, error) {
	f, info, err := b.open(ctx, "open", n, req.Links)
	if err != nil {
		return nil, err
	}
	span, err := req.Resolve("open", info)
	if err != nil {
		f.Close()
		return nil, err
	}
	body, err := newBody(ctx, f, n, span)
	if err != nil {
		return nil, &vfs.Error{Op: "open", Name: n.String(), Err: err}
	}
	return &vfs.Object{Info: info, Span: span, Body: body}, nil
}

// Stat describes the regular file n. It opens the file, too, so that it succeeds only
// if Open would.
func (b *Backend) Stat(ctx context.Context, n vfs.Name, req vfs.Request) (vfs.Info, error) {
	f, info, err := b.open(ctx, "stat", n, req.Links)
	if err != nil {
		return vfs.Info{}, err
	}
	f.Close()
	req.Range = vfs.Range{}
	if _, err := req.Resolve("stat", info); err != nil {
		return vfs.Info{}, err
	}
	return info, nil
}

func (b *Backend) open(ctx context.Context, op string, n vfs.Name, links bool) (afero.File, vfs.Info, error) {
	if err := ctx.Err(); err != nil {
		return nil, vfs.Info{}, &vfs.Error{Op: op, Name: n.String(), Err: err}
	}
	// Check first: opening a FIFO would wait for a writer.
	if _, err := b.find(op, n, links); err != nil {
		return nil, vfs.Info{}, err
	}
	f, err := b.fsys.Open(b.path(n.String()))
	if err != nil {
		return nil, vfs.Info{}, driver.FSError(op, n, err)
	}
	info, err := b.describe(op, n, f.Stat)
	if err != nil {
		f.Close()
		return nil, vfs.Info{}, err
	}
	return f, info, nil
}

// find describes the regular file n without opening it.
func (b *Backend) find(op string, n vfs.Name, links bool) (vfs.Info, error) {
	return b.describe(op, n, func() (fs.FileInfo, error) { return b.lookup(op, n, links) })
}

func (b *Backend) describe(op string, n vfs.Name, stat func() (fs.FileInfo, error)) (vfs.Info, error) {
	st, err := stat()
	if err != nil {
		return vfs.Info{}, driver.FSError(op, n, err)
	}
	r := reason.ForFile(st)
	// In MemMapFs, a directory can have the mode of a file.
	if r != reason.OwnFile && st.IsDir() {
		r = reason.Directory
	}
	if r != "" {
		return vfs.Info{}, driver.Refuse(op, n, r)
	}
	info := vfs.Info{Name: n, Size: st.Size(), ModTime: st.ModTime()}
	if _, ok := info.LastModified(); ok {
		info.ETag = driver.TimeTag(n.String(), info.ModTime, info.Size)
	}
	return info, nil
}

// lookup walks down to n, of whatever kind, and refuses links on the path.
func (b *Backend) lookup(op string, n vfs.Name, links bool) (fs.FileInfo, error) {
	switch {
	case n.IsZero():
		return nil, driver.Refuse(op, n, reason.NameEmpty)
	case n.IsRoot():
		// The top itself may be a link: the operator chose it.
		return b.fsys.Stat(b.top)
	case b.host && !driver.HostHolds(n):
		return nil, driver.Refuse(op, n, reason.Unholdable)
	}
	var last fs.FileInfo
	err := driver.CheckLinks(op, n, links, func(name string) (fs.FileInfo, error) {
		st, err := b.lstat(b.path(name))
		last = st
		return st, err
	}, b.readlink)
	return last, err
}

func (b *Backend) lstat(path string) (fs.FileInfo, error) {
	if l, ok := b.fsys.(afero.Lstater); ok {
		st, _, err := l.LstatIfPossible(path)
		return st, err
	}
	return b.fsys.Stat(path)
}

func (b *Backend) readlink(name string) (string, error) {
	l, ok := b.fsys.(afero.LinkReader)
	if !ok {
		return "", afero.ErrNoReadlink
	}
	text, err := l.ReadlinkIfPossible(b.path(name))
	if err == nil && filepath.VolumeName(text) != "" {
		err = fs.ErrInvalid // an absolute path on Windows
	}
	return filepath.ToSlash(text), err
}

// path returns the Fs's name for name.
func (b *Backend) path(name string) string {
	if name == "." {
		return b.top
	}
	return b.below + name
}

// newBody takes ownership of f. Seek always fails on some files; then the bytes before
// the span are read and discarded.
func newBody(ctx context.Context, f afero.File, n vfs.Name, span vfs.Span) (io.ReadCloser, error) {
	rest := span
	if span.Offset > 0 {
		if _, err := f.Seek(span.Offset, io.SeekStart); err == nil {
			rest.Offset = 0
		}
	}
	body, err := driver.NewBody(ctx, &contents{f, n}, rest)
	if err == io.EOF {
		err = vfs.ErrChanged
	}
	return body, err
}

// contents reads a file and converts its errors, which may contain paths, to errors
// that print none.
type contents struct {
	f afero.File
	n vfs.Name
}

func (c *contents) Read(p []byte) (int, error) {
	n, err := c.f.Read(p)
	switch {
	case err == nil || err == io.EOF:
		return n, err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return n, io.EOF // MemMapFs, if the file was truncated
	}
	return n, &vfs.Error{Op: "read", Name: c.n.String(), Err: err}
}

func (c *contents) Close() error { return c.f.Close() }

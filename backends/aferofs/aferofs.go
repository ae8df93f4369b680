// Package aferofs joins vfs and [afero]: [New] makes a backend of any afero.Fs,
// and [FromJail] an afero.Fs of a jail.
//
// An afero.Fs takes path names, so all that New's backend can do about links
// and special files is to look before it opens. What that gives:
//
//   - Names reach the Fs only as a [vfs.Name] behind one slash, so that nothing
//     climbs out of a BasePathFs, nor into a sibling that has its base as a
//     prefix.
//   - Links that the Fs can see (afero.Lstater) are refused, and so is what is no
//     regular file, or a file that the process itself works with (package
//     vfs/ownfile). An Fs that hides its links follows them.
//   - Errors print no path of the Fs.
//   - What MemMapFs lets happen does not: a file that becomes a directory when
//     another is made under it, the removal of a directory that is not empty.
//
// What it cannot give: the look and the open are no atom. Whoever can write to
// what is behind the Fs by another way can put a link or a FIFO in between.
// New therefore refuses the host's own file system; package backends/disk is
// for that.
//
// To keep objects in memory, package backends/mem is the better choice.
//
// # The file systems of afero
//
// New takes these; what it takes passes the suite of package vfs/vfstest.
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
// A wrapper of one's own around these, or around several, writes where all in it do.
// IOFS and HttpFs are no afero.Fs; vfs.FromFS takes an IOFS. gcsfs and sftpfs were not
// tested.
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

// A Backend is an afero.Fs. It is safe for concurrent use if the Fs is, and
// there is nothing to close. Only one Backend should write to an Fs: writers
// take turns in it, so that conditions hold among them.
//
// An object's ETag is made of its time and size; one without a time that says
// something ([vfs.Info.LastModified]) has none. Put sees to it that no two versions
// have one time, as far as the Fs lets it set times.
type Backend struct {
	fsys  afero.Fs
	top   string // how the Fs calls its top directory
	below string // what comes before a name
	host  bool
	caps  vfs.Caps

	// mu is held while directory entries change, and for reading while a
	// directory is read. It is not held while a body is.
	mu   sync.RWMutex
	last time.Time // the latest that an object was stamped with
}

var _ vfs.Backend = (*Backend)(nil)

// Options are the options of New. The zero value is safe.
type Options struct {
	// Unsafe lets New take an Fs that reaches the host's file system. Links in
	// it are then refused by a look before the open, which a race can get
	// between, and where the Fs hides links, not at all.
	Unsafe bool
	// ReadOnly makes a Backend that does not write.
	ReadOnly bool
}

// New returns a Backend over fsys. Its top is fsys's "/", or "." for an Fs that
// knows none, such as afero.FromIOFS; over afero.OsFs, "/" is the whole
// machine, so that it takes a BasePathFs to serve a part of it.
//
// New fails if fsys reaches the host's file system and Options.Unsafe is not
// set, and if fsys is, or holds, an Fs that cannot be served: the table above says
// which. It looks for these in fsys and in the fields of what
// is an afero.Fs or fs.FS in it, which finds them in all wrappers that afero
// has; what is in a closure, or behind another type, it cannot see. It also
// fails if there is no top directory, and for a MemMapFs in which a file was
// made without a leading slash: "a" is not "/a" there, and would never be found.
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

// Caps says what the Fs can do. It says Writable of all but those that are
// known not to be.
func (b *Backend) Caps() vfs.Caps { return b.caps }

// Open opens the regular file n. What it says of it comes from the open file.
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

// Stat describes the regular file n. It opens it, too, so that it says yes only
// where Open would.
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
	// Opening a FIFO would wait for a writer, so the look comes first.
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
	// MemMapFs has directories whose mode is a file's.
	if r != reason.OwnFile && st.IsDir() {
		r = reason.Directory
	}
	if r != "" {
		return vfs.Info{}, refuse(op, n, r)
	}
	info := vfs.Info{Name: n, Size: st.Size(), ModTime: st.ModTime()}
	if _, ok := info.LastModified(); ok {
		info.ETag = driver.TimeTag(n.String(), info.ModTime, info.Size)
	}
	return info, nil
}

// lookup walks down to n, whatever it is, and refuses links on the way.
func (b *Backend) lookup(op string, n vfs.Name, links bool) (fs.FileInfo, error) {
	switch {
	case n.IsZero():
		return nil, refuse(op, n, reason.NameEmpty)
	case n.IsRoot():
		// The top itself may be a link: it is the operator's own word.
		return b.fsys.Stat(b.top)
	case b.host:
		if _, err := filepath.Localize(n.String()); err != nil {
			return nil, refuse(op, n, reason.Unholdable)
		}
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
		err = fs.ErrInvalid // absolute, as Windows has it
	}
	return filepath.ToSlash(text), err
}

// path returns how the Fs calls what is name here.
func (b *Backend) path(name string) string {
	if name == "." {
		return b.top
	}
	return b.below + name
}

// newBody takes f over. Some files have a Seek that always fails; there the
// bytes before the span are read.
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

// contents reads a file and gives its errors, which may hold paths, the form
// that prints none.
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
		return n, io.EOF // MemMapFs, where the file was cut
	}
	return n, &vfs.Error{Op: "read", Name: c.n.String(), Err: err}
}

func (c *contents) Close() error { return c.f.Close() }

func refuse(op string, n vfs.Name, r vfs.Reason) error {
	return &vfs.Error{Op: op, Name: n.String(), Reason: r, Err: fs.ErrNotExist}
}

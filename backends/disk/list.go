package disk

import (
	"bytes"
	"context"
	"io/fs"
	"iter"

	"github.com/bailiwick-fs/bailiwick/backends/internal/put"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
	"github.com/bailiwick-fs/bailiwick/vfs/ownfile"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// A dirReader is an open directory.
type dirReader interface {
	// each calls yield with every entry, unordered, from the start. The bytes of elem
	// are valid only during the call. A kind may be driver.KindUnknown.
	each(yield func(elem []byte, kind vfs.Kind) error) error
	// lstat describes an entry without following a link.
	lstat(elem string) (stat, error)
	close() error
}

// List yields the entries of dir in order. The system returns them unordered: see
// [driver.ListDir].
func (b *Backend) List(ctx context.Context, dir vfs.Name, after string) iter.Seq2[vfs.Entry, error] {
	return func(yield func(vfs.Entry, error) bool) {
		d, err := b.openDir(ctx, dir)
		if err != nil {
			yield(vfs.Entry{}, err)
			return
		}
		defer d.close()
		driver.ListDir(ctx, dir, after, &listing{b: b, d: d, top: dir.IsRoot()})(yield)
	}
}

func (b *Backend) openDir(ctx context.Context, dir vfs.Name) (dirReader, error) {
	if err := ctx.Err(); err != nil {
		return nil, &vfs.Error{Op: "list", Name: dir.String(), Err: err}
	}
	switch {
	case dir.IsZero():
		return nil, driver.Refuse("list", dir, reason.NameEmpty)
	case !driver.HostHolds(dir):
		return nil, driver.Refuse("list", dir, reason.Unholdable)
	}
	b.life.RLock()
	defer b.life.RUnlock()
	if b.closed {
		return nil, &vfs.Error{Op: "list", Name: dir.String(), Err: fs.ErrClosed}
	}
	d, err := b.tree.openDir(dir)
	if err != nil || !ownfile.Holds() {
		return d, err
	}
	st, err := d.lstat(".")
	if err == nil && ownfile.Is(st.id) {
		err = driver.Refuse("list", dir, reason.OwnFile)
	}
	if err != nil {
		d.close()
		return nil, driver.FSError("list", dir, err)
	}
	return d, nil
}

// A listing is one call of List.
type listing struct {
	b   *Backend
	d   dirReader
	top bool // dir contains staging
}

var _ driver.DirReader = (*listing)(nil)

// Each yields all entries except incomplete objects.
func (l *listing) Each(yield func(elem []byte, kind vfs.Kind, src any) error) error {
	return l.d.each(func(elem []byte, kind vfs.Kind) error {
		if l.top && bytes.HasPrefix(elem, []byte(put.Reserved)) {
			return nil
		}
		return yield(elem, kind, nil)
	})
}

// Describe adds size and time, and the reason why the entry would be refused.
func (l *listing) Describe(e *vfs.Entry, _ any) error {
	switch e.Kind {
	case vfs.KindFile, driver.KindUnknown:
	case vfs.KindDir:
		if !ownfile.Holds() {
			return nil
		}
	default:
		return nil
	}
	st, err := l.d.lstat(e.Elem)
	if err != nil {
		return err
	}
	e.Kind = st.kind()
	if why := l.b.reason(&st, func() (stat, error) { return l.d.lstat(e.Elem) }); why != reason.ForMode(st.mode) {
		e.Reason = why
	}
	if e.Kind == vfs.KindFile {
		e.Size, e.ModTime = st.size, st.mtime
	}
	return nil
}

func (st *stat) kind() vfs.Kind {
	switch reason.ForMode(st.mode) {
	case "":
		return vfs.KindFile
	case reason.Directory:
		return vfs.KindDir
	case reason.Symlink:
		return vfs.KindLink
	}
	return vfs.KindSpecial
}

package disk

import (
	"context"
	"errors"
	"io/fs"
	"slices"

	"github.com/bailiwick-fs/bailiwick/backends/internal/put"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

var _ driver.Mover = (*Backend)(nil)

// MoveFrom renames a file of this same Backend to a new name in a directory that exists, or
// to another spelling of its name.
// It fails with vfs.ErrUnsupported in all other cases, in which a rename could overwrite
// what another program has just written, or show an empty directory; the caller then
// copies the file and removes it.
//
// The file keeps its mode, owner and modification time. So on a file system that counts
// time in seconds, its ETag can be that of an earlier version of n with the same size,
// if that had the same inode number.
func (b *Backend) MoveFrom(ctx context.Context, n vfs.Name, src vfs.Backend, from vfs.Info, opts vfs.PutOptions) (vfs.Info, error) {
	if !b.opts.Writable || driver.Under(src) != vfs.Backend(b) || !opts.ContentTime.IsZero() {
		return driver.Unsupported{}.Put(ctx, n, nil, opts)
	}
	m := &renaming{b: b, n: n, from: from, cond: opts.Cond}
	top, err := b.enter(ctx, "put", n)
	if err == nil {
		defer top.close()
		err = m.run(ctx, top)
	}
	if err != nil {
		return vfs.Info{}, writeError("put", n, err)
	}
	return m.st.info(n), nil
}

// renaming is a MoveFrom in progress.
type renaming struct {
	b    *Backend
	n    vfs.Name
	from vfs.Info
	cond vfs.Cond
	st   stat // of the file
}

func (m *renaming) run(ctx context.Context, top folder) error {
	for range maxRaces {
		err := m.try(ctx, top)
		if err != errRaced {
			return err
		}
	}
	return errRaced
}

func (m *renaming) try(ctx context.Context, top folder) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	old, err := m.b.locate("open", top, m.from.Name)
	if err != nil {
		return err
	}
	defer func() { old.dir.close() }()
	p, err := m.b.locate("put", top, m.n)
	if err != nil {
		return err
	}
	defer p.dir.close()
	if err := m.underWriteLock(ctx, top, old, p); err != nil {
		return err
	}
	if err := m.b.syncEntry("put", top, m.n, p.dir); err != nil {
		m.takeBack(top, old, p)
		return errors.Join(vfs.ErrUnavailable, err) // not errRaced: it was renamed
	}
	old.dir = prune(top, old)
	// The object is moved. If this fails, it can have both names after a crash.
	_ = m.b.syncEntry("remove", top, m.from.Name, old.dir)
	return nil
}

func (m *renaming) underWriteLock(ctx context.Context, top folder, old, p *location) error {
	release, err := m.b.change(ctx, top)
	if err != nil {
		return err
	}
	defer release()
	if err := m.b.confirm("open", top, m.from.Name, old); err != nil {
		return err
	}
	if err := m.b.confirm("put", top, m.n, p); err != nil {
		return err
	}
	switch {
	case old.current == nil:
		return driver.Refuse("open", m.from.Name, reason.Missing)
	case old.current.etag(m.from.Name) != m.from.ETag:
		return vfs.ErrChanged
	case p.current != nil && m.isOne(old, p):
		return m.respell(old, p)
	case p.current != nil:
		info := p.current.info(m.n)
		if err := put.Check("put", m.n, m.cond, &info); err != nil {
			return err
		}
		return vfs.ErrUnsupported
	}
	if err := put.Check("put", m.n, m.cond, nil); err != nil {
		return err
	}
	if p.missing != nil {
		return vfs.ErrUnsupported
	}
	return m.rename(old, p)
}

// rename renames the file. If another program put another file in its place at that
// moment, rename gives that one its name back.
func (m *renaming) rename(old, p *location) error {
	err := old.dir.renameNew(old.elem, p.dir, p.elem)
	switch {
	case errors.Is(err, fs.ErrExist), errors.Is(err, fs.ErrNotExist):
		return errRaced
	case err == errPlain, isOtherMount(err):
		return vfs.ErrUnsupported
	case err != nil:
		return err
	}
	m.st, err = p.dir.lstat(p.elem)
	if err == nil && m.st.mode == old.current.mode && m.st.etag(m.n) == old.current.etag(m.from.Name) {
		m.b.outdate(old.current.mtime)
		return nil
	}
	return errors.Join(err, p.dir.renameNew(p.elem, old.dir, old.elem), vfs.ErrChanged)
}

// isOne reports whether both names are spellings of one entry, on a file system that folds
// them: only the old one is in the directory.
func (m *renaming) isOne(old, p *location) bool {
	if p.at != old.at || p.missing != nil || p.current.id != old.current.id {
		return false
	}
	elems, err := p.dir.names()
	return err == nil && !slices.Contains(elems, p.elem)
}

// respell gives the one entry the new spelling. A rename to a name that does not exist would
// find it.
func (m *renaming) respell(old, p *location) error {
	info, cond := p.current.info(m.n), m.cond
	cond.IfNoneMatch = vfs.Tags{} // nothing has the new spelling
	if err := put.Check("put", m.n, cond, &info); err != nil {
		return err
	}
	if err := old.dir.rename(old.elem, p.dir, p.elem); err != nil {
		return err
	}
	elems, err := p.dir.names()
	if err == nil && !slices.Contains(elems, p.elem) {
		// Linux takes a rename of a file to itself for done, whatever the names.
		return driver.Refuse("put", m.n, reason.CreateSibling)
	}
	if err == nil {
		m.st, err = p.dir.lstat(p.elem)
	}
	if err == nil {
		m.b.outdate(old.current.mtime)
	}
	return err
}

// takeBack gives the file its old name again, unless it has changed: the new name could
// not be made durable.
func (m *renaming) takeBack(top folder, old, p *location) {
	release, err := m.b.takeWriteLock(context.Background(), top)
	if err != nil {
		return
	}
	defer release()
	if is, err := p.dir.lstat(p.elem); err == nil && is.mode == m.st.mode && is.etag(m.n) == m.st.etag(m.n) {
		_ = p.dir.renameNew(p.elem, old.dir, old.elem)
	}
}

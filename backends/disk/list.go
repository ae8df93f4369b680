package disk

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"iter"
	"slices"
	"strings"

	"github.com/bailiwick-fs/bailiwick/backends/internal/put"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A dirReader is an open directory.
type dirReader interface {
	// each calls yield with every entry, in the order of the system, from the
	// start. The bytes of elem are valid during the call alone. A kind may be
	// kindUnknown.
	each(yield func(elem []byte, kind vfs.Kind) error) error
	// lstat describes an entry without following it.
	lstat(elem string) (stat, error)
	close() error
}

// kindUnknown is the kind of an entry for which the file system has no type.
const kindUnknown = vfs.Kind(255)

// firstChunk and growChunk bound how many entries are held at a time: a page of a
// directory with a million names needs memory for the page alone, and all of its
// pages in one go need few passes over it.
const (
	firstChunk = 2048
	growChunk  = 8
)

// List yields the entries of dir in order. The system has them in no order, so
// each chunk is what a pass over the directory finds smallest. What [vfs.Shown] says
// is of no use is neither held nor looked at.
func (b *Backend) List(ctx context.Context, dir vfs.Name, after string) iter.Seq2[vfs.Entry, error] {
	return func(yield func(vfs.Entry, error) bool) {
		d, err := b.openDir(ctx, dir)
		if err != nil {
			yield(vfs.Entry{}, err)
			return
		}
		defer d.close()
		l := listing{b: b, d: d, top: dir.IsRoot(), shows: vfs.Shown(ctx)}
		for size := firstChunk; ; {
			chunk, more, err := l.smallest(ctx, after, size)
			if err != nil {
				yield(vfs.Entry{}, vfs.FSError("list", dir, err))
				return
			}
			used := 0
			for _, e := range chunk {
				after = e.Key()
				if err = ctx.Err(); err == nil && !l.describes {
					err = l.describe(&e)
				}
				if errors.Is(err, fs.ErrNotExist) {
					continue // removed since
				}
				if err != nil {
					yield(vfs.Entry{}, vfs.FSError("list", dir, err))
					return
				}
				if l.shows != nil && e.Reason != "" {
					continue
				}
				used++
				if !yield(e, nil) {
					return
				}
			}
			switch {
			case !more:
				return
			case used > len(chunk)/2:
				// The caller had use for them, and so will have for more.
				size *= growChunk
			default:
				l.describes = true
			}
		}
	}
}

func (b *Backend) openDir(ctx context.Context, dir vfs.Name) (dirReader, error) {
	if err := ctx.Err(); err != nil {
		return nil, &vfs.Error{Op: "list", Name: dir.String(), Err: err}
	}
	switch {
	case dir.IsZero():
		return nil, refuse("list", dir, vfs.ReasonNameEmpty)
	case !dir.IsRoot() && !holdable(dir):
		return nil, refuse("list", dir, vfs.ReasonUnholdable)
	}
	b.life.RLock()
	defer b.life.RUnlock()
	if b.closed {
		return nil, &vfs.Error{Op: "list", Name: dir.String(), Err: fs.ErrClosed}
	}
	return b.tree.openDir(dir)
}

// A listing is one call of List.
type listing struct {
	b     *Backend
	d     dirReader
	top   bool                                  // what is being written lies here, too
	shows func(elem string, kind vfs.Kind) bool // nil if all entries are wanted
	// describes makes a pass look at each entry that it takes. Usually those that are
	// left at its end are looked at, which are far fewer; but where most of them turn
	// out to be of no use, there would be a pass for each chunk.
	describes bool
}

// smallest returns the size first entries after the key after, in order, and
// whether there are more.
func (l *listing) smallest(ctx context.Context, after string, size int) (chunk []vfs.Entry, more bool, err error) {
	// The chunk may grow to twice its size before the larger half is dropped.
	// Once that was done, bound is the key from which on entries are of no use.
	bound := ""
	cut := func() {
		slices.SortFunc(chunk, func(a, b vfs.Entry) int { return strings.Compare(a.Key(), b.Key()) })
		if len(chunk) > size {
			clear(chunk[size:])
			chunk, more = chunk[:size], true
			bound = chunk[size-1].Key()
		}
	}
	seen := 0
	err = l.d.each(func(elem []byte, kind vfs.Kind) error {
		if seen++; seen%1024 == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		e, ok, err := l.take(elem, kind, after, bound)
		if err != nil || !ok {
			return err
		}
		chunk = append(chunk, e)
		if len(chunk) == 2*size {
			cut()
		}
		return nil
	})
	cut()
	return chunk, more, err
}

// take makes an entry of what a pass came to, if that is of use: its key lies behind
// after and before bound.
func (l *listing) take(elem []byte, kind vfs.Kind, after, bound string) (e vfs.Entry, ok bool, err error) {
	if l.top && bytes.HasPrefix(elem, []byte(put.Reserved)) {
		return e, false, nil
	}
	if kind == kindUnknown {
		if !l.mayShow(string(elem)) {
			return e, false, nil
		}
		st, err := l.d.lstat(string(elem))
		if errors.Is(err, fs.ErrNotExist) {
			return e, false, nil
		} else if err != nil {
			return e, false, err
		}
		kind = st.kind()
	}
	if !keyBetween(elem, kind, after, bound) {
		return e, false, nil
	}
	e = vfs.Entry{Elem: string(elem), Kind: kind}
	if l.shows != nil && !l.shows(e.Elem, kind) {
		return e, false, nil
	}
	if l.describes {
		if err := l.describe(&e); errors.Is(err, fs.ErrNotExist) {
			return e, false, nil
		} else if err != nil {
			return e, false, err
		}
		if l.shows != nil && e.Reason != "" {
			return e, false, nil
		}
	}
	return e, true, nil
}

// mayShow reports whether an entry of that name is of use as any kind.
func (l *listing) mayShow(elem string) bool {
	return l.shows == nil || l.shows(elem, vfs.KindFile) || l.shows(elem, vfs.KindDir) || l.shows(elem, vfs.KindLink)
}

// keyBetween reports whether the entry's key lies behind after and before
// bound, where that is not "", without making a string of it.
func keyBetween(elem []byte, kind vfs.Kind, after, bound string) bool {
	if kind != vfs.KindDir {
		return string(elem) > after && (bound == "" || string(elem) < bound)
	}
	return compareDir(elem, after) > 0 && (bound == "" || compareDir(elem, bound) < 0)
}

// compareDir compares the key of a directory with another key.
func compareDir(elem []byte, key string) int {
	n := min(len(elem), len(key))
	if c := strings.Compare(string(elem[:n]), key[:n]); c != 0 {
		return c
	}
	if len(key) <= len(elem) {
		return 1
	}
	return strings.Compare("/", key[n:])
}

// describe adds size and time, and why the entry would be refused. What the entry is
// may have changed since the pass; an entry that moved to another place in the order
// by that is left out.
func (l *listing) describe(e *vfs.Entry) error {
	if e.Kind != vfs.KindFile {
		return nil
	}
	st, err := l.d.lstat(e.Elem)
	if err != nil {
		return err
	}
	if e.Kind = st.kind(); e.Kind == vfs.KindDir {
		return fs.ErrNotExist
	}
	if e.Kind == vfs.KindFile {
		e.Size, e.ModTime = st.size, st.mtime
		e.Reason = l.b.reason(&st)
	}
	return nil
}

func (st *stat) kind() vfs.Kind {
	switch vfs.ModeReason(st.mode) {
	case "":
		return vfs.KindFile
	case vfs.ReasonDirectory:
		return vfs.KindDir
	case vfs.ReasonSymlink:
		return vfs.KindLink
	}
	return vfs.KindSpecial
}

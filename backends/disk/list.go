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

// firstChunk and growChunk bound how many entries are held at a time: a page
// of a directory with a million names needs little memory, and all of its
// pages in one go need few passes over it.
const (
	firstChunk = 2048
	growChunk  = 8
)

// List yields the entries of dir in order. The system has them in no order, so
// each chunk is what a pass over the directory finds smallest.
func (b *Backend) List(ctx context.Context, dir vfs.Name, after string) iter.Seq2[vfs.Entry, error] {
	return func(yield func(vfs.Entry, error) bool) {
		d, err := b.openDir(ctx, dir)
		if err != nil {
			yield(vfs.Entry{}, err)
			return
		}
		defer d.close()
		for size := firstChunk; ; size *= growChunk {
			chunk, more, err := smallest(ctx, d, dir.IsRoot(), after, size)
			if err != nil {
				yield(vfs.Entry{}, vfs.FSError("list", dir, err))
				return
			}
			for _, e := range chunk {
				after = e.Key()
				if err = ctx.Err(); err == nil {
					err = describe(d, &e)
				}
				if errors.Is(err, fs.ErrNotExist) {
					continue // removed since
				}
				if err != nil {
					yield(vfs.Entry{}, vfs.FSError("list", dir, err))
					return
				}
				if !yield(e, nil) {
					return
				}
			}
			if !more {
				return
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

// smallest returns the size first entries after the key after, in order, and
// whether there are more. At the top, what is being written is none of them.
func smallest(ctx context.Context, d dirReader, top bool, after string, size int) (chunk []vfs.Entry, more bool, err error) {
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
	err = d.each(func(elem []byte, kind vfs.Kind) error {
		if seen++; seen%1024 == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		if top && bytes.HasPrefix(elem, []byte(put.Reserved)) {
			return nil
		}
		if kind == kindUnknown {
			st, err := d.lstat(string(elem))
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			} else if err != nil {
				return err
			}
			kind = st.kind()
		}
		if !keyBetween(elem, kind, after, bound) {
			return nil
		}
		chunk = append(chunk, vfs.Entry{Elem: string(elem), Kind: kind})
		if len(chunk) == 2*size {
			cut()
		}
		return nil
	})
	cut()
	return chunk, more, err
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

// describe adds size and time. What the entry is may have changed since the
// pass; an entry that moved to another place in the order by that is left out.
func describe(d dirReader, e *vfs.Entry) error {
	if e.Kind != vfs.KindFile {
		return nil
	}
	st, err := d.lstat(e.Elem)
	if err != nil {
		return err
	}
	if e.Kind = st.kind(); e.Kind == vfs.KindDir {
		return fs.ErrNotExist
	}
	if e.Kind == vfs.KindFile {
		e.Size, e.ModTime = st.size, st.mtime
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

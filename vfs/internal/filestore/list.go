// Package filestore contains what vfs.FromFS and package vfs/driver share: listing,
// links and bodies of backends whose objects are files.
//
// vfs cannot import driver, because driver imports vfs. So this package imports
// neither: its types are generic in vfs.Kind, have the same fields as vfs.Entry and
// driver.ListHint, and convert to them.
package filestore

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"slices"
	"strings"
	"time"
	"unsafe"

	"github.com/bailiwick-fs/bailiwick/vfs/ownfile"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// The kinds, numbered like vfs.Kind. Unknown means that the system did not report the
// type; List never yields it.
const (
	File = iota
	Dir
	Link
	Special
	Unknown = 255
)

// An Entry has the fields of vfs.Entry.
type Entry[K ~uint8] struct {
	Elem    string
	Kind    K
	Size    int64
	ModTime time.Time
	Reason  reason.Reason
	Layer   int // unused
}

// key is vfs.Entry.Key.
func (e *Entry[K]) key() string {
	if e.Kind == Dir {
		return e.Elem + "/"
	}
	return e.Elem
}

// A DirReader is driver.DirReader.
type DirReader[K ~uint8] interface {
	Each(yield func(elem []byte, kind K, src any) error) error
	Describe(e *Entry[K], src any) error
}

// firstChunk and growChunk bound the number of entries held at a time. One page of a
// directory with a million names then needs memory for that page only, and reading the
// whole directory takes few passes.
const (
	firstChunk = 2048
	growChunk  = 8
)

// List yields the entries of d after the key after, in order, according to the hint of
// ctx. It reads d from the start as often as necessary and takes the smallest entries
// from each pass. Errors are those of d.
func List[K ~uint8](ctx context.Context, after string, d DirReader[K]) iter.Seq2[Entry[K], error] {
	return func(yield func(Entry[K], error) bool) {
		l := dirListing[K]{ctx: ctx, d: d, hint: HintOf[K](ctx)}
		var err error
		if l.hint.AnyOrder {
			err = l.each(after, yield)
		} else {
			err = l.inOrder(after, yield)
		}
		if err != nil && !errors.Is(err, errStop) {
			yield(Entry[K]{}, err)
		}
	}
}

// errStop ends a listing when its caller stops.
var errStop = errors.New("stopped")

type dirListing[K ~uint8] struct {
	ctx  context.Context
	d    DirReader[K]
	hint Hint[K]
	seen int

	// describes makes a pass describe each entry that it takes. Usually only the
	// entries left at its end are described, which are far fewer. But if most of them
	// turn out not to be wanted, that would take one pass per chunk.
	describes bool
}

type foundEntry[K ~uint8] struct {
	Entry[K]
	src any
}

// each yields the entries unordered.
func (l *dirListing[K]) each(after string, yield func(Entry[K], error) bool) error {
	l.describes = true
	return l.pass(after, func(e foundEntry[K]) (bound string, err error) {
		if !yield(e.Entry, nil) {
			err = errStop
		}
		return "", err
	})
}

// inOrder yields the entries in order.
func (l *dirListing[K]) inOrder(after string, yield func(Entry[K], error) bool) error {
	size := firstChunk
	if l.hint.Limit > 0 {
		size = min(size, l.hint.Limit)
	}
	for {
		chunk, more, err := l.smallest(after, size)
		if err != nil {
			return err
		}
		used := 0
		for _, e := range chunk {
			after = e.key()
			if err := l.ctx.Err(); err != nil {
				return err
			}
			if !l.describes {
				if ok, err := l.describe(&e); err != nil {
					return err
				} else if !ok {
					continue
				}
			}
			used++
			if !yield(e.Entry, nil) {
				return errStop
			}
		}
		switch {
		case !more:
			return nil
		case used > len(chunk)/2:
			// The caller took all of them and will probably take more.
			size = max(size*growChunk, firstChunk)
		default:
			l.describes, size = true, max(size, firstChunk)
		}
	}
}

// smallest returns the first size entries after the key after, in order, and whether
// there are more.
func (l *dirListing[K]) smallest(after string, size int) (chunk []foundEntry[K], more bool, err error) {
	// The chunk may grow to twice its size before its larger half is dropped. From then
	// on, entries at or after bound are not wanted.
	bound := ""
	cut := func() {
		slices.SortFunc(chunk, func(a, b foundEntry[K]) int { return strings.Compare(a.key(), b.key()) })
		if len(chunk) > size {
			clear(chunk[size:])
			chunk, more = chunk[:size], true
			bound = chunk[size-1].key()
		}
	}
	err = l.pass(after, func(e foundEntry[K]) (string, error) {
		chunk = append(chunk, e)
		if len(chunk) == 2*size {
			cut()
		}
		return bound, nil
	})
	cut()
	return chunk, more, err
}

// pass calls take with each wanted entry whose key is after after and before the bound
// that take last returned; "" means no bound.
func (l *dirListing[K]) pass(after string, take func(foundEntry[K]) (bound string, err error)) error {
	bound := ""
	return l.d.Each(func(elem []byte, kind K, src any) error {
		if l.seen++; l.seen%1024 == 0 {
			if err := l.ctx.Err(); err != nil {
				return err
			}
		}
		if kind != Unknown && !keyBetween(elem, kind, after, bound) || !l.wants(elem, kind) {
			return nil
		}
		e := foundEntry[K]{Entry[K]{Elem: string(elem), Kind: kind}, src}
		if l.describes || kind == Unknown {
			if ok, err := l.describe(&e); err != nil || !ok {
				return err
			}
			// The entry's kind may have changed, and with it its position.
			if !keyBetween(elem, e.Kind, after, bound) {
				return nil
			}
		}
		var err error
		bound, err = take(e)
		return err
	})
}

// wants reports whether an entry with this name and kind is wanted.
func (l *dirListing[K]) wants(elem []byte, kind K) bool {
	shows := l.hint.Shows
	if shows == nil {
		return true
	}
	s := unsafe.String(unsafe.SliceData(elem), len(elem)) // avoids a string per entry of a large directory
	if kind != Unknown {
		return shows(s, kind)
	}
	return shows(s, File) || shows(s, Dir) || shows(s, Link)
}

// describe completes e and reports whether it is still wanted.
func (l *dirListing[K]) describe(e *foundEntry[K]) (bool, error) {
	was := e.Kind
	if l.hint.Names && was != Unknown {
		return true, nil
	}
	if err := l.d.Describe(&e.Entry, e.src); errors.Is(err, fs.ErrNotExist) || reason.ForError(err) == reason.Unholdable {
		return false, nil // removed since
	} else if err != nil {
		return false, err
	}
	if e.Kind == Unknown || was != Unknown && (was == Dir) != (e.Kind == Dir) {
		return false, nil // its position has changed
	}
	if l.hint.Shows == nil || l.hint.Names {
		return true, nil
	}
	return e.Reason == "" && (e.Kind == was || l.hint.Shows(e.Elem, e.Kind)), nil
}

// keyBetween reports whether the entry's key is after after and, unless bound is "",
// before bound. It does not make a string of the key.
func keyBetween[K ~uint8](elem []byte, kind K, after, bound string) bool {
	if kind != Dir {
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

// Entries is a DirReader over a file system that reads directories as io/fs entries: it
// calls take with each entry, from the start, and stops if take returns an error, which
// it returns.
type Entries[K ~uint8] func(take func(fs.DirEntry) error) error

func (read Entries[K]) Each(yield func(elem []byte, kind K, src any) error) error {
	return read(func(d fs.DirEntry) error { return yield([]byte(d.Name()), kindOf[K](d.Type()), d) })
}

func (Entries[K]) Describe(e *Entry[K], src any) error {
	if e.Kind != File && (e.Kind != Dir || !ownfile.Holds()) {
		return nil
	}
	st, err := src.(fs.DirEntry).Info()
	if err != nil {
		return err
	}
	if e.Kind = kindOf[K](st.Mode()); e.Kind == File {
		e.Size, e.ModTime = st.Size(), st.ModTime()
	}
	if reason.ForFile(st) == reason.OwnFile {
		e.Reason = reason.OwnFile
	}
	return nil
}

func kindOf[K ~uint8](m fs.FileMode) K {
	switch reason.ForMode(m) {
	case "":
		return File
	case reason.Directory:
		return Dir
	case reason.Symlink:
		return Link
	}
	return Special
}

// EachEntry calls take with each entry of the open directory f. It holds no more
// entries than f itself does.
func EachEntry(f fs.ReadDirFile, take func(fs.DirEntry) error) error {
	for {
		list, err := f.ReadDir(1024)
		for _, d := range list {
			if err := take(d); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case len(list) == 0:
			return io.ErrNoProgress
		}
	}
}

package vfs

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"slices"
	"strings"
	"unsafe"

	"github.com/bailiwick-fs/bailiwick/vfs/ownfile"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// A DirReader is an open directory whose entries a system gives in no order.
type DirReader interface {
	// Each calls yield with every entry, from the start, and ends with yield's error
	// if that is not nil. The bytes of elem are valid during the call alone. A kind may
	// be [KindUnknown]. What src is goes back to Describe.
	Each(yield func(elem []byte, kind Kind, src any) error) error

	// Describe completes an entry of which Elem and Kind are set: with size, time and
	// Reason, of a file, and with the Kind, where that is unknown or was another when
	// Each came to it. [fs.ErrNotExist] says that the entry is gone, and so does
	// an error by which the system finds nothing of such a name, see [FSReason].
	Describe(e *Entry, src any) error
}

// KindUnknown is the kind of an entry for which a system has no type at hand. It
// occurs between a DirReader and [ListDir] alone.
const KindUnknown Kind = 255

// firstChunk and growChunk bound how many entries are held at a time: a page of a
// directory with a million names needs memory for the page alone, and all of its
// pages in one go need few passes over it.
const (
	firstChunk = 2048
	growChunk  = 8
)

// ListDir is a Backend's List over a directory that comes in no order: it yields the
// entries after the key after, in order, each chunk being what a pass over the
// directory finds smallest. What the [ListHint] of ctx has no use for is neither held
// nor described. Errors of d are taken as [FSError] does.
func ListDir(ctx context.Context, dir Name, after string, d DirReader) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		l := dirListing{ctx: ctx, d: d, hint: ListHintOf(ctx)}
		var err error
		if l.hint.AnyOrder {
			err = l.each(after, yield)
		} else {
			err = l.inOrder(after, yield)
		}
		if err != nil && !errors.Is(err, errEnough) {
			yield(Entry{}, FSError("list", dir, err))
		}
	}
}

// errEnough ends a listing of which its caller has seen enough.
var errEnough = errors.New("enough")

type dirListing struct {
	ctx  context.Context
	d    DirReader
	hint ListHint
	seen int

	// describes makes a pass describe each entry that it takes. Usually those that are
	// left at its end are described, which are far fewer; but where most of them turn
	// out to be of no use, there would be a pass for each chunk.
	describes bool
}

type foundEntry struct {
	Entry
	src any
}

// each yields the entries as they come.
func (l *dirListing) each(after string, yield func(Entry, error) bool) error {
	l.describes = true
	return l.pass(after, func(e foundEntry) (bound string, err error) {
		if !yield(e.Entry, nil) {
			err = errEnough
		}
		return "", err
	})
}

// inOrder yields the entries in order.
func (l *dirListing) inOrder(after string, yield func(Entry, error) bool) error {
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
			after = e.Key()
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
				return errEnough
			}
		}
		switch {
		case !more:
			return nil
		case used > len(chunk)/2:
			// The caller had use for them, and so will have for more.
			size = max(size*growChunk, firstChunk)
		default:
			l.describes, size = true, max(size, firstChunk)
		}
	}
}

// smallest returns the size first entries after the key after, in order, and
// whether there are more.
func (l *dirListing) smallest(after string, size int) (chunk []foundEntry, more bool, err error) {
	// The chunk may grow to twice its size before the larger half is dropped.
	// Once that was done, bound is the key from which on entries are of no use.
	bound := ""
	cut := func() {
		slices.SortFunc(chunk, func(a, b foundEntry) int { return strings.Compare(a.Key(), b.Key()) })
		if len(chunk) > size {
			clear(chunk[size:])
			chunk, more = chunk[:size], true
			bound = chunk[size-1].Key()
		}
	}
	err = l.pass(after, func(e foundEntry) (string, error) {
		chunk = append(chunk, e)
		if len(chunk) == 2*size {
			cut()
		}
		return bound, nil
	})
	cut()
	return chunk, more, err
}

// pass calls take with each entry of use whose key lies behind after and before the
// bound that take last returned, "" being none.
func (l *dirListing) pass(after string, take func(foundEntry) (bound string, err error)) error {
	bound := ""
	return l.d.Each(func(elem []byte, kind Kind, src any) error {
		if l.seen++; l.seen%1024 == 0 {
			if err := l.ctx.Err(); err != nil {
				return err
			}
		}
		if kind != KindUnknown && !keyBetween(elem, kind, after, bound) || !l.wants(elem, kind) {
			return nil
		}
		e := foundEntry{Entry{Elem: string(elem), Kind: kind}, src}
		if l.describes || kind == KindUnknown {
			if ok, err := l.describe(&e); err != nil || !ok {
				return err
			}
			// What it is may have changed, and its place in the order with that.
			if !keyBetween(elem, e.Kind, after, bound) {
				return nil
			}
		}
		var err error
		bound, err = take(e)
		return err
	})
}

// wants reports whether an entry of that name and kind is of use.
func (l *dirListing) wants(elem []byte, kind Kind) bool {
	shows := l.hint.Shows
	if shows == nil {
		return true
	}
	s := unsafe.String(unsafe.SliceData(elem), len(elem)) // a directory of a million names is no million strings
	if kind != KindUnknown {
		return shows(s, kind)
	}
	return shows(s, KindFile) || shows(s, KindDir) || shows(s, KindLink)
}

// describe completes e and reports whether it is still of use.
func (l *dirListing) describe(e *foundEntry) (bool, error) {
	was := e.Kind
	if l.hint.Names && was != KindUnknown {
		return true, nil
	}
	if err := l.d.Describe(&e.Entry, e.src); errors.Is(err, fs.ErrNotExist) || FSReason(err) == reason.Unholdable {
		return false, nil // removed since
	} else if err != nil {
		return false, err
	}
	if e.Kind == KindUnknown || was != KindUnknown && (was == KindDir) != (e.Kind == KindDir) {
		return false, nil // its place in the order is another one now
	}
	if l.hint.Shows == nil || l.hint.Names {
		return true, nil
	}
	return e.Reason == "" && (e.Kind == was || l.hint.Shows(e.Elem, e.Kind)), nil
}

// keyBetween reports whether the entry's key lies behind after and before
// bound, where that is not "", without making a string of it.
func keyBetween(elem []byte, kind Kind, after, bound string) bool {
	if kind != KindDir {
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

// ListWhole is a Backend's List over a file system in which a directory is read by
// [fs.DirEntry]: read calls take with each of them, from the start, and ends with
// take's error if that is not nil. It is called once or a few times.
func ListWhole(ctx context.Context, dir Name, after string, read func(take func(fs.DirEntry) error) error) iter.Seq2[Entry, error] {
	return ListDir(ctx, dir, after, dirEntries(read))
}

type dirEntries func(take func(fs.DirEntry) error) error

func (read dirEntries) Each(yield func(elem []byte, kind Kind, src any) error) error {
	return read(func(d fs.DirEntry) error { return yield([]byte(d.Name()), kindOf(d.Type()), d) })
}

func (dirEntries) Describe(e *Entry, src any) error {
	if e.Kind != KindFile && (e.Kind != KindDir || !ownfile.Holds()) {
		return nil
	}
	st, err := src.(fs.DirEntry).Info()
	if err != nil {
		return err
	}
	if e.Kind = kindOf(st.Mode()); e.Kind == KindFile {
		e.Size, e.ModTime = st.Size(), st.ModTime()
	}
	if FileReason(st) == reason.OwnFile {
		e.Reason = reason.OwnFile
	}
	return nil
}

func kindOf(m fs.FileMode) Kind {
	switch ModeReason(m) {
	case "":
		return KindFile
	case reason.Directory:
		return KindDir
	case reason.Symlink:
		return KindLink
	}
	return KindSpecial
}

// EachEntry calls take with each entry of the open directory f, as read for
// [ListWhole] does, holding no more of them than f itself does.
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

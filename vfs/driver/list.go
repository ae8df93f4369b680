package driver

import (
	"context"
	"io/fs"
	"iter"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/internal/filestore"
)

// A DirReader is an open directory whose entries the system returns unordered.
type DirReader interface {
	// Each calls yield with every entry, from the start, and stops if yield returns an
	// error, which it returns. The bytes of elem are valid only during the call. kind
	// may be [KindUnknown]. src is passed back to Describe.
	Each(yield func(elem []byte, kind vfs.Kind, src any) error) error

	// Describe completes an entry that has Elem and Kind: it adds size, time and Reason
	// of a file, and sets the Kind if that is unknown or has changed since Each. For a
	// removed entry it returns [fs.ErrNotExist], or any error for which
	// [reason.ForError] returns [reason.Unholdable].
	Describe(e *vfs.Entry, src any) error
}

// KindUnknown is the kind of an entry whose type the system did not report. Only a
// DirReader uses it.
const KindUnknown vfs.Kind = filestore.Unknown

// ListDir implements a backend's List over an unordered directory: it yields the
// entries after the key after, in order. It holds a bounded number of entries and reads
// a large directory several times instead. It neither holds nor describes entries that
// the [ListHint] of ctx does not need. Errors of d go through [FSError].
func ListDir(ctx context.Context, dir vfs.Name, after string, d DirReader) iter.Seq2[vfs.Entry, error] {
	return func(yield func(vfs.Entry, error) bool) {
		for e, err := range filestore.List(ctx, after, dirReader{d}) {
			if err != nil {
				err = FSError("list", dir, err)
			}
			if !yield(vfs.Entry(e), err) {
				return
			}
		}
	}
}

// dirReader converts the type of the entry.
type dirReader struct{ DirReader }

func (d dirReader) Describe(e *filestore.Entry[vfs.Kind], src any) error {
	return d.DirReader.Describe((*vfs.Entry)(e), src)
}

// ListWhole implements a backend's List over a file system that reads directories as
// io/fs entries. read calls take with each entry, from the start, and stops if take
// returns an error, which it returns. It is called at least once, seldom more than a
// few times.
func ListWhole(ctx context.Context, dir vfs.Name, after string, read func(take func(fs.DirEntry) error) error) iter.Seq2[vfs.Entry, error] {
	return ListDir(ctx, dir, after, entries{read})
}

// entries is a DirReader over read.
type entries struct{ filestore.Entries[vfs.Kind] }

func (r entries) Describe(e *vfs.Entry, src any) error {
	return r.Entries.Describe((*filestore.Entry[vfs.Kind])(e), src)
}

// EachEntry calls take with each entry of the open directory f, as the read function of
// [ListWhole] must do. It holds no more entries than f itself does.
func EachEntry(f fs.ReadDirFile, take func(fs.DirEntry) error) error {
	return filestore.EachEntry(f, take)
}

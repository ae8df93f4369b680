package driver

import (
	"context"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/internal/filestore"
)

// A ListHint says which entries the caller of List needs, so that a backend need
// not hold, sort, describe or fetch the others. Only Requests is binding: a
// backend may yield more entries than are needed, and in order anyway. The zero
// ListHint asks for every entry.
type ListHint struct {
	// Shows, if set, is true for the entries that are needed, by element and kind
	// alone. Entries with a Reason are not needed unless Names is set. Shows is called
	// on the goroutine that ranges over the listing, any number of times, with
	// elements as the backend has them; elem is valid during the call alone.
	Shows func(elem string, kind vfs.Kind) bool

	// Names: element and kind are enough. Size, ModTime and Reason may be left out.
	Names bool

	// AnyOrder: the entries need not come in order, and the caller stops soon.
	AnyOrder bool

	// Limit is how many entries the caller is likely to take; 0 is all of them.
	Limit int

	// Requests, if positive, bounds the requests that a remote backend may send for
	// this listing. Where it needs more, the listing ends with [vfs.ErrListBound].
	Requests int
}

// WithListHint returns a context for [vfs.Backend.List] that carries h in place
// of any hint before. A hint travels in the context because a layer between
// caller and backend would hide an optional interface. A layer that lists another
// backend's entries under other elements passes on a hint without Shows; one that
// merges them with others, a hint without AnyOrder.
func WithListHint(ctx context.Context, h ListHint) context.Context {
	return filestore.WithHint(ctx, filestore.Hint[vfs.Kind](h))
}

// ListHintOf returns the hint that ctx carries, or the zero ListHint.
func ListHintOf(ctx context.Context) ListHint {
	return ListHint(filestore.HintOf[vfs.Kind](ctx))
}

package driver

import (
	"context"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/internal/filestore"
)

// A ListHint says which entries the caller of List needs, so that a backend need not
// hold, sort, describe or fetch the others. Only Requests is binding: a backend may
// yield more entries than needed, and may always yield them in order. The zero ListHint
// asks for all entries.
type ListHint struct {
	// Shows, if set, reports whether an entry is needed, by element and kind alone.
	// Entries with a Reason are not needed unless Names is set. Shows is called on the
	// goroutine that ranges over the listing, any number of times, with elements as
	// stored; elem is valid only during the call.
	Shows func(elem string, kind vfs.Kind) bool

	// Names: element and kind are enough. Size, ModTime and Reason may be omitted.
	Names bool

	// AnyOrder: the entries may come in any order, and the caller will stop soon.
	AnyOrder bool

	// Limit is the number of entries that the caller is likely to take; 0 means all.
	Limit int

	// Requests, if positive, bounds the requests that a remote backend may send for
	// this listing. A listing that needs more fails with [vfs.ErrListBound].
	Requests int
}

// WithListHint returns a context for [vfs.Backend.List] that carries h, replacing any
// previous hint. A hint travels in the context because a layer between caller and
// backend would hide an optional interface. A layer that changes the elements of
// entries must pass on a hint without Shows. A layer that merges entries with others
// must pass on a hint without AnyOrder.
func WithListHint(ctx context.Context, h ListHint) context.Context {
	return filestore.WithHint(ctx, filestore.Hint[vfs.Kind](h))
}

// ListHintOf returns the hint that ctx carries, or the zero ListHint.
func ListHintOf(ctx context.Context) ListHint {
	return ListHint(filestore.HintOf[vfs.Kind](ctx))
}

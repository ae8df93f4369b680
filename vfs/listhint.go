package vfs

import "context"

// A ListHint says what the caller of [Backend.List] has use for, so that a backend
// need not hold, sort, describe or fetch what nobody will see. But for Requests it
// binds nobody: a backend may yield more than is wanted, and in order all the same.
// The zero ListHint wants every entry.
type ListHint struct {
	// Shows, if set, is true for the entries that are wanted, by element and kind
	// alone. Of these, the ones with a Reason are not, unless Names is set. It is
	// called on the goroutine that ranges over the listing, any number of times, with
	// elements as the backend has them; elem is valid during the call alone.
	Shows func(elem string, kind Kind) bool

	// Names: element and kind are enough. Size, ModTime and Reason may be left out.
	Names bool

	// AnyOrder: the entries need not come in order, and the caller stops soon.
	AnyOrder bool

	// Limit is how many entries the caller is likely to take; 0 is all of them.
	Limit int

	// Requests, if it is positive, bounds the requests that a remote backend may send
	// for this listing. Where it needs more, the listing ends with [ErrListBound].
	Requests int
}

// WithListHint returns a context for [Backend.List] that carries h in the place of
// any hint before. It travels in the context and not in an optional interface, which
// a layer between the two would hide. A layer that lists another backend's entries
// under other elements passes on a hint without Shows; one that merges them with
// others, a hint without AnyOrder.
func WithListHint(ctx context.Context, h ListHint) context.Context {
	return context.WithValue(ctx, listHintKey{}, h)
}

// ListHintOf returns the hint that ctx carries, else the zero ListHint.
func ListHintOf(ctx context.Context) ListHint {
	h, _ := ctx.Value(listHintKey{}).(ListHint)
	return h
}

type listHintKey struct{}

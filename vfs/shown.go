package vfs

import "context"

// WithShown returns a context for [Backend.List] that tells the backend which
// entries its caller has use for: those for which shows is true and that have no
// Reason. A backend may leave out the others, so that it need not hold, sort or
// stat what nobody will see; it may also yield them all the same. With a nil
// shows, all entries are wanted.
//
// shows goes by the element and the kind alone. It is called on the goroutine that
// ranges over the listing, any number of times, with elements as the backend has
// them. A layer that lists another backend's entries under other elements passes
// on WithShown(ctx, nil).
//
// The hint travels in the context and not in an optional interface, which a layer
// between the two would hide.
func WithShown(ctx context.Context, shows func(elem string, kind Kind) bool) context.Context {
	return context.WithValue(ctx, shownKey{}, shows)
}

// Shown returns what [WithShown] put into ctx, nil if all entries are wanted.
func Shown(ctx context.Context) func(elem string, kind Kind) bool {
	shows, _ := ctx.Value(shownKey{}).(func(string, Kind) bool)
	return shows
}

type shownKey struct{}

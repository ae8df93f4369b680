package audit

import "context"

type attemptKey struct{}

// NewContext returns a context that carries the record of a request.
func NewContext(ctx context.Context, a *Attempt) context.Context {
	return context.WithValue(ctx, attemptKey{}, a)
}

// FromContext returns the record that ctx carries, for a handler to complete: its Name,
// Principal, Verdict, Reason and Rule. Without one it returns a new Attempt, which nobody
// gets. It belongs to the goroutine of the request, and must not be used after the handler
// has returned.
func FromContext(ctx context.Context) *Attempt {
	if a, ok := ctx.Value(attemptKey{}).(*Attempt); ok {
		return a
	}
	return new(Attempt)
}

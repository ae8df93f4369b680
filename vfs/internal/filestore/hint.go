package filestore

import "context"

// A Hint has the fields of driver.ListHint.
type Hint[K ~uint8] struct {
	Shows    func(elem string, kind K) bool
	Names    bool
	AnyOrder bool
	Limit    int
	Requests int
}

// WithHint is driver.WithListHint.
func WithHint[K ~uint8](ctx context.Context, h Hint[K]) context.Context {
	return context.WithValue(ctx, hintKey{}, h)
}

// HintOf is driver.ListHintOf.
func HintOf[K ~uint8](ctx context.Context) Hint[K] {
	h, _ := ctx.Value(hintKey{}).(Hint[K])
	return h
}

type hintKey struct{}

package overlay_test

import (
	"context"
	"io"
	"iter"
	"slices"
	"testing"

	"github.com/bailiwick-fs/bailiwick/backends/layer/overlay"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A leaving backend is the first of an overlay. It ends the caller's context with the last
// change that a removal makes, and fails calls after that.
type leaving struct {
	vfs.Backend
	t      *testing.T
	cancel context.CancelFunc
}

func (b *leaving) Remove(ctx context.Context, n vfs.Name, cond vfs.Cond) error {
	err := b.Backend.Remove(ctx, n, cond)
	b.cancel()
	return err
}

func (b *leaving) Put(ctx context.Context, n vfs.Name, body io.Reader, opts vfs.PutOptions) (vfs.Info, error) {
	info, err := b.Backend.Put(ctx, n, body, opts)
	if _, there := b.Stat(ctx, name(b.t, "dir/x"), vfs.Request{}); there != nil {
		b.cancel()
	}
	return info, err
}

func (b *leaving) List(ctx context.Context, dir vfs.Name, after string) iter.Seq2[vfs.Entry, error] {
	if err := ctx.Err(); err != nil {
		return func(yield func(vfs.Entry, error) bool) { yield(vfs.Entry{}, err) }
	}
	return b.Backend.List(ctx, dir, after)
}

// A directory was listed for good, without anything in it, if the client that removed its
// last object left before that was noted.
func TestRemoveLastOfCallerThatLeft(t *testing.T) {
	for _, upper := range [][]string{nil, {"dir/x"}} {
		ctx, cancel := context.WithCancel(t.Context())
		first := &leaving{store(t, "1", upper...), t, cancel}
		b, err := overlay.New([]vfs.Backend{first, store(t, "2", "dir/x", "other")}, overlay.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Remove(ctx, name(t, "dir/x"), vfs.Cond{}); err != nil {
			t.Errorf("%q: Remove: %v", upper, err)
		}
		var listed []string
		for e, err := range b.List(t.Context(), vfs.Root, "") {
			if err != nil {
				t.Fatal(err)
			}
			listed = append(listed, e.Key())
		}
		if !slices.Equal(listed, []string{"other"}) || ctx.Err() == nil {
			t.Errorf("%q: the top lists %q, %v", upper, listed, ctx.Err())
		}
	}
}

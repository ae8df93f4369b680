package overlay_test

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"testing"

	"github.com/bailiwick-fs/bailiwick/backends/layer/overlay"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
)

// A teller fills in the Answer of every call, as a cache does.
type teller struct {
	vfs.Backend
	status driver.CacheStatus
}

func (b teller) Open(ctx context.Context, n vfs.Name, req vfs.Request) (*vfs.Object, error) {
	b.tell(ctx)
	return b.Backend.Open(ctx, n, req)
}

func (b teller) Stat(ctx context.Context, n vfs.Name, req vfs.Request) (vfs.Info, error) {
	b.tell(ctx)
	return b.Backend.Stat(ctx, n, req)
}

func (b teller) tell(ctx context.Context) {
	if a := driver.AnswerOf(ctx); a != nil {
		a.Cache = b.status
	}
}

// The Answer is that of the backend that has the object, and of no other that was asked on
// the way, for the name or for a whiteout. A listing says the same.
func TestAnswer(t *testing.T) {
	for _, parallel := range []bool{false, true} {
		backends := []vfs.Backend{
			teller{store(t, "1", "first", "both"), driver.CacheMiss},
			store(t, "2", "second", "both", "gone"),
			teller{store(t, "3", "third", "both", "gone"), driver.CacheHit},
		}
		b, err := overlay.New(backends, overlay.Options{Parallel: parallel})
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Remove(t.Context(), name(t, "gone"), vfs.Cond{}); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			name string
			req  vfs.Request
			want driver.Answer
			err  error
		}{
			{"first", vfs.Request{}, driver.Answer{Layer: 1, Cache: driver.CacheMiss}, nil},
			{"both", vfs.Request{}, driver.Answer{Layer: 1, Cache: driver.CacheMiss}, nil},
			{"second", vfs.Request{}, driver.Answer{Layer: 2}, nil},
			{"third", vfs.Request{}, driver.Answer{Layer: 3, Cache: driver.CacheHit}, nil},
			{"third", vfs.Request{Cond: vfs.Cond{IfMatch: vfs.Tags{List: []vfs.Tag{{Value: `"other"`, Set: true}}}}}, driver.Answer{Layer: 3, Cache: driver.CacheHit}, vfs.ErrPrecondition},
			{"gone", vfs.Request{}, driver.Answer{}, fs.ErrNotExist},
			{"missing", vfs.Request{}, driver.Answer{}, fs.ErrNotExist},
		} {
			var a driver.Answer
			ctx := driver.WithAnswer(t.Context(), &a)
			_, err := b.Stat(ctx, name(t, c.name), c.req)
			if a != c.want || !errors.Is(err, c.err) {
				t.Errorf("parallel %t: Stat of %s: %+v %v, want %+v", parallel, c.name, a, err, c.want)
			}
			a = driver.Answer{}
			obj, err := b.Open(ctx, name(t, c.name), c.req)
			if a != c.want || !errors.Is(err, c.err) {
				t.Errorf("parallel %t: Open of %s: %+v %v, want %+v", parallel, c.name, a, err, c.want)
			}
			if err == nil {
				obj.Body.Close()
			}
		}
		var listed []int
		for e, err := range b.List(t.Context(), vfs.Root, "") {
			if err != nil {
				t.Fatal(err)
			}
			listed = append(listed, e.Layer)
		}
		if !slices.Equal(listed, []int{1, 1, 2, 3}) { // both, first, second, third
			t.Errorf("parallel %t: the entries are of %v", parallel, listed)
		}
	}
}

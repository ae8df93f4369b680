package vfs_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// One move at a time has a name, also beside moves of the name onto itself.
func TestMoveOntoItself(t *testing.T) {
	b := &overlapping{Backend: mem.New()}
	j, err := vfs.New(b, vfs.Policy{Allow: vfs.Patterns("**")})
	if err != nil {
		t.Fatal(err)
	}
	from := mustName(t, "a")
	var wg sync.WaitGroup
	for _, to := range []string{"a", "a", "b", "c"} {
		to := mustName(t, to)
		wg.Go(func() {
			for range 100_000 {
				_, err := j.Move(t.Context(), to, j, from, vfs.PutOptions{})
				if !errors.Is(err, vfs.ErrUnavailable) && vfs.ReasonOf(err) != reason.Missing {
					t.Errorf("moving a missing object to %s: %v", to, err)
					return
				}
			}
		})
	}
	wg.Wait()
	if n := b.together.Load(); n > 0 {
		t.Errorf("%d times, two moves had the same name", n)
	}
}

// overlapping is a backend without objects. It counts the calls of Stat that began during
// another one.
type overlapping struct {
	vfs.Backend
	now, together atomic.Int64
}

func (c *overlapping) Stat(_ context.Context, n vfs.Name, _ vfs.Request) (vfs.Info, error) {
	if c.now.Add(1) > 1 {
		c.together.Add(1)
	}
	defer c.now.Add(-1)
	runtime.Gosched()
	return vfs.Info{}, &vfs.Error{Op: "stat", Name: n.String(), Reason: reason.Missing}
}

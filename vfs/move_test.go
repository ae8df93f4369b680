package vfs_test

import (
	"context"
	"errors"
	"io/fs"
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

// A move that only creates needs no right to read at the target, whose store refuses to replace
// what is there.
func TestMoveToWriteOnly(t *testing.T) {
	from, err := mem.FromMap(map[string]string{"a": "moved"})
	if err != nil {
		t.Fatal(err)
	}
	to := mem.New()
	source, target := mustJail(t, from, vfs.Policy{Allow: vfs.Patterns("**")}), mustJail(t, unreadable{to}, vfs.Policy{Allow: vfs.Patterns("**")})
	if _, err := target.Move(t.Context(), mustName(t, "b"), source, mustName(t, "a"), vfs.PutOptions{Cond: vfs.Cond{IfNoneMatch: vfs.Tags{Any: true}}}); err != nil {
		t.Error(err)
	}
	if info, err := to.Stat(t.Context(), mustName(t, "b"), vfs.Request{}); err != nil || info.Size != int64(len("moved")) {
		t.Errorf("at the target: %+v, %v", info, err)
	}
	if _, err := from.Stat(t.Context(), mustName(t, "a"), vfs.Request{}); vfs.ReasonOf(err) != reason.Missing {
		t.Errorf("at the source: %v", err)
	}
}

// An unreadable backend may be listed and written to.
type unreadable struct{ vfs.Backend }

func (unreadable) Stat(_ context.Context, n vfs.Name, _ vfs.Request) (vfs.Info, error) {
	return vfs.Info{}, &vfs.Error{Op: "stat", Name: n.String(), Reason: reason.Permission, Err: fs.ErrNotExist}
}

package catalogtest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/bailiwick-fs/bailiwick/server/catalog"
)

// testRaces has 64 callers move one row out of a state: exactly one succeeds.
func testRaces(t *testing.T, c catalog.Catalog) {
	named := func(names ...string) (list []call) {
		for _, call := range calls {
			if slices.Contains(names, call.name) {
				list = append(list, call)
			}
		}
		return list
	}
	for _, tt := range []struct {
		from catalog.State
		how  []call
	}{
		{catalog.Pending, named("Commit")},
		{catalog.Pending, named("Abandon")},
		{catalog.Pending, named("Commit", "Abandon")},
		{catalog.Ready, named("Delete")},
	} {
		for round := range 5 {
			rec := bring(t, c, tt.from)
			var (
				mu    sync.Mutex
				wins  []call
				g     errgroup.Group
				start = make(chan struct{})
			)
			for i := range 64 {
				call := tt.how[i%len(tt.how)]
				g.Go(func() error {
					<-start
					err := call.run(t.Context(), c, rec)
					if err == nil {
						mu.Lock()
						wins = append(wins, call)
						mu.Unlock()
					} else if !errors.Is(err, catalog.ErrNotFound) {
						return fmt.Errorf("%s: %w", call.name, err)
					}
					return nil
				})
			}
			close(start)
			must(t, g.Wait())
			if len(wins) != 1 {
				t.Fatalf("round %d: %d of 64 took the row out of %q, want 1", round, len(wins), tt.from)
			}
			if got := find(t, c, rec.ID).State; got != wins[0].to {
				t.Errorf("round %d: %s succeeded, but the row is %q", round, wins[0].name, got)
			}
		}
	}

	// 64 rows with one ID.
	rec := NewRecord("")
	var g errgroup.Group
	wins := make([]string, 64)
	for i := range wins {
		g.Go(func() error {
			r := rec
			r.Name = fmt.Sprint("name ", i)
			if err := c.Begin(t.Context(), r); err == nil {
				wins[i] = r.Name
			} else if errors.Is(err, catalog.ErrUnavailable) {
				return err
			}
			return nil
		})
	}
	must(t, g.Wait())
	won := slices.DeleteFunc(wins, func(s string) bool { return s == "" })
	if len(won) != 1 || find(t, c, rec.ID).Name != won[0] {
		t.Errorf("%q began the ID, but its name is %q", won, find(t, c, rec.ID).Name)
	}
}

// testManyAtOnce has many goroutines move their own rows through all states.
func testManyAtOnce(t *testing.T, c catalog.Catalog) {
	const workers, rounds = 32, 5
	ctx := t.Context()
	var g errgroup.Group
	for w := range workers {
		g.Go(func() error {
			for i := range rounds {
				rec := NewRecord(fmt.Sprintf("%d of %d", i, w))
				if err := c.Begin(ctx, rec); err != nil {
					return err
				}
				if err := c.Touch(ctx, rec.ID); err != nil {
					return err
				}
				if i%2 == 1 {
					if err := errors.Join(c.Abandon(ctx, rec.ID), c.Forget(ctx, rec.ID)); err != nil {
						return err
					}
					continue
				}
				want, err := c.Commit(ctx, Done(rec, rec.Name))
				if err != nil {
					return err
				}
				got, err := c.Get(ctx, rec.ID)
				if err != nil {
					return err
				}
				if got != want || got.Name != rec.Name {
					return fmt.Errorf("got %+v, want %+v", got, want)
				}
			}
			return nil
		})
	}
	must(t, g.Wait())
	n := 0
	for _, r := range collect(t, c.All(ctx)) {
		if r.State != catalog.Ready {
			t.Errorf("left over: %+v", r)
		}
		n++
	}
	if want := workers * (rounds + 1) / 2; n != want {
		t.Errorf("%d rows, want %d", n, want)
	}
}

package catalogtest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"
	"golang.org/x/sync/errgroup"

	"github.com/bailiwick-fs/bailiwick/server/catalog"
)

// Environment variables that turn a test binary into another process of TestProcesses.
const (
	roleVariable  = "BAILIWICK_CATALOGTEST_ROLE"
	whereVariable = "BAILIWICK_CATALOGTEST_WHERE"
)

// noticeWait limits how long a store may take to notice that a process was killed.
const noticeWait = 20 * time.Second

// An Opener opens the catalog at a location: a path or a URL.
type Opener func(ctx context.Context, where string) (catalog.Catalog, error)

// Main must be called by TestMain in a package that uses TestProcesses: it runs the
// tests, or the role of another process. No goroutine may remain after the tests.
func Main(m *testing.M, open Opener) {
	role := os.Getenv(roleVariable)
	if role == "" {
		goleak.VerifyTestMain(m)
		return
	}
	if err := roles[role](context.Background(), open, os.Getenv(whereVariable)); err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

var roles = map[string]func(context.Context, Opener, string) error{"hold": hold, "race": race, "use": useLink}

// hold leaves a pending row and one that it deletes, and runs until its standard input
// ends.
func hold(ctx context.Context, open Opener, where string) error {
	c, err := open(ctx, where)
	if err != nil {
		return err
	}
	pending, deleting, ready := NewRecord("pending"), NewRecord("deleting"), NewRecord("ready")
	for _, r := range []catalog.Record{pending, deleting, ready} {
		if err := c.Begin(ctx, r); err != nil {
			return err
		}
	}
	_, err = c.Commit(ctx, Done(ready, "data"))
	if err := errors.Join(err, c.Abandon(ctx, deleting.ID)); err != nil {
		return err
	}
	fmt.Println(pending.ID)
	fmt.Println(deleting.ID)
	fmt.Println("ready")
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	return c.Close()
}

// race tries to move the rows whose IDs it reads from standard input, up to "go", out of
// Pending, and prints the IDs for which it succeeded. Meanwhile it checks that no rows
// are stale, since all processes are alive. It ends with its input.
func race(ctx context.Context, open Opener, where string) error {
	c, err := open(ctx, where)
	if err != nil {
		return err
	}
	fmt.Println("ready")
	var list []uuid.UUID
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() && lines.Text() != "go" {
		id, err := uuid.Parse(lines.Text())
		if err != nil {
			return err
		}
		list = append(list, id)
	}
	won, err := take(ctx, c, list)
	for _, id := range won {
		fmt.Println(id)
	}
	if err != nil {
		return err
	}
	fmt.Println("ready")
	// Stay alive as long as any process that checks for stale rows.
	for lines.Scan() {
	}
	return c.Close()
}

// take tries to abandon each row, from several goroutines concurrently, and returns the
// rows for which it succeeded.
func take(ctx context.Context, c catalog.Catalog, list []uuid.UUID) ([]uuid.UUID, error) {
	wins := make(chan uuid.UUID, 4*len(list))
	g, ctx := errgroup.WithContext(ctx)
	for i := range 4 {
		g.Go(func() error {
			for _, id := range list {
				var err error
				if i%2 == 0 {
					_, err = c.Commit(ctx, Done(catalog.Record{ID: id}, "data"))
				} else {
					err = c.Abandon(ctx, id)
				}
				if err == nil {
					wins <- id
				} else if !errors.Is(err, catalog.ErrNotFound) {
					return err
				}
			}
			return nil
		})
	}
	g.Go(func() error {
		for range 5 {
			for r, err := range c.Stale(ctx, time.Now().Add(-time.Hour)) {
				if err == nil {
					err = fmt.Errorf("stale, although all processes are alive: %+v", r)
				}
				return err
			}
			rec := NewRecord("besides")
			if err := c.Begin(ctx, rec); err != nil {
				return err
			}
			if err := errors.Join(c.Touch(ctx, rec.ID), c.Abandon(ctx, rec.ID), c.Forget(ctx, rec.ID)); err != nil {
				return err
			}
		}
		return nil
	})
	err := g.Wait()
	close(wins)
	var won []uuid.UUID
	for id := range wins {
		won = append(won, id)
	}
	return won, err
}

// TestProcesses has several processes use the catalog at an empty location. The
// package's TestMain must call Main.
func TestProcesses(t *testing.T, where string, open Opener) {
	c, err := open(t.Context(), where)
	must(t, err)
	t.Cleanup(func() { c.Close() })

	t.Run("race", func(t *testing.T) {
		a, _ := start(t, "race", where)
		b, _ := start(t, "race", where)
		var list []uuid.UUID
		for id := range fill(t, c, 300, func(int) string { return "raced for" }) {
			list = append(list, id)
		}
		for _, p := range []*child{a, b} {
			for _, id := range list {
				_, err := fmt.Fprintln(p.in, id)
				must(t, err)
			}
			_, err := fmt.Fprintln(p.in, "go")
			must(t, err)
		}
		won := make(map[string]int)
		parts := 0
		mine, err := take(t.Context(), c, list)
		must(t, err)
		for _, id := range mine {
			won[id.String()]++
		}
		for _, p := range []*child{a, b} {
			lines := p.ready(t)
			for _, id := range lines {
				won[id]++
			}
			if len(lines) > 0 {
				parts++
			}
		}
		for _, id := range list {
			if n := won[id.String()]; n != 1 {
				t.Errorf("%d processes took one row, want 1", n)
			}
		}
		if len(won) != len(list) {
			t.Errorf("%d rows were won of %d", len(won), len(list))
		}
		if parts == 0 {
			t.Log("this process won every row: the others were too late to race")
		}
		a.finish(t)
		b.finish(t)
	})

	t.Run("uses of a link", func(t *testing.T) { testUsesOfProcesses(t, c, where) })

	t.Run("kill", func(t *testing.T) {
		old := time.Now().Add(-time.Hour)
		living, lives := start(t, "hold", where)
		killed, dies := start(t, "hold", where)
		mine := bring(t, c, catalog.Pending)
		left := func() map[uuid.UUID]bool {
			t.Helper()
			// The rows that the race abandoned are not part of this test.
			found := ids(collect(t, c.Stale(t.Context(), old)))
			for _, id := range append(lives, mine.ID.String()) {
				if found[uuid.MustParse(id)] {
					t.Errorf("stale, although its process is alive: %s", id)
				}
			}
			return found
		}
		for id := range left() {
			for _, held := range dies {
				if id.String() == held {
					t.Errorf("stale before its process was killed: %s", id)
				}
			}
		}
		killed.kill(t)
		// A server notices the end of a connection a little later.
		ctx, cancel := context.WithTimeout(t.Context(), noticeWait)
		defer cancel()
		for ctx.Err() == nil {
			found := left()
			if !slices.ContainsFunc(dies, func(id string) bool { return !found[uuid.MustParse(id)] }) {
				break
			}
		}
		if ctx.Err() != nil {
			t.Errorf("not stale within %v, although its process was killed: %v", noticeWait, dies)
		}

		// A third process sees the same, like the next start of a server.
		for _, id := range dies {
			id := uuid.MustParse(id)
			if err := c.Abandon(t.Context(), id); err != nil && !errors.Is(err, catalog.ErrNotFound) {
				t.Error(err)
			}
			must(t, c.Forget(t.Context(), id))
		}
		living.finish(t)
		found := ids(collect(t, c.Stale(t.Context(), old)))
		for _, id := range lives {
			if !found[uuid.MustParse(id)] {
				t.Errorf("not stale, although its process closed the catalog: %s", id)
			}
		}
		if found[mine.ID] {
			t.Error("stale, although it belongs to this process")
		}
	})
}

// TestInstances opens one store several times in this process. open opens it once more;
// the caller closes it.
func TestInstances(t *testing.T, open func(testing.TB) catalog.Catalog) {
	ctx := t.Context()
	old := time.Now().Add(-time.Hour)
	a, b := open(t), open(t)
	t.Cleanup(func() { a.Close(); b.Close() })
	begun, deleted, touched, ready := bring(t, a, catalog.Pending), bring(t, b, catalog.Ready), bring(t, a, catalog.Pending), bring(t, a, catalog.Ready)
	must(t, a.Delete(ctx, deleted.ID))
	must(t, b.Touch(ctx, touched.ID))
	for _, c := range []catalog.Catalog{a, b} {
		if left := collect(t, c.Stale(ctx, old)); len(left) > 0 {
			t.Errorf("stale, although both instances are alive: %v", left)
		}
	}
	same(t, find(t, b, begun.ID), begun)
	must(t, a.Close())
	left := ids(collect(t, b.Stale(ctx, old)))
	for what, tt := range map[string]struct {
		id   uuid.UUID
		left bool
	}{
		"a row that it began":                       {begun.ID, true},
		"a row that it deleted, and another stored": {deleted.ID, true},
		"a row that it began, and another touched":  {touched.ID, false},
		"a row that is ready":                       {ready.ID, false},
	} {
		if left[tt.id] != tt.left {
			t.Errorf("an instance was closed; stale: %v, want %v: %s", left[tt.id], tt.left, what)
		}
	}
	// An instance that clears a row owns it.
	must(t, b.Abandon(ctx, begun.ID))
	if ids(collect(t, b.Stale(ctx, old)))[begun.ID] {
		t.Error("stale, although a live instance took it")
	}
	must(t, b.Close())
	c := open(t)
	defer c.Close()
	if left := collect(t, c.Stale(ctx, old)); len(left) != 3 {
		t.Errorf("after all instances ended: %d stale, want 3: %v", len(left), left)
	}
}

package catalogtest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"
	"golang.org/x/sync/errgroup"

	"github.com/bailiwick-fs/bailiwick/server/catalog"
)

// Variables that make a test's program another process of TestProcesses.
const (
	roleVariable  = "BAILIWICK_CATALOGTEST_ROLE"
	whereVariable = "BAILIWICK_CATALOGTEST_WHERE"
)

// noticeWait bounds how long a store may take to see that a process was killed.
const noticeWait = 20 * time.Second

// An Opener opens the catalog at a place: a path, or a URL.
type Opener func(ctx context.Context, where string) (catalog.Catalog, error)

// Main is what TestMain calls in a package that uses TestProcesses: it runs the
// tests, or what another process has to do. No goroutine may be left after them.
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

// hold leaves a pending row and one that it deletes, and lives until its
// standard input ends.
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

// race takes the rows whose IDs stand on standard input, up to "go", out of
// Pending, and prints those that it won. Meanwhile it looks for rows that are left,
// of which there are none: all processes live. It ends with its input.
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
	// It lives as long as any that looks for rows that are left.
	for lines.Scan() {
	}
	return c.Close()
}

// take tries to take each row, by several goroutines at a time, and returns the
// rows that it took.
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
					err = fmt.Errorf("left, although all live: %+v", r)
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

// A child is another process that has the catalog open.
type child struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines *bufio.Scanner
}

// start starts a process and returns the lines that it prints before it is
// ready.
func start(t testing.TB, role, where string) (*child, []string) {
	t.Helper()
	program, err := os.Executable()
	must(t, err)
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), roleVariable+"="+role, whereVariable+"="+where)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	c := &child{cmd: cmd, in: in, lines: bufio.NewScanner(out)}
	t.Cleanup(func() {
		c.in.Close()
		_ = c.cmd.Process.Kill() // an error says that it is gone already
		_ = c.cmd.Wait()
	})
	return c, c.ready(t)
}

// ready returns the lines that the process prints before it is ready.
func (c *child) ready(t testing.TB) []string {
	t.Helper()
	var lines []string
	for c.lines.Scan() {
		if c.lines.Text() == "ready" {
			return lines
		}
		lines = append(lines, c.lines.Text())
	}
	t.Fatalf("the process ended before it was ready: %s", strings.Join(lines, "\n"))
	return nil
}

// kill ends the process as nothing can be done against.
func (c *child) kill(t testing.TB) {
	t.Helper()
	must(t, c.cmd.Process.Kill())
	if err := c.cmd.Wait(); err == nil {
		t.Fatal("a killed process ended well")
	}
}

// finish ends the process's input, and with that the process.
func (c *child) finish(t testing.TB) {
	t.Helper()
	must(t, c.in.Close())
	for c.lines.Scan() {
		t.Errorf("the process prints %s", c.lines.Text())
	}
	must(t, c.cmd.Wait())
}

// TestProcesses has several processes use the catalog at a place, which is empty
// at first. Its package's TestMain calls Main.
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
				t.Errorf("%d took one row, want 1", n)
			}
		}
		if len(won) != len(list) {
			t.Errorf("%d rows were won of %d", len(won), len(list))
		}
		if parts == 0 {
			t.Log("this process won every row: the others came too late to race")
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
			// What the race abandoned is this test's own to clear, but this is no
			// part of it.
			found := ids(collect(t, c.Stale(t.Context(), old)))
			for _, id := range append(lives, mine.ID.String()) {
				if found[uuid.MustParse(id)] {
					t.Errorf("left, although its process lives: %s", id)
				}
			}
			return found
		}
		for id := range left() {
			for _, held := range dies {
				if id.String() == held {
					t.Errorf("left before its process was killed: %s", id)
				}
			}
		}
		killed.kill(t)
		// A server on the other end of a connection notices its end a little later.
		ctx, cancel := context.WithTimeout(t.Context(), noticeWait)
		defer cancel()
		for ctx.Err() == nil {
			found := left()
			if !slices.ContainsFunc(dies, func(id string) bool { return !found[uuid.MustParse(id)] }) {
				break
			}
		}
		if ctx.Err() != nil {
			t.Errorf("not left within %v, although its process was killed: %v", noticeWait, dies)
		}

		// A third process sees the same, as the next start of a server does.
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
				t.Errorf("not left, although its process closed the catalog: %s", id)
			}
		}
		if found[mine.ID] {
			t.Error("left, although it is this process's own")
		}
	})
}

// TestInstances opens one store several times in this process. open opens it
// once more, and leaves closing to its caller.
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
			t.Errorf("left, although both instances live: %v", left)
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
			t.Errorf("an instance was closed; left: %v, want %v: %s", left[tt.id], tt.left, what)
		}
	}
	// Whoever clears it works on it.
	must(t, b.Abandon(ctx, begun.ID))
	if ids(collect(t, b.Stale(ctx, old)))[begun.ID] {
		t.Error("left, although an instance that lives took it")
	}
	must(t, b.Close())
	c := open(t)
	defer c.Close()
	if left := collect(t, c.Stale(ctx, old)); len(left) != 3 {
		t.Errorf("after the end of all: %d left, want 3: %v", len(left), left)
	}
}

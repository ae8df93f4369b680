package catalogtest

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/bailiwick-fs/bailiwick/server/auth/links"
	"github.com/bailiwick-fs/bailiwick/server/catalog"
)

// A UseCounter is a catalog that also counts the uses of signed links.
type UseCounter interface {
	catalog.Catalog
	links.Counter
}

var anHour = time.Now().Add(time.Hour)

// TestUses counts uses of links in one store. open opens it once more; the caller closes
// it.
func TestUses(t *testing.T, open func(testing.TB) UseCounter) {
	ctx := t.Context()
	a, b := open(t), open(t)
	t.Cleanup(func() { a.Close(); b.Close() })
	use := func(c links.Counter, id string, limit int, expires time.Time, want bool) {
		t.Helper()
		if ok, err := c.Use(ctx, id, limit, expires); err != nil || ok != want {
			t.Errorf("use of %q: %v, %v, want %v", id, ok, err, want)
		}
	}
	good := func(id string, limit int, want bool) {
		t.Helper()
		for _, c := range []links.Counter{a, b} {
			if ok, err := c.Good(ctx, id, limit); err != nil || ok != want {
				t.Errorf("Good of %q: %v, %v, want %v", id, ok, err, want)
			}
		}
	}
	use(a, "none", 0, anHour, false)
	good("none", 0, false)
	for i := range 5 {
		// Good does not count.
		good("three times", 3, i < 3)
		use([]links.Counter{a, b}[i%2], "three times", 3, anHour, i < 3)
	}
	good("three times", 4, true)
	use(a, "another link", 1, anHour, true)

	for _, limit := range []int{1, 7, 63} {
		id := rand.Text()
		if won := useAtOnce(t, id, limit, a, b); won != limit {
			t.Errorf("%d of 64 racing uses succeeded, want %d", won, limit)
		}
	}

	for what, id := range map[string]string{
		"a NUL": "a\x00b", "invalid UTF-8": "\xff", "too long": strings.Repeat("x", 256),
	} {
		if ok, err := a.Use(ctx, id, 1, anHour); ok || err == nil || errors.Is(err, catalog.ErrUnavailable) {
			t.Errorf("an id with %s: %v, %v, want an error about the id", what, ok, err)
		}
		if ok, err := a.Good(ctx, id, 1); ok || err == nil || errors.Is(err, catalog.ErrUnavailable) {
			t.Errorf("Good of an id with %s: %v, %v, want an error about the id", what, ok, err)
		}
	}
	over, cancel := context.WithCancel(ctx)
	cancel()
	if ok, err := a.Use(over, "canceled", 1, anHour); ok || !errors.Is(err, context.Canceled) {
		t.Errorf("with a canceled context: %v, %v", ok, err)
	}

	// Links that expired an hour ago are forgotten, but not links that may still be valid
	// elsewhere.
	use(a, "long expired", 1, time.Now().Add(-2*time.Hour), false)
	use(a, "just expired", 1, time.Now().Add(-time.Minute), true)
	must(t, a.Close())
	must(t, b.Close())
	if ok, err := a.Use(ctx, "closed", 1, anHour); ok || !errors.Is(err, catalog.ErrClosed) {
		t.Errorf("after Close: %v, %v", ok, err)
	}
	if ok, err := a.Good(ctx, "closed", 1); ok || !errors.Is(err, catalog.ErrClosed) {
		t.Errorf("Good after Close: %v, %v", ok, err)
	}
	c := open(t)
	defer c.Close()
	use(c, "three times", 3, anHour, false)
	use(c, "three times", 4, anHour, true)
	use(c, "just expired", 1, time.Now().Add(-time.Minute), false)
	use(c, "long expired", 1, time.Now().Add(-2*time.Hour), false)
}

// TestClock sets the clock of a store back, across a restart. openAt opens the store
// with a clock; the caller closes it.
func TestClock(t *testing.T, openAt func(now func() time.Time) UseCounter) {
	ctx := t.Context()
	start := time.Now().UTC().Truncate(time.Second)
	at := start
	clock := func() time.Time { return at }
	c := openAt(clock)
	use := func(what, id string, expires time.Time, want bool) {
		t.Helper()
		if ok, err := c.Use(ctx, id, 1, expires); err != nil || ok != want {
			t.Errorf("%s: %v, %v, want %v", what, ok, err, want)
		}
	}
	restart := func() {
		t.Helper()
		must(t, c.Close())
		c = openAt(clock)
	}
	defer func() { c.Close() }()
	ends := start.Add(time.Hour)
	use("a new link", "link", ends, true)
	use("a used-up link", "link", ends, false)
	// Its count is removed, long after it expired.
	at = start.Add(5 * time.Hour)
	restart()
	use("another link", "another", at.Add(time.Hour), true)
	for _, again := range []bool{false, true} {
		at = start
		if again {
			restart()
		}
		use("a used-up link, after the clock went back", "link", ends, false)
		use("a new link that has not expired by the latest time", "new"+fmt.Sprint(again), start.Add(6*time.Hour), true)
	}
	mark := c.(links.Mark)
	latest, err := mark.Latest(ctx, start)
	must(t, err)
	if !latest.Equal(start.Add(5 * time.Hour)) {
		t.Errorf("the latest time is %v, want %v", latest, start.Add(5*time.Hour))
	}
	// A wrong time that an operator resets.
	wrong := start.AddDate(50, 0, 0)
	if latest, err := mark.Latest(ctx, wrong); err != nil || !latest.Equal(wrong) {
		t.Errorf("the latest time is %v, %v, want %v", latest, err, wrong)
	}
	restart()
	use("a link, with a wrong time", "late", start.Add(24*time.Hour), false)
	if before, err := c.(interface {
		ResetLatest(context.Context) (time.Time, error)
	}).ResetLatest(ctx); err != nil || !before.Equal(wrong) {
		t.Errorf("ResetLatest: %v, %v, want %v", before, err, wrong)
	}
	use("a link, after the reset", "late", start.Add(24*time.Hour), true)
}

// useAtOnce makes 64 concurrent uses of a link, and returns how many succeeded.
func useAtOnce(t testing.TB, id string, limit int, counters ...links.Counter) int {
	t.Helper()
	var won atomic.Int64
	var g errgroup.Group
	start := make(chan struct{})
	for i := range 64 {
		g.Go(func() error {
			<-start
			ok, err := counters[i%len(counters)].Use(t.Context(), id, limit, anHour)
			if ok {
				won.Add(1)
			}
			return err
		})
	}
	close(start)
	must(t, g.Wait())
	return int(won.Load())
}

// Concurrent uses by several processes, each of which makes that many attempts.
const (
	racedLink = "raced for by processes"
	usesEach  = 40
	usesLimit = 60
)

// useLink uses a link once it reads a line from standard input, prints how many uses
// succeeded, and ends with its input.
func useLink(ctx context.Context, open Opener, where string) error {
	c, err := open(ctx, where)
	if err != nil {
		return err
	}
	fmt.Println("ready")
	lines := bufio.NewScanner(os.Stdin)
	lines.Scan()
	won, err := tryUses(ctx, c)
	if err != nil {
		return err
	}
	fmt.Println(won)
	fmt.Println("ready")
	for lines.Scan() {
	}
	return c.Close()
}

func tryUses(ctx context.Context, c catalog.Catalog) (won int, err error) {
	counter, ok := c.(links.Counter)
	if !ok {
		return 0, errors.New("the catalog does not count the uses of links")
	}
	for range usesEach {
		ok, err := counter.Use(ctx, racedLink, usesLimit, anHour)
		if err != nil {
			return won, err
		}
		if ok {
			won++
		}
	}
	return won, nil
}

// testUsesOfProcesses has three processes use one link.
func testUsesOfProcesses(t *testing.T, c catalog.Catalog, where string) {
	a, _ := start(t, "use", where)
	b, _ := start(t, "use", where)
	for _, p := range []*child{a, b} {
		_, err := fmt.Fprintln(p.in, "go")
		must(t, err)
	}
	won, err := tryUses(t.Context(), c)
	must(t, err)
	for _, p := range []*child{a, b} {
		n, err := strconv.Atoi(strings.Join(p.ready(t), ""))
		must(t, err)
		won += n
		p.finish(t)
	}
	if won != usesLimit {
		t.Errorf("%d uses succeeded, want %d", won, usesLimit)
	}
}

package links_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/server/auth/links"
)

// wall is a time without monotonic reading, as a system whose clock was set says it.
func wall(t time.Time) time.Time { return t.Round(0) }

func TestClock(t *testing.T) {
	var c links.Clock
	start := wall(time.Now())
	last := time.Time{}
	for _, says := range []time.Duration{0, -time.Hour, time.Hour, time.Minute, -10000 * time.Hour, 0} {
		now := c.Now(t.Context(), start.Add(says))
		if now.Before(last) || now.Before(start.Add(says)) {
			t.Errorf("the clock went from %v to %v, and the system said %v", last, now, start.Add(says))
		}
		last = now
	}
}

// TestClockLink has a link end, and sets the clock back.
func TestClockLink(t *testing.T) {
	k := keys(t, key("one", 1))
	link := links.Link{Method: "GET", Path: "/a", Expires: now.Add(time.Hour)}
	q := sign(t, k, link)
	naive, kept := 0, 0
	var c links.Clock
	for _, says := range []time.Duration{0, 2 * time.Hour, 0} {
		at := now.Add(says)
		if _, err := k.Verify("GET", "/a", q, at); err == nil {
			naive++
		}
		if _, err := k.Verify("GET", "/a", q, c.Now(t.Context(), at)); err == nil {
			kept++
		}
	}
	if naive != 2 || kept != 1 {
		t.Errorf("the link was good %d times by the system's clock, and %d times by one that does not go back", naive, kept)
	}
}

// A page is a Mark that outlives Clocks.
type page struct {
	latest time.Time
	asked  int
	err    error
}

func (p *page) Latest(_ context.Context, t time.Time) (time.Time, error) {
	p.asked++
	if p.err != nil {
		return time.Time{}, p.err
	}
	if t.After(p.latest) {
		p.latest = t
	}
	return p.latest, nil
}

func TestClockMark(t *testing.T) {
	var p page
	start := wall(time.Now())
	var before links.Clock
	before.Keep(&p)
	for range 100 {
		before.Now(t.Context(), start)
	}
	before.Now(t.Context(), start.Add(2*time.Minute))
	if p.asked != 2 || !p.latest.Equal(start.Add(2*time.Minute)) {
		t.Errorf("the mark was asked %d times, and is %v", p.asked, p.latest)
	}
	// The next process begins with a clock that has gone back.
	var after links.Clock
	after.Keep(&p)
	if got := after.Now(t.Context(), start.Add(-time.Hour)); !got.Equal(p.latest) {
		t.Errorf("a new clock says %v, and the mark is %v", got, p.latest)
	}
	// A mark that does not answer keeps nobody from working.
	p.err = errors.New("down")
	after.Keep(&p)
	p.asked = 0
	for range 10 {
		if got := after.Now(t.Context(), start); got.Before(p.latest) {
			t.Errorf("the clock went back to %v", got)
		}
	}
	if p.asked != 1 {
		t.Errorf("a mark that does not answer was asked %d times", p.asked)
	}
}

// TestMemoryClockBack sets the clock back behind the end of a link that was used up, after
// its count was cleared.
func TestMemoryClockBack(t *testing.T) {
	var at time.Time
	m := links.Memory{Now: func() time.Time { return at }}
	use := func(id string, expires time.Time, want bool) {
		t.Helper()
		if ok, err := m.Use(t.Context(), id, 1, expires); ok != want || err != nil {
			t.Errorf("use of %s: %v, %v, want %v", id, ok, err, want)
		}
	}
	ends := now.Add(time.Hour)
	at = now
	use("link", ends, true)
	use("link", ends, false)
	at = now.Add(3 * time.Hour)
	use("clears", at.Add(time.Hour), true)
	at = now
	use("link", ends, false)
	use("another that has ended", ends, false)
	use("one that has not", now.Add(4*time.Hour), true)
}

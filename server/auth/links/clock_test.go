package links_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/server/auth/links"
)

// wall returns a time without monotonic reading, like that of a system whose clock was
// set.
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

// Calls that overtake each other, as those of concurrent requests do, add nothing to the clock.
func TestClockOvertaken(t *testing.T) {
	start := time.Now()
	later := start.Add(2 * time.Millisecond)
	var c links.Clock
	for range 1000 {
		c.Now(t.Context(), later)
		c.Now(t.Context(), start)
	}
	if got := c.Now(t.Context(), later); !got.Equal(later) {
		t.Errorf("the clock is %v ahead", got.Sub(wall(later)))
	}
	// A slow mark has a time from before the other calls.
	c.Keep(slowMark{func() { c.Now(t.Context(), later.Add(time.Second)) }, wall(later.Add(time.Hour))})
	c.Now(t.Context(), later)
	if got, want := c.Now(t.Context(), later.Add(time.Second)), later.Add(time.Hour); !got.Equal(want) {
		t.Errorf("after the mark, the clock is %v ahead", got.Sub(wall(want)))
	}
}

// A slowMark returns its time when meanwhile has returned.
type slowMark struct {
	meanwhile func()
	stored    time.Time
}

func (m slowMark) Latest(context.Context, time.Time) (time.Time, error) {
	m.meanwhile()
	return m.stored, nil
}

// TestClockLink lets a link expire and sets the clock back.
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
		t.Errorf("the link was valid %d times by the system clock, and %d times by a Clock", naive, kept)
	}
}

// A page is a Mark that outlives its Clocks.
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
		t.Errorf("the mark was called %d times, and is %v", p.asked, p.latest)
	}
	// The next process starts with a clock that went backwards.
	var after links.Clock
	after.Keep(&p)
	if got := after.Now(t.Context(), start.Add(-time.Hour)); !got.Equal(p.latest) {
		t.Errorf("a new clock says %v, and the mark is %v", got, p.latest)
	}
	// A failing mark does not stop the clock.
	p.err = errors.New("down")
	after.Keep(&p)
	p.asked = 0
	for range 10 {
		if got := after.Now(t.Context(), start); got.Before(p.latest) {
			t.Errorf("the clock went back to %v", got)
		}
	}
	if p.asked != 1 {
		t.Errorf("a failing mark was called %d times", p.asked)
	}
}

// TestMemoryClockBack sets the clock back to before the expiry of a used-up link whose
// count was already removed.
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
	use("another expired link", ends, false)
	use("an unexpired link", now.Add(4*time.Hour), true)
}

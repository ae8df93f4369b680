package links

import (
	"context"
	"sync"
	"time"
)

// A Clock is the time by which links are judged. It does not go back: a link that has
// ended by it stays so, whatever the system's clock says later. It advances only when it
// is asked, so a system whose clock was wrong meanwhile does no harm unless a link was
// used then. It is safe for concurrent use, and the zero Clock is ready.
type Clock struct {
	mu     sync.Mutex
	latest time.Time // without a monotonic reading
	at     time.Time // what the system said then, with one

	mark  Mark
	asked time.Time // when the mark was, zero if not yet
}

// A Mark keeps the latest time of a Clock beyond the process. It is safe for concurrent
// use.
type Mark interface {
	// Latest keeps t, if it is the latest time so far, and returns the latest.
	Latest(ctx context.Context, t time.Time) (time.Time, error)
}

// Times of asking a mark. What passes between two is what a restart may forget.
const (
	markPause = time.Minute
	markWait  = 2 * time.Second
)

// Advance advances the clock to t, if that is later: to what a Mark has kept, before the
// first link is judged.
func (c *Clock) Advance(t time.Time) { c.raise(t, time.Now()) }

// Keep has m keep the latest time from now on, beginning with the next call of Now. nil
// keeps it no longer.
func (c *Clock) Keep(m Mark) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mark, c.asked = m, time.Time{}
}

// Now returns the time of the system, which is now, unless that has gone back: then the
// latest time there was, and what has passed since. About once a minute it asks the Mark.
// One that does not answer is asked again a minute later.
func (c *Clock) Now(ctx context.Context, now time.Time) time.Time {
	t, mark := c.advance(now)
	if mark == nil {
		return t
	}
	// A client that goes away is no reason to forget.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), markWait)
	defer cancel()
	latest, err := mark.Latest(ctx, t)
	if err != nil {
		return t
	}
	return c.raise(latest, now)
}

// advance returns the time, and the mark if it is due.
func (c *Clock) advance(now time.Time) (t time.Time, due Mark) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t = now.Round(0)
	if passed := now.Sub(c.at); !c.latest.IsZero() && c.latest.Add(max(0, passed)).After(t) {
		t = c.latest.Add(max(0, passed))
	}
	c.latest, c.at = t, now
	if c.mark != nil && (c.asked.IsZero() || now.Sub(c.asked) >= markPause) {
		c.asked, due = now, c.mark
	}
	return t, due
}

// raise advances the clock to what another process has seen.
func (c *Clock) raise(t, now time.Time) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t.After(c.latest) {
		c.latest, c.at = t.Round(0), now
	}
	return c.latest
}

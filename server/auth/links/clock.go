package links

import (
	"context"
	"sync"
	"time"
)

// A Clock is the time that decides whether links have expired. It never goes backwards:
// an expired link stays expired, even if the system clock is set back later. It advances
// only when Now is called, so a temporarily wrong system clock does no harm unless a
// link was used meanwhile. It is safe for concurrent use, and the zero Clock is ready to
// use.
type Clock struct {
	mu     sync.Mutex
	latest time.Time // without a monotonic reading
	at     time.Time // the system time then, with one

	mark  Mark
	asked time.Time // when the mark was last called, zero if never
}

// A Mark persists the latest time of a Clock. It is safe for concurrent use.
type Mark interface {
	// Latest stores t if it is later than the stored time, and returns the stored time.
	Latest(ctx context.Context, t time.Time) (time.Time, error)
}

// How often, and for how long, a mark is called. A restart can lose at most the time
// since the last call.
const (
	markPause = time.Minute
	markWait  = 2 * time.Second
)

// Advance moves the clock forward to t, if that is later. Call it with a Mark's stored
// time before the first link is checked.
func (c *Clock) Advance(t time.Time) { c.raise(t, time.Now()) }

// Keep makes m store the latest time, beginning with the next call of Now. nil stops
// storing.
func (c *Clock) Keep(m Mark) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mark, c.asked = m, time.Time{}
}

// Now returns now, the system time, unless the system clock went backwards: then it
// returns the latest time seen plus the time that has passed since. About once a minute
// it calls the Mark. If that fails, it tries again a minute later.
func (c *Clock) Now(ctx context.Context, now time.Time) time.Time {
	t, mark := c.advance(now)
	if mark == nil {
		return t
	}
	// The time must be stored even if the client disconnects.
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
	passed := now.Sub(c.at)
	if passed < 0 && now != t {
		// By the monotonic clock, another call has overtaken this one. If at went back, the
		// difference would count again in the next call, and the clock would gain time.
		return c.latest, nil
	}
	if !c.latest.IsZero() && c.latest.Add(max(0, passed)).After(t) {
		t = c.latest.Add(max(0, passed))
	}
	c.latest, c.at = t, now
	if c.mark != nil && (c.asked.IsZero() || now.Sub(c.asked) >= markPause) {
		c.asked, due = now, c.mark
	}
	return t, due
}

// raise advances the clock to a time that another process has seen.
func (c *Clock) raise(t, now time.Time) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t.After(c.latest) {
		c.latest = t.Round(0)
		if now.After(c.at) { // other calls may have come while the mark was asked
			c.at = now
		}
	}
	return c.latest
}

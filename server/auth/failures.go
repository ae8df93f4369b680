package auth

import (
	"container/list"
	"context"
	"net/netip"
	"sync"
	"time"

	"github.com/bailiwick-fs/bailiwick/server/internal/clients"
)

// FailureLimits says how often a client may present wrong credentials. Zero
// values are the defaults.
type FailureLimits struct {
	Burst   int              // failures in a row before the first wait; 10
	Every   time.Duration    // after which one more is allowed; 10 s
	Clients int              // how many are remembered; 65,536
	Now     func() time.Time // time.Now
}

// Failures counts failed log-ins by client: an IPv4 address, or an IPv6 network
// of 64 bits, which is what one subscriber has. It never locks an account, since
// then anyone could lock out anyone. It is safe for concurrent use.
//
// It is a token bucket of its own: one of x/time/rate cannot take back what a
// log-in cost that turned out to be right.
//
// When more clients have failed than it remembers, it forgets the one that has
// not come for the longest time. Whoever holds that many addresses has that many
// guesses anyway.
//
// Only NewFailures makes them: [NewChain] refuses others.
type Failures struct {
	limits FailureLimits

	mu      sync.Mutex
	clients map[netip.Prefix]*failing
	idle    *list.List // of *failing that no attempt holds, the next to forget first
}

// A failing is a client that has failed, or is being judged.
type failing struct {
	key     netip.Prefix
	level   float64       // failures that are not forgiven yet
	at      time.Time     // of level
	running int           // attempts that may turn out to be failures
	settled chan struct{} // closed when one of them did or did not; nil if nobody waits
	idle    *list.Element // nil while running
}

// NewFailures returns counters that stand at zero.
func NewFailures(limits FailureLimits) *Failures {
	if limits.Burst <= 0 {
		limits.Burst = 10
	}
	if limits.Every <= 0 {
		limits.Every = 10 * time.Second
	}
	if limits.Clients <= 0 {
		limits.Clients = 1 << 16
	}
	if limits.Now == nil {
		limits.Now = time.Now
	}
	return &Failures{limits: limits, clients: make(map[netip.Prefix]*failing), idle: list.New()}
}

// begin lets an attempt of the client at addr start, or returns ErrThrottled.
// The turn must be settled, once.
//
// A guess counts as failed while it runs: a thousand at the same time must not
// all pass before the first has failed. Those that would go over the limit only
// together with running ones wait, since a browser sends its first requests at
// once, too.
func (f *Failures) begin(ctx context.Context, addr netip.Addr, guess bool) (turn, error) {
	key := clients.Key(addr)
	for {
		c, wait, err := f.enter(key, guess)
		switch {
		case err != nil:
			return turn{}, err
		case c != nil:
			return turn{f, c, guess}, nil
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return turn{}, ErrUnavailable
		}
	}
}

// A turn is an attempt of a client.
type turn struct {
	failures *Failures
	client   *failing
	guess    bool
}

// settle ends the attempt with what became of it.
func (t turn) settle(failed bool) { t.failures.leave(t.client, t.guess, failed) }

// enter returns the client's state with one more attempt in it, or what to wait
// for before trying again.
func (f *Failures) enter(key netip.Prefix, guess bool) (c *failing, wait <-chan struct{}, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.limits.Now()
	if c = f.client(key, now); c == nil {
		return nil, nil, throttled{f.limits.Every}
	}
	free := float64(f.limits.Burst) - c.level
	switch {
	case free < 1:
		f.rest(c)
		return nil, nil, throttled{time.Duration((1 - free) * float64(f.limits.Every))}
	case guess && free < float64(c.running+1):
		if c.settled == nil {
			c.settled = make(chan struct{})
		}
		return nil, c.settled, nil
	}
	if guess {
		c.running++
	}
	f.rest(c)
	return c, nil, nil
}

// leave ends an attempt.
func (f *Failures) leave(c *failing, guess, failed bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.limits.Now()
	if guess {
		c.running--
	} else if c = f.client(c.key, now); c == nil {
		return // a full table: this one goes uncounted
	}
	c.forgive(now, f.limits.Every)
	if failed {
		c.level++
	}
	if c.settled != nil {
		close(c.settled)
		c.settled = nil
	}
	f.rest(c)
}

// client returns the state of a client, new if need be; nil where the table is
// full of clients that are all being judged.
func (f *Failures) client(key netip.Prefix, now time.Time) *failing {
	c := f.clients[key]
	if c != nil {
		c.forgive(now, f.limits.Every)
		return c
	}
	if len(f.clients) >= f.limits.Clients {
		oldest := f.idle.Front()
		if oldest == nil {
			return nil
		}
		f.forget(oldest.Value.(*failing))
	}
	c = &failing{key: key, at: now}
	f.clients[key] = c
	return c
}

// rest puts c where it can be forgotten, or forgets it at once if there is
// nothing to remember, so that clients that succeed need no memory. A client
// that is being judged stays.
func (f *Failures) rest(c *failing) {
	if c.idle != nil {
		f.idle.Remove(c.idle)
		c.idle = nil
	}
	switch {
	case c.running > 0:
	case c.level == 0:
		delete(f.clients, c.key)
	default:
		c.idle = f.idle.PushBack(c)
	}
}

func (f *Failures) forget(c *failing) {
	f.idle.Remove(c.idle)
	delete(f.clients, c.key)
}

// forgive lowers the level by the time that has passed. A clock that went back
// forgives nothing.
func (c *failing) forgive(now time.Time, every time.Duration) {
	if passed := now.Sub(c.at); passed > 0 {
		c.level = max(0, c.level-float64(passed)/float64(every))
		c.at = now
	} else if passed < 0 {
		c.at = now
	}
}

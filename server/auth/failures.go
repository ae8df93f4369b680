package auth

import (
	"container/list"
	"context"
	"errors"
	"net/netip"
	"sync"
	"time"

	"github.com/bailiwick-fs/bailiwick/server/internal/clients"
)

// FailureLimits limits how often a client may present wrong credentials. Zero values are
// the defaults.
type FailureLimits struct {
	Burst   int              // failures in a row before the first wait; default 10
	Every   time.Duration    // time after which one more failure is allowed; default 10 s
	Clients int              // maximum number of remembered clients; default 65,536
	Now     func() time.Time // default time.Now
}

// Failures counts failed logins by client: an IPv4 address, or an IPv6 /64 network,
// which is what one subscriber gets. It never locks an account, since anyone could then
// lock out anyone else. It is safe for concurrent use.
//
// It implements a token bucket, because x/time/rate cannot refund the cost of a login
// that turned out to be right.
//
// When more clients have failed than it can remember, it forgets the one that was idle
// for longest. Whoever controls that many addresses has that many guesses anyway.
//
// Only NewFailures makes one: [NewChain] refuses others, and the zero Failures and nil let nobody
// try.
type Failures struct {
	limits FailureLimits

	mu      sync.Mutex
	clients map[netip.Prefix]*failing
	idle    *list.List // of *failing without running attempts, the next to forget first

	turns turns // of clients that failed too often, see LookUp
}

// A failing is a client that has failed or has a running attempt.
type failing struct {
	key     netip.Prefix
	level   float64 // failures that have not expired yet
	at      time.Time
	running int           // guesses that may turn out to be failures
	settled chan struct{} // closed when one of them ends; nil if nobody waits
	idle    *list.Element // nil while attempts run
}

// NewFailures returns empty counters.
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

// Guess calls check, which checks a password of the client at addr that no [Chain] checks, and
// returns its error. An error that matches ErrCredentials, but not ErrExpired, counts as a
// failure. A client that failed too often gets ErrThrottled, and check is not called. The error
// matches ErrUnavailable if ctx ended while it waited for other guesses of the client.
func (f *Failures) Guess(ctx context.Context, addr netip.Addr, check func() error) error {
	a, err := f.begin(ctx, addr, true)
	if err != nil {
		return err
	}
	return a.run(check)
}

// begin starts an attempt of the client at addr, or returns ErrThrottled. The attempt
// must be settled exactly once.
//
// A guess counts as failed while it runs: otherwise a thousand concurrent guesses would
// all pass before the first one fails. Attempts that would exceed the limit only
// together with running ones wait instead of failing, because browsers legitimately send
// their first requests concurrently.
func (f *Failures) begin(ctx context.Context, addr netip.Addr, guess bool) (attempt, error) {
	if f == nil || f.clients == nil {
		return attempt{}, ErrUnavailable
	}
	key := clients.Key(addr)
	for {
		d := f.decide(key, guess)
		switch {
		case d.refused != nil:
			return attempt{}, d.refused
		case d.begun != nil:
			return attempt{f, d.begun, guess}, nil
		}
		select {
		case <-d.wait:
		case <-ctx.Done():
			return attempt{}, ErrUnavailable
		}
	}
}

// Attempt is Guess for a log-in with something that cannot be guessed, such as the code of an
// OpenID Connect provider: it does not wait for other attempts.
func (f *Failures) Attempt(ctx context.Context, addr netip.Addr, check func() error) error {
	a, err := f.begin(ctx, addr, false)
	if err != nil {
		return err
	}
	return a.run(check)
}

// An attempt is a running log-in of a client.
type attempt struct {
	failures *Failures
	client   *failing
	guess    bool
}

// run ends the attempt with what check returns.
func (a attempt) run(check func() error) (err error) {
	failed := true // if check panics
	defer func() { a.settle(failed) }()
	err = check()
	failed = counts(err)
	return err
}

// counts reports whether an error is a failure. Expired credentials were genuine once, so to
// present them is no guess.
func counts(err error) bool { return errors.Is(err, ErrCredentials) && !errors.Is(err, ErrExpired) }

// settle ends the attempt with its result.
func (a attempt) settle(failed bool) { a.failures.leave(a.client, a.guess, failed) }

// A decision says whether an attempt may begin. Exactly one field is set.
type decision struct {
	begun   *failing        // the client; the attempt counts in it
	wait    <-chan struct{} // decide again when it is closed
	refused error           // throttled
}

// decide begins an attempt if the client's failures allow it.
func (f *Failures) decide(key netip.Prefix, guess bool) decision {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.limits.Now()
	c := f.client(key, now)
	if c == nil {
		return decision{refused: throttled{f.limits.Every}}
	}
	free := float64(f.limits.Burst) - c.level
	switch {
	case free < 1:
		f.rest(c)
		return decision{refused: throttled{time.Duration((1 - free) * float64(f.limits.Every))}}
	case guess && free < float64(c.running+1):
		if c.settled == nil {
			c.settled = make(chan struct{})
		}
		return decision{wait: c.settled}
	}
	if guess {
		c.running++
	}
	f.rest(c)
	return decision{begun: c}
}

// leave ends an attempt.
func (f *Failures) leave(c *failing, guess, failed bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.limits.Now()
	if guess {
		c.running--
	} else if c = f.client(c.key, now); c == nil {
		return // the table is full: do not count this failure
	}
	c.decay(now, f.limits.Every)
	if failed {
		c.level++
	}
	if c.settled != nil {
		close(c.settled)
		c.settled = nil
	}
	f.rest(c)
}

// client returns the state of a client and creates it if needed. It returns nil if the
// table is full of clients with running attempts.
func (f *Failures) client(key netip.Prefix, now time.Time) *failing {
	c := f.clients[key]
	if c != nil {
		c.decay(now, f.limits.Every)
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

// rest makes c eligible for eviction, or removes it at once if it has no failures, so
// that successful clients use no memory. A client with running attempts stays.
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

// decay reduces the level by the time that has passed. A clock that went backwards
// forgives nothing.
func (c *failing) decay(now time.Time, every time.Duration) {
	if passed := now.Sub(c.at); passed > 0 {
		c.level = max(0, c.level-float64(passed)/float64(every))
		c.at = now
	} else if passed < 0 {
		c.at = now
	}
}

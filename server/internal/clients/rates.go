package clients

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Rates limits each client to a number of requests per second, with a burst after a
// pause. It is safe for concurrent use.
//
// A client that has paused for long enough has its full burst again, so nothing about it
// needs to be remembered. Rates remembers only recent clients, and only a limited number
// of them. An attacker with more addresses makes it forget clients early, which gives
// each of these a new burst but does not use more memory.
type Rates struct {
	perSecond float64
	burst     int
	refill    time.Duration // how long an empty bucket takes to fill
	max       int
	now       func() time.Time

	mu       sync.Mutex
	current  map[netip.Prefix]*rate.Limiter
	previous map[netip.Prefix]*rate.Limiter
	turned   time.Time
}

// NewRates returns Rates of perSecond requests per second with the given burst, for at
// most max clients. now is the clock; nil means time.Now. A burst below 1, which would
// allow no request, becomes 1.
func NewRates(perSecond float64, burst, max int, now func() time.Time) *Rates {
	if now == nil {
		now = time.Now
	}
	if burst < 1 {
		burst = 1
	}
	refill := time.Duration(float64(burst) / perSecond * float64(time.Second))
	return &Rates{
		perSecond: perSecond, burst: burst, refill: refill, max: max, now: now,
		current: map[netip.Prefix]*rate.Limiter{}, turned: now(),
	}
}

// Allow counts a request of client, or returns how long it must wait.
func (r *Rates) Allow(client netip.Prefix) (after time.Duration, ok bool) {
	now := r.now()
	limiter := r.of(client, now)
	if limiter.AllowN(now, 1) {
		return 0, true
	}
	need := 1 - limiter.TokensAt(now)
	return time.Duration(need / r.perSecond * float64(time.Second)), false
}

func (r *Rates) of(client netip.Prefix, now time.Time) *rate.Limiter {
	r.mu.Lock()
	defer r.mu.Unlock()
	if passed := now.Sub(r.turned); passed >= r.refill || len(r.current) >= r.max/2 {
		r.previous, r.current, r.turned = r.current, map[netip.Prefix]*rate.Limiter{}, now
		if passed >= 2*r.refill {
			r.previous = nil
		}
	}
	limiter := r.current[client]
	if limiter == nil {
		if limiter = r.previous[client]; limiter == nil {
			limiter = rate.NewLimiter(rate.Limit(r.perSecond), r.burst)
		}
		r.current[client] = limiter
	}
	return limiter
}

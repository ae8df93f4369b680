package clients

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Rates says how often each client may come: so many times a second, with twice as
// many at once after a rest. It is safe for concurrent use.
//
// A client that has rested for two seconds has its whole burst back, so that
// nothing need be known of it any more. Rates keeps those of the last seconds, and
// at most so many: an attacker with more addresses makes it forget early, which
// gives each of them a new burst and not more memory.
type Rates struct {
	perSecond float64
	max       int
	now       func() time.Time

	mu       sync.Mutex
	current  map[netip.Prefix]*rate.Limiter
	previous map[netip.Prefix]*rate.Limiter
	turned   time.Time
}

// refill is how long a bucket takes to fill: its burst is twice the rate.
const refill = 2 * time.Second

// NewRates returns Rates of perSecond requests a second for at most max clients,
// by the clock now; nil is time.Now.
func NewRates(perSecond float64, max int, now func() time.Time) *Rates {
	if now == nil {
		now = time.Now
	}
	return &Rates{perSecond: perSecond, max: max, now: now, current: map[netip.Prefix]*rate.Limiter{}, turned: now()}
}

// Allow takes one from what the client may, or says after which time it may again.
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
	if passed := now.Sub(r.turned); passed >= refill || len(r.current) >= r.max/2 {
		r.previous, r.current, r.turned = r.current, map[netip.Prefix]*rate.Limiter{}, now
		if passed >= 2*refill {
			r.previous = nil
		}
	}
	limiter := r.current[client]
	if limiter == nil {
		if limiter = r.previous[client]; limiter == nil {
			// Less than one at once would let nobody in.
			limiter = rate.NewLimiter(rate.Limit(r.perSecond), max(1, int(2*r.perSecond)))
		}
		r.current[client] = limiter
	}
	return limiter
}

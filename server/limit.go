package server

import (
	"log/slog"
	"net/http"
	"net/netip"
	"sync"

	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/server/internal/clients"
)

// Limits bound what clients can make a server do. The zero Limits bound nothing and
// trust no proxy.
type Limits struct {
	// InFlight bounds the requests that are answered at the same time. A request beyond
	// that gets 503 with Retry-After. nil is no bound.
	InFlight *Slots

	// PerClient bounds the requests per second of each client: an IPv4 address, or an IPv6
	// network of 64 bits. A request beyond that gets 429. nil is no bound.
	PerClient *Rates

	// TrustedProxies are the networks whose X-Forwarded-For is trusted: the address in it
	// is then the client's, for records and for PerClient. Their X-Forwarded-Proto says
	// whether clients use TLS, for the cookies of package session. From any other peer
	// these headers are ignored, since clients can forge them.
	TrustedProxies []netip.Prefix

	// TrustUnix says that whoever connects to a Unix socket is a trusted proxy, too. Otherwise
	// all clients of Unix sockets, which have no address, are one.
	TrustUnix bool

	// Recorder and Logger are those of [Config].
	Recorder audit.Recorder
	Logger   *slog.Logger
}

// Trusts reports whether the peer of r is a trusted proxy.
func (l *Limits) Trusts(r *http.Request) bool {
	return clients.Proxies(l.TrustedProxies).Trusts(clients.Of(r)) || l.TrustUnix && clients.OverUnix(r)
}

// Limit returns a handler that passes requests within the limits to next. It does not
// look at names, so a refusal reveals nothing about them. Each refusal is recorded.
//
// Limit panics if next is nil, or if Slots or Rates were not made by [NewSlots] or
// [NewRates].
func Limit(next http.Handler, l Limits) http.Handler {
	checkLimits(next, &l)
	return &limiter{next: next, limits: l, lingering: NewSlots(lingerSlots)}
}

func checkLimits(next http.Handler, l *Limits) {
	c := configCheck{"Limit"}
	if next == nil {
		c.panicf("the next handler is nil")
	}
	c.slots("Limits.InFlight", l.InFlight)
	if l.PerClient != nil && l.PerClient.clients == nil {
		c.panicf("Limits.PerClient is not made by NewRates")
	}
}

type limiter struct {
	next      http.Handler
	limits    Limits
	lingering *Slots
}

func (l *limiter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if l.limits.Trusts(r) {
		r = l.unproxied(r)
	}
	if rates := l.limits.PerClient; rates != nil {
		if after, ok := rates.clients.Allow(clients.Key(clients.Of(r))); !ok {
			l.refuse(w, r, errTooManyRequests(audit.ReasonRate, after))
			return
		}
	}
	if slots := l.limits.InFlight; slots != nil {
		if !slots.take() {
			l.refuse(w, r, errInFlight)
			return
		}
		defer slots.give()
	}
	l.next.ServeHTTP(w, r)
}

// unproxied returns the request of a trusted proxy as a client without proxies would have sent
// it.
func (l *limiter) unproxied(r *http.Request) *http.Request {
	peer := clients.Of(r)
	client := clients.Proxies(l.limits.TrustedProxies).ClientBehind(peer, r.Header["X-Forwarded-For"])
	overTLS := clients.ForwardedTLS(r.Header["X-Forwarded-Proto"])
	if client == peer && !overTLS {
		return r
	}
	ctx := r.Context()
	if overTLS {
		ctx = clients.WithTLS(ctx)
	}
	direct := r.WithContext(ctx)
	if client != peer {
		direct.RemoteAddr = netip.AddrPortFrom(client, 0).String()
	}
	return direct
}

// refuse answers without looking at the name. A few requests may linger, so that clients
// see the response; then the connection is closed.
func (l *limiter) refuse(w http.ResponseWriter, r *http.Request, response *httpError) {
	x := begin(w, r, nil, l.limits.Recorder, l.limits.Logger)
	defer x.end()
	x.lingering, x.closeIfFull = l.lingering, true
	if r.ContentLength != 0 && r.ProtoMajor == 1 {
		w.Header()["Connection"] = []string{"close"}
	}
	x.fail(response, nil)
}

// Slots bound how many requests ([Limits]) or request bodies ([Intake]) are handled at the
// same time. Handlers that share Slots are bounded together. If a reload replaces a handler
// by one with the same Slots, requests that are still running in the old one count. Slots
// are safe for concurrent use. Only NewSlots makes them.
type Slots struct {
	taken chan struct{} // has an item for each slot that is taken
	spool quota         // of temporary files, for those of an Intake

	mu      sync.Mutex
	clients map[netip.Prefix]int // slots of each client, see takeFor
}

// NewSlots returns n slots. It panics if n is below 1.
func NewSlots(n int) *Slots {
	if n < 1 {
		configCheck{"NewSlots"}.panicf("n is %d; write 1 or more, or leave the field nil", n)
	}
	return &Slots{taken: make(chan struct{}, n)}
}

// Len returns the number of slots, taken or not.
func (s *Slots) Len() int { return cap(s.taken) }

// take takes a slot, until give, and reports whether one was free.
func (s *Slots) take() bool {
	select {
	case s.taken <- struct{}{}:
		return true
	default:
		return false
	}
}

func (s *Slots) give() { <-s.taken }

// full reports whether all slots are taken.
func (s *Slots) full() bool { return len(s.taken) == cap(s.taken) }

// takeFor is take for a client, who may have most slots at a time. It returns the function that
// gives the slot back, nil if none was free.
func (s *Slots) takeFor(client netip.Prefix, most int) (give func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.clients[client] >= most || !s.take() {
		return nil
	}
	if s.clients == nil {
		s.clients = map[netip.Prefix]int{}
	}
	s.clients[client]++
	return func() {
		s.give()
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.clients[client]--; s.clients[client] == 0 {
			delete(s.clients, client)
		}
	}
}

// Rates bound how many requests per second each client may make. Handlers that share Rates
// count a client's requests together. If a reload replaces a handler by one with the same
// Rates, the counts are kept. Rates are safe for concurrent use. Only NewRates makes them.
type Rates struct{ clients *clients.Rates }

// maxClients is the number of clients whose rates are kept: about 30 MB.
const maxClients = 200_000

// NewRates returns Rates that allow each client perSecond requests per second, and burst
// requests at once after a pause; a burst of 0 is the requests of two seconds. It panics if
// perSecond is not a number above 0, or if burst is negative.
func NewRates(perSecond float64, burst int) *Rates {
	c := configCheck{"NewRates"}
	c.rate("perSecond", perSecond)
	if perSecond == 0 {
		c.panicf("perSecond is 0; leave Limits.PerClient nil for no limit")
	}
	c.whole("burst", int64(burst))
	if burst == 0 {
		burst = int(2 * perSecond)
	}
	return &Rates{clients.NewRates(perSecond, burst, maxClients, nil)}
}

package server

import (
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/bailiwick-fs/bailiwick/server/internal/clients"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// Limits bound what clients can make a server do. The zero Limits bound nothing and
// trust no proxy.
type Limits struct {
	// InFlight is how many requests are answered at the same time; past it a
	// request is told to come again later (503). 0 is any number.
	InFlight int

	// Slots, if set, are the bound in the place of InFlight, for all handlers that share
	// them.
	Slots *Slots

	// RatePerClient is how many requests a second a client may make, with twice as
	// many at once after a rest; past it, 429. A client is an IPv4 address, or an IPv6
	// network of 64 bits. 0 is any number.
	RatePerClient float64

	// BurstPerClient is how many it may make at once instead; 0 is twice as many as in
	// a second.
	BurstPerClient int

	// Rates, if set, are the bound in the place of RatePerClient, for all handlers that
	// share them.
	Rates *Rates

	// TrustedProxies are the networks whose hosts may say, in X-Forwarded-For, for
	// whom they ask. From others that header is what a client made up. The address
	// found is the client's from there on, in records and for limits.
	TrustedProxies []netip.Prefix

	// Recorder and Logger are those of [Config].
	Recorder Recorder
	Logger   *slog.Logger
}

// The reasons of Limits.
const (
	ReasonRate vfs.Reason = "limit.rate"
	ReasonBusy vfs.Reason = "limit.in_flight"
)

// Limit returns a handler that lets through to next what is within the limits. It
// looks at no name, so what it refuses tells nothing; each refusal is recorded.
//
// Limit panics where next is nil, a number is negative, or Rates or Slots are not made by
// NewRates or NewSlots.
func Limit(next http.Handler, l Limits) http.Handler {
	checkLimits(next, &l)
	g := &limiter{next: next, limits: l, proxies: l.TrustedProxies}
	if l.Slots == nil && l.InFlight > 0 {
		g.limits.Slots = NewSlots(l.InFlight)
	}
	if l.Rates == nil && l.RatePerClient > 0 {
		g.limits.Rates = NewRates(l.RatePerClient, l.BurstPerClient)
	}
	return g
}

func checkLimits(next http.Handler, l *Limits) {
	c := nonsense{"Limit"}
	if next == nil {
		c.found("the next handler is nil")
	}
	if l.Rates != nil && l.Rates.clients == nil {
		c.found("Limits.Rates is not made by NewRates")
	}
	if l.Slots != nil && l.Slots.taken == nil {
		c.found("Limits.Slots is not made by NewSlots")
	}
	c.whole("Limits.InFlight", int64(l.InFlight))
	c.rate("Limits.RatePerClient", l.RatePerClient)
	c.whole("Limits.BurstPerClient", int64(l.BurstPerClient))
}

type limiter struct {
	next    http.Handler
	limits  Limits
	proxies clients.Proxies
}

func (g *limiter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if len(g.proxies) > 0 {
		r = g.unproxied(r)
	}
	if rates := g.limits.Rates; rates != nil {
		if after, ok := rates.clients.Allow(clients.Key(clients.ParseHost(r.RemoteAddr))); !ok {
			g.refuse(w, r, func(x *exchange) { x.tooMany(ReasonRate, after) })
			return
		}
	}
	if slots := g.limits.Slots; slots != nil {
		if !slots.take() {
			g.refuse(w, r, func(x *exchange) {
				x.attempt.Verdict, x.attempt.Reason = Refused, ReasonBusy
				x.Header()["Retry-After"] = []string{"1"}
				x.fixed(http.StatusServiceUnavailable, textUnavailable)
			})
			return
		}
		defer slots.give()
	}
	g.next.ServeHTTP(w, r)
}

// unproxied returns the request as it would be had the client asked itself.
func (g *limiter) unproxied(r *http.Request) *http.Request {
	peer := clients.ParseHost(r.RemoteAddr)
	client := g.proxies.Client(peer, r.Header["X-Forwarded-For"])
	if client == peer {
		return r
	}
	direct := new(http.Request)
	*direct = *r
	direct.RemoteAddr = netip.AddrPortFrom(client, 0).String()
	return direct
}

// refuse answers without a look at the name. Nothing of a body is waited for.
func (g *limiter) refuse(w http.ResponseWriter, r *http.Request, answer func(x *exchange)) {
	x := begin(w, r, nil, g.limits.Recorder, g.limits.Logger)
	defer x.end()
	if r.ContentLength != 0 {
		w.Header()["Connection"] = []string{"close"}
		_ = http.NewResponseController(w).SetReadDeadline(time.Now())
	}
	answer(x)
}

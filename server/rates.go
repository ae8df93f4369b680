package server

import "github.com/bailiwick-fs/bailiwick/server/internal/clients"

// Rates bound how often each client may come. Handlers that share them count a client's
// requests together, and so do one handler and the one that takes its place: what a
// client has used up is not given back. They are safe for concurrent use.
type Rates struct{ clients *clients.Rates }

// clientsKnown is how many clients' rates are kept at most: some 30 MB.
const clientsKnown = 200_000

// NewRates returns Rates as [Limits] has them: perSecond requests a second, which is
// above 0, and burst at once after a rest; 0 is twice as many as in a second. It panics
// where perSecond is not above 0, or burst is negative.
func NewRates(perSecond float64, burst int) *Rates {
	c := nonsense{"NewRates"}
	c.rate("perSecond", perSecond)
	if perSecond == 0 {
		c.found("perSecond is 0; leave Limits.Rates nil for no limit")
	}
	c.whole("burst", int64(burst))
	if burst == 0 {
		burst = int(2 * perSecond)
	}
	return &Rates{clients.NewRates(perSecond, burst, clientsKnown, nil)}
}

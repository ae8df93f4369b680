package metrics

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/server/auth/links"
)

// A countedAuth counts what comes of credentials.
type countedAuth struct {
	auth.Authenticator
	counts *prometheus.CounterVec
}

// Authenticate implements auth.Authenticator. Requests without credentials are not
// counted: there was nothing to judge.
func (c *countedAuth) Authenticate(r *http.Request) (auth.Principal, bool, error) {
	p, ok, err := c.Authenticator.Authenticate(r)
	if ok || err != nil {
		c.counts.WithLabelValues(credentialKind(r), authOutcome(err)).Inc()
	}
	return p, ok, err
}

// credentialKind is the kind of credentials that a request has.
func credentialKind(r *http.Request) string {
	given := r.Header["Authorization"]
	if len(given) == 0 {
		return "certificate"
	}
	scheme, _, _ := strings.Cut(given[0], " ")
	switch {
	case strings.EqualFold(scheme, "basic"):
		return "basic"
	case strings.EqualFold(scheme, "bearer"):
		return "bearer"
	}
	return "other"
}

func authOutcome(err error) string {
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, auth.ErrThrottled):
		return "throttled"
	case errors.Is(err, auth.ErrUnavailable):
		return "unavailable"
	case errors.Is(err, auth.ErrExpired):
		return "expired"
	}
	return "wrong"
}

// Passwords returns what counts how often a password was right a moment ago, and how
// often it took a check, whose work is a server's to bear.
func (m *Metrics) Passwords() func(remembered bool) {
	if m == nil {
		return nil
	}
	hits, misses := m.remembered.WithLabelValues("hit"), m.remembered.WithLabelValues("miss")
	return func(remembered bool) {
		if remembered {
			hits.Inc()
		} else {
			misses.Inc()
		}
	}
}

// A countedUses counts the uses of links that are counted.
type countedUses struct {
	links.Counter
	counts *prometheus.CounterVec
}

// Use implements links.Counter.
func (c *countedUses) Use(ctx context.Context, id string, limit int, expires time.Time) (bool, error) {
	ok, err := c.Counter.Use(ctx, id, limit, expires)
	outcome := "spent"
	switch {
	case err != nil:
		outcome = "error"
	case ok:
		outcome = "ok"
	}
	c.counts.WithLabelValues(outcome).Inc()
	return ok, err
}

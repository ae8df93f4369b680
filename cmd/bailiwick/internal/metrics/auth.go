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

// A countedAuth counts the outcomes of authentication.
type countedAuth struct {
	auth.Authenticator
	counts *prometheus.CounterVec
}

// Authenticate implements auth.Authenticator. It does not count requests without
// credentials.
func (c *countedAuth) Authenticate(r *http.Request) (auth.Principal, bool, error) {
	p, ok, err := c.Authenticator.Authenticate(r)
	if ok || err != nil {
		c.counts.WithLabelValues(credentialKind(r), authOutcome(err)).Inc()
	}
	return p, ok, err
}

// credentialKind returns the kind of a request's credentials.
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

// Passwords returns a callback that counts how many passwords were remembered and how
// many needed an expensive check.
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

// Sessions returns a callback that counts the outcomes of cookies. Signing in counts as the
// credentials that it takes.
func (m *Metrics) Sessions() func(error) {
	if m == nil {
		return nil
	}
	return func(err error) { m.logins.WithLabelValues("session", authOutcome(err)).Inc() }
}

// A countedUses counts the uses of links with a use limit.
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

package main

import (
	"context"
	"time"

	"github.com/bailiwick-fs/bailiwick/server/auth/links"
)

// uses returns what counts the uses of links: the service itself, whose counts outlive
// every reload, and a catalog, which outlives the process, where there is one. A catalog
// alone would not do: a reload can bring it, replace it, or take it away, and what was
// used up would be good again.
func (s *service) uses(t *site) links.Counter {
	// Of several always the same one, in whatever order the mounts stand.
	var first *resource
	for _, m := range t.mounts {
		if m.catalog != nil && (first == nil || m.catalog.key < first.key) {
			first = m.catalog
		}
	}
	if first == nil {
		return &s.linkUses
	}
	c, ok := first.catalog.(links.Counter)
	if !ok {
		return &s.linkUses
	}
	// In this order, so that a catalog that does not answer costs no use.
	return counters{c, &s.linkUses}
}

// counters are one Counter: a link is good for as long as it is to all of them.
type counters []links.Counter

var _ links.Counter = counters(nil)

// Use implements links.Counter.
func (cs counters) Use(ctx context.Context, id string, limit int, expires time.Time) (bool, error) {
	for _, c := range cs {
		if ok, err := c.Use(ctx, id, limit, expires); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

// Good implements links.Counter.
func (cs counters) Good(ctx context.Context, id string, limit int) (bool, error) {
	for _, c := range cs {
		if ok, err := c.Good(ctx, id, limit); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

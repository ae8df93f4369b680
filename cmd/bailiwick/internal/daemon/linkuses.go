package daemon

import (
	"context"
	"time"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/catalogs"
	"github.com/bailiwick-fs/bailiwick/server/auth/links"
)

// uses returns what counts the uses of links: the service itself, whose counts outlive
// every reload, and a catalog, which outlives the process, where there is one. A catalog
// alone would not do: a reload can bring it, replace it, or take it away, and what was
// used up would be good again.
func (s *service) uses(g *generation) links.Counter {
	first := linkCatalog(g)
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

// linkCatalog returns the catalog that knows of links, nil if there is none: of several
// always the same one, in whatever order the mounts stand.
func linkCatalog(g *generation) *resource {
	var first *resource
	for _, m := range g.mounts {
		if m.catalog != nil && (first == nil || m.catalog.key < first.key) {
			first = m.catalog
		}
	}
	return first
}

// markOf returns what keeps the latest time by which links were judged, nil if nothing
// does.
func (s *service) markOf(g *generation) links.Mark {
	first := linkCatalog(g)
	if first == nil || g.auth.links == nil {
		return nil
	}
	mark, ok := first.shared.(links.Mark)
	if !ok {
		return nil
	}
	return mark
}

// readMark advances the clock of links to what the catalog has kept of it: it may have
// gone back since the server ran last.
func (s *service) readMark(ctx context.Context, g *generation) error {
	mark := s.markOf(g)
	if mark == nil {
		return nil
	}
	latest, err := mark.Latest(ctx, time.Time{})
	if err != nil {
		return catalogs.Error(s.env, err)
	}
	s.linkClock.Advance(latest)
	return nil
}

// clockTolerance is by how much clocks of several servers may differ without a word.
const clockTolerance = 5 * time.Minute

// announceClock says that links are judged by a time that the system's clock does not show.
func (s *service) announceClock(ctx context.Context, g *generation) {
	mark := s.markOf(g)
	if mark == nil {
		return
	}
	latest, err := mark.Latest(ctx, time.Time{})
	if ahead := time.Until(latest); err == nil && ahead > clockTolerance {
		s.announce("links: the clock of this system says %s, and links were judged by %s before; the later one counts until then; if it was wrong: bailiwick catalog clock --reset --catalog …, and a restart",
			time.Now().UTC().Format(time.RFC3339), latest.Format(time.RFC3339))
	}
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

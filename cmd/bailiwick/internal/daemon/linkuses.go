package daemon

import (
	"context"
	"time"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/catalogs"
	"github.com/bailiwick-fs/bailiwick/server/auth/links"
)

// uses returns the counter of link uses: the service itself, whose counts survive every
// reload, and the catalog, if there is one, whose counts survive the process. A catalog alone
// would not do: a reload can add, replace or remove it, and links that were used up would be
// valid again.
func (s *service) uses(g *generation) links.Counter {
	first := linkCatalog(g)
	if first == nil {
		return &s.linkUses
	}
	c, ok := first.catalog.(links.Counter)
	if !ok {
		return &s.linkUses
	}
	// The catalog comes first, so that a use is not counted if the catalog does not answer.
	return counters{c, &s.linkUses}
}

// linkCatalog returns the catalog that keeps the state of links, nil if there is none. Of
// several it is always the same one, in whatever order the mounts are written.
func linkCatalog(g *generation) *resource {
	var first *resource
	for _, m := range g.mounts {
		if m.catalog != nil && (first == nil || m.catalog.key < first.key) {
			first = m.catalog
		}
	}
	return first
}

// markOf returns what stores the latest time by which links were checked, nil if nothing
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

// readMark advances the clock of links to the time in the catalog: the system clock may have
// been set back since the server last ran.
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

// clockTolerance is how far the clocks of several servers may differ without a warning.
const clockTolerance = 5 * time.Minute

// announceClock warns if links are checked by a time that is ahead of the system clock.
func (s *service) announceClock(ctx context.Context, g *generation) {
	mark := s.markOf(g)
	if mark == nil {
		return
	}
	latest, err := mark.Latest(ctx, time.Time{})
	if ahead := time.Until(latest); err == nil && ahead > clockTolerance {
		s.announce("links: the system clock is at %s, but links were already checked at %s; that time is used until the clock reaches it; if it was wrong: bailiwick catalog clock --reset --catalog …, and restart",
			time.Now().UTC().Format(time.RFC3339), latest.Format(time.RFC3339))
	}
}

// counters combine several counters: a link is valid only if all of them accept it.
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

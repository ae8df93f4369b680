package daemon

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/catalogs"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/overlap"
	"github.com/bailiwick-fs/bailiwick/server/auth/links"
	"github.com/bailiwick-fs/bailiwick/server/catalog/postgres"
)

// uses returns the counter of link uses: the service itself, whose counts survive every
// reload, and the catalogs, whose counts survive the process. Catalogs alone would not do: a
// reload can replace or remove them. One of them would not do, either: if another mount was
// added, the choice could fall on its catalog, and links that were used up would be valid
// again.
func (s *service) uses(g *generation) links.Counter {
	var all counters
	for _, r := range linkCatalogs(g) {
		if c, ok := r.catalog.(links.Counter); ok {
			all = append(all, c)
		}
	}
	// The catalogs come first, so that a use is not counted if the first one does not answer.
	return append(all, &s.linkUses)
}

// linkCatalogs returns the catalogs that keep the state of links, each once: several mounts may
// use the same. Their order does not depend on that of the mounts, so that of several servers
// that count the last use of a link at the same time, one succeeds.
func linkCatalogs(g *generation) []*resource {
	found := map[string]*resource{}
	for _, m := range g.mounts {
		if m.catalog == nil {
			continue
		}
		if r := found[m.catalog.database]; r == nil || m.catalog.key < r.key {
			found[m.catalog.database] = m.catalog
		}
	}
	var all []*resource
	for _, database := range slices.Sorted(maps.Keys(found)) {
		all = append(all, found[database])
	}
	return all
}

// databaseOf returns what is the same for all addresses of a catalog's database. Counting a use
// twice in one would end a link too early.
func databaseOf(address string) string {
	if path, ok := strings.CutPrefix(address, "sqlite:"); ok {
		return "sqlite:" + overlap.Resolve(path)
	}
	return postgres.Database(address)
}

// markOf returns what stores the latest time by which links were checked, nil if nothing
// does.
func (s *service) markOf(g *generation) links.Mark {
	if g.auth.links == nil {
		return nil
	}
	var all marks
	for _, r := range linkCatalogs(g) {
		if mark, ok := r.shared.(links.Mark); ok {
			all = append(all, mark)
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all
}

// readMark advances the clock of links to the time in the catalogs: the system clock may have
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
		s.announce("links: the system clock is at %s, but links were already checked at %s; that time is used until the clock reaches it; if it was wrong: stop all servers, run bailiwick catalog clock --reset --catalog … for each catalog, and start them",
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

// marks store a time in several places.
type marks []links.Mark

var _ links.Mark = marks(nil)

// Latest implements links.Mark. It returns the latest of the stored times. All places are
// asked at the same time, so that one that does not answer keeps it from no other.
func (ms marks) Latest(ctx context.Context, t time.Time) (time.Time, error) {
	times, errs := make([]time.Time, len(ms)), make([]error, len(ms))
	var wg sync.WaitGroup
	for i, m := range ms {
		wg.Go(func() { times[i], errs[i] = m.Latest(ctx, t) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return time.Time{}, err
		}
	}
	return slices.MaxFunc(times, time.Time.Compare), nil
}

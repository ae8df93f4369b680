package daemon

import (
	"time"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
	"github.com/bailiwick-fs/bailiwick/server"
)

// slots are a limit that survives a reload: requests of the old generation still run then,
// and each reload would admit as many again.
type slots struct{ current *server.Slots }

// of returns the slots of a limit, nil for none. They are the current ones unless the limit
// has changed.
func (s *slots) of(limit int) *server.Slots {
	switch {
	case limit <= 0:
		return nil
	case s.current == nil || s.current.Len() != limit:
		s.current = server.NewSlots(limit)
	}
	return s.current
}

// rates limit how often each client may send requests. They survive a reload, too: otherwise
// a throttled client would only have to wait for the next one.
type rates struct {
	limit   config.Rate
	current *server.Rates
}

// of returns the rates of a limit, nil for none. They are the current ones unless the limit
// has changed.
func (r *rates) of(limit config.Rate) *server.Rates {
	switch {
	case limit == config.Rate{}:
		return nil
	case r.current == nil || r.limit != limit:
		r.limit, r.current = limit, server.NewRates(limit.PerSecond(), burst(limit))
	}
	return r.current
}

// burst is how many requests a client may send at once: those of two seconds, or all of a
// limit per minute or hour. A page with its images may need them.
func burst(r config.Rate) int {
	if r.Per > time.Second {
		return r.Count
	}
	return 2 * r.Count
}

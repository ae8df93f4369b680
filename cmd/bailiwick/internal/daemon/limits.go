package daemon

import (
	"time"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
	"github.com/bailiwick-fs/bailiwick/server"
)

// slots are a limit of the configuration that holds over a reload: requests of the old
// site still run then, and each reload would let as many in besides.
type slots struct{ current *server.Slots }

// of returns the slots of a limit, nil for none: those there are unless it has changed.
func (s *slots) of(limit int) *server.Slots {
	switch {
	case limit <= 0:
		return nil
	case s.current == nil || s.current.Len() != limit:
		s.current = server.NewSlots(limit)
	}
	return s.current
}

// rates are how often each client may come, which holds over a reload, too: else one that
// came too often would wait for the next.
type rates struct {
	limit   config.Rate
	current *server.Rates
}

// of returns the rates of a limit, nil for none: those there are unless it has changed.
func (r *rates) of(limit config.Rate) *server.Rates {
	switch {
	case limit == config.Rate{}:
		return nil
	case r.current == nil || r.limit != limit:
		r.limit, r.current = limit, server.NewRates(limit.PerSecond(), burst(limit))
	}
	return r.current
}

// burst is how many requests a client may make at once: twice those of a second, or all
// those of a minute or an hour, which a page with its pictures may need.
func burst(r config.Rate) int {
	if r.Per > time.Second {
		return r.Count
	}
	return 2 * r.Count
}

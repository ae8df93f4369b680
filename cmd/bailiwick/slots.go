package main

import "github.com/bailiwick-fs/bailiwick/server"

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

package server

// Slots are a bound on how much goes on at once. Handlers that share them are bounded
// together, and so are one handler and the one that takes its place while requests of
// the first still run. They are safe for concurrent use.
type Slots struct {
	taken chan struct{} // has an item for each that is taken
}

// NewSlots returns n slots, at least one.
func NewSlots(n int) *Slots { return &Slots{make(chan struct{}, max(n, 1))} }

// Len returns how many slots there are, taken or not.
func (s *Slots) Len() int { return cap(s.taken) }

// take takes a slot, which give gives back, and reports whether one was free.
func (s *Slots) take() bool {
	select {
	case s.taken <- struct{}{}:
		return true
	default:
		return false
	}
}

func (s *Slots) give() { <-s.taken }

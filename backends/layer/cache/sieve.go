package cache

// A sieve is a queue with the SIEVE eviction policy (Zhang et al., NSDI 2024): a hit
// only sets a mark, and a hand that moves from the oldest element to the newest takes
// the first one without a mark, removing marks on its way. Elements keep their places.
// One sweep over many objects that nobody asks for again evicts little of what is in
// use, which LRU does not achieve. The zero sieve is empty. It is not safe for
// concurrent use.
type sieve[T any] struct {
	newest, oldest *node[T]
	hand           *node[T] // the next candidate; nil means the oldest
	len            int
}

// A node is an element of at most one sieve.
type node[T any] struct {
	value        T
	newer, older *node[T]
	used         bool // since the hand passed
	queued       bool
}

// add adds n as the newest element.
func (s *sieve[T]) add(n *node[T]) {
	n.newer, n.older, n.used, n.queued = nil, s.newest, false, true
	if s.newest != nil {
		s.newest.newer = n
	} else {
		s.oldest = n
	}
	s.newest = n
	s.len++
}

// remove removes n, if it is queued.
func (s *sieve[T]) remove(n *node[T]) {
	if !n.queued {
		return
	}
	if s.hand == n {
		s.hand = n.newer
	}
	if n.newer != nil {
		n.newer.older = n.older
	} else {
		s.newest = n.older
	}
	if n.older != nil {
		n.older.newer = n.newer
	} else {
		s.oldest = n.newer
	}
	n.newer, n.older, n.queued = nil, nil, false
	s.len--
}

// evict removes and returns an element for which free returns true, or returns nil if
// there is none.
func (s *sieve[T]) evict(free func(T) bool) *node[T] {
	// After one round no mark is left, so the second one finds whatever is free.
	for range 2*s.len + 1 {
		n := s.hand
		if n == nil {
			n = s.oldest
		}
		if n == nil {
			return nil
		}
		s.hand = n.newer
		switch {
		case !free(n.value):
		case n.used:
			n.used = false
		default:
			s.remove(n)
			return n
		}
	}
	return nil
}

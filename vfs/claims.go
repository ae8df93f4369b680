package vfs

import "sync"

// claims are the names, and the directories on their paths, that concurrent Puts of a
// Jail are about to create. Without claims, two Puts of names that differ only in case
// or normal form would each find that the other does not exist; so would a Put of an
// object and a Put of a name below it.
type claims struct {
	mu    sync.Mutex
	names map[string]*claimed // keyed by foldSpelling
}

// claimed is one spelling of a claimed name, with the kind that each Put claims it as.
type claimed struct {
	name Name
	by   map[*claim]Kind
}

// A claim belongs to one Put.
type claim struct {
	all      *claims
	n        Name
	rivals   []*claim // earlier Puts that claim n as a directory, or a directory on its path as an object
	inTheWay Kind     // the kind that the rivals claim
	replaces bool     // n already exists, so this Put creates no name; guarded by all.mu
	over     bool     // the Put has ended; guarded by all.mu
}

// enter claims n and the directories on its path. If another spelling of one of them is
// claimed, it returns that spelling, the name that its Put creates, and no claim.
func (s *claims) enter(n Name) (c *claim, other, made Name) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.names == nil {
		s.names = map[string]*claimed{}
	}
	for at := n; !at.IsRoot(); at = at.Dir() {
		if there := s.names[foldSpelling(at.s)]; there != nil && there.name != at {
			for rival := range there.by {
				made = rival.n
				break
			}
			return nil, there.name, made
		}
	}
	c = &claim{all: s, n: n}
	kind := KindFile
	for at := n; !at.IsRoot(); at = at.Dir() {
		key := foldSpelling(at.s)
		there := s.names[key]
		if there == nil {
			there = &claimed{name: at, by: map[*claim]Kind{}}
			s.names[key] = there
		}
		for rival, as := range there.by {
			if as != kind {
				c.rivals, c.inTheWay = append(c.rivals, rival), as
			}
		}
		there.by[c] = kind
		kind = KindDir
	}
	return c, Name{}, Name{}
}

// settle records that n exists, so the claim blocks no other Put.
func (c *claim) settle() {
	c.all.mu.Lock()
	defer c.all.mu.Unlock()
	c.replaces = true
}

// contested fails if an earlier Put may still create something that conflicts with n.
// It reports true if an earlier Put has ended: the caller then checks again.
func (c *claim) contested() (again bool, err error) {
	c.all.mu.Lock()
	defer c.all.mu.Unlock()
	for _, rival := range c.rivals {
		switch {
		case rival.replaces:
		case rival.over:
			again = true
		default:
			return false, inTheWay(c.n, c.inTheWay)
		}
	}
	return again, nil
}

// leave gives up the claim. By now other Puts can see what this one created.
func (c *claim) leave() {
	s := c.all
	s.mu.Lock()
	defer s.mu.Unlock()
	c.over = true
	for at := c.n; !at.IsRoot(); at = at.Dir() {
		key := foldSpelling(at.s)
		there := s.names[key]
		if delete(there.by, c); len(there.by) == 0 {
			delete(s.names, key)
		}
	}
}

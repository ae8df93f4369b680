package vfs

import "sync"

// claims are the names that concurrent Puts of a Jail are about to create, and the
// directories on their paths. Without them, of two names that differ only in case or
// normal form, both would find that the other does not exist, and so would an object
// and one below it.
type claims struct {
	mu    sync.Mutex
	names map[string]*claimed // by what all spellings fold to
}

// claimed is a claimed name, in one spelling, with the kind that each Put claims.
type claimed struct {
	name Name
	by   map[*claim]Kind
}

// A claim is that of one Put.
type claim struct {
	all      *claims
	n        Name
	rivals   []*claim // that came before and want n as a directory, or one on its way as an object
	inTheWay Kind     // as which
	replaces bool     // n turned out to be there, so nothing is created; all.mu guards it
	over     bool     // likewise: the Put has ended
}

// enter claims n and the directories on its way. If another spelling is claimed, it
// returns that one, what is to be made there, and no claim.
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

// settle marks n as existing: the claim blocks no other Put.
func (c *claim) settle() {
	c.all.mu.Lock()
	defer c.all.mu.Unlock()
	c.replaces = true
}

// contested fails if a Put that came before may still create what would be in the way.
// It reports whether one has ended: then check again what it did.
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

// leave gives up the claim. Others can see from now on what was created.
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

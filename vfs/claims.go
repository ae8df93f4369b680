package vfs

import "sync"

// claims are the names, and the directories on their paths, that concurrent Puts of a
// Jail are about to create or replace. Without claims, two Puts of names that differ only
// in case or normal form would each find that the other does not exist; so would a Put of
// an object and a Put of a name below it.
type claims struct {
	mu    sync.Mutex
	names map[string]*claimed // keyed by foldSpelling
}

// claimed is one spelling of a claimed name, with the kind that each Put claims it as.
type claimed struct {
	name Name
	by   map[*claim]Kind
}

// A claim belongs to one Put. Its fields but the first two are guarded by all.mu.
type claim struct {
	all     *claims
	n       Name
	rivals  []rival
	decided bool // the Put is going to store n; rivals that decide later give way to it
	over    bool // the Put has ended
}

// A rival is another Put with which a claim may conflict: what one claims as an object, the
// other claims as a directory. The two have one such name.
type rival struct {
	*claim
	at  Name // the name
	as  Kind // what the rival claims it as
	met bool // the claim has checked again since the rival decided
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
		for o, as := range there.by {
			if as != kind {
				c.meet(o, at, as)
				o.meet(c, at, kind)
			}
		}
		there.by[c] = kind
		kind = KindDir
	}
	return c, Name{}, Name{}
}

// meet adds a rival. A claim that has decided needs none: they see it.
func (c *claim) meet(other *claim, at Name, as Kind) {
	if !c.decided {
		c.rivals = append(c.rivals, rival{claim: other, at: at, as: as})
	}
}

// decide lets the Put of c store n, and fails if a rival that has decided conflicts with it.
// exists is the lowest name on the path of n, n included, that a check has found. What exists
// already is not created, so it is no conflict, as in a store that has an object and others
// below it. But it may have been removed since, and the rival may create it again: decide
// reports true if the caller has to check again, and then to decide again.
func (c *claim) decide(exists Name) (again bool, err error) {
	c.all.mu.Lock()
	defer c.all.mu.Unlock()
	left := c.rivals[:0]
	for _, r := range c.rivals {
		if r.over {
			again = true
			continue
		}
		if r.decided {
			if _, there := exists.Within(r.at); !there {
				return false, inTheWay(c.n, r.as)
			}
			again, r.met = again || !r.met, true
		}
		left = append(left, r)
	}
	c.rivals, c.decided = left, true
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

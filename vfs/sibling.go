package vfs

import (
	"context"
	"errors"
	"sync"
)

// checkSiblings fails if n, which is not there, or the topmost directory on its
// way that is not there either, differs only in case or normal form from something
// that is: on a file system that folds them the two would be one.
func (j *Jail) checkSiblings(ctx context.Context, n Name) error {
	kind := KindFile
	for at := n; !at.IsRoot(); at = at.Dir() {
		found, err := j.findSpelling(ctx, at, kind)
		switch {
		case ReasonOf(err) == ReasonMissing:
			kind = KindDir // so the directory will be made, too
		case err != nil:
			return err
		case found.Elem == "":
			return nil
		default:
			other, err := at.Dir().Child(found.Elem)
			return j.tooLike(ctx, n, other, found.Kind, err == nil)
		}
	}
	return nil
}

// maxPassed is how many entries of a listing are passed over one by one before
// it is begun anew where the next spelling can be: a page of S3.
const maxPassed = 1000

// findSpelling looks in n's directory for another spelling of n's last element.
// Its Elem is "" if there is none, or if n itself is there as a kind: then it is
// not new. Of a large directory it reads only where a spelling can be.
func (j *Jail) findSpelling(ctx context.Context, n Name, kind Kind) (found Entry, err error) {
	want := newSpelling(n.Base())
	bound, more := want.next("")
	for after := ""; more; after = justBelow(bound) {
		passed := 0
		for e, err := range j.backend.List(ctx, n.Dir(), after) {
			if err != nil {
				// What lies behind the last entry is not missing.
				if after != "" && ReasonOf(err) == ReasonMissing {
					return found, nil
				}
				return Entry{}, err
			}
			key := e.Key()
			if key < bound {
				if passed++; passed == maxPassed {
					break
				}
				continue
			}
			passed = 0
			switch {
			case e.Elem == n.Base() && e.Kind == kind:
				return Entry{}, nil
			case e.Elem != n.Base() && want.is(e.Elem):
				found = e
			}
			if bound, more = want.next(key); !more {
				return found, nil
			}
		}
		if passed < maxPassed {
			return found, nil
		}
	}
	return found, nil
}

// tooLike is the refusal of n because of other, which differs too little. The
// caller learns of it only if other is one that he may see as what it is: most
// policies would let a directory of a hidden file's name be seen.
func (j *Jail) tooLike(ctx context.Context, n, other Name, kind Kind, isName bool) error {
	e := refuse("put", n.s, ReasonHiddenSibling)
	op := OpRead
	if kind == KindDir {
		op = OpList
	}
	if isName && j.admitted(ctx, op, other) {
		e.Reason = ReasonCreateSibling
	}
	e.Err = errSibling
	return e
}

var errSibling = errors.New("a sibling differs only in case or normal form")

// spellings are the names that a Jail is about to create, and the directories on
// their way. Two that differ only in case or normal form would both find that
// there is no other.
type spellings struct {
	mu     sync.Mutex
	claims map[string]*claim // by what all spellings fold to
}

type claim struct {
	name  Name
	kind  Kind // as which it was claimed first
	count int
}

// enter claims n and the directories on its way. If another spelling is claimed,
// it returns that one and no leave.
func (s *spellings) enter(n Name) (other Name, kind Kind, leave func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.claims == nil {
		s.claims = map[string]*claim{}
	}
	for at := n; !at.IsRoot(); at = at.Dir() {
		if c := s.claims[foldSpelling(at.s)]; c != nil && c.name != at {
			return c.name, c.kind, nil
		}
	}
	for at := n; !at.IsRoot(); at = at.Dir() {
		key := foldSpelling(at.s)
		if s.claims[key] == nil {
			s.claims[key] = &claim{name: at, kind: kind}
		}
		s.claims[key].count++
		kind = KindDir
	}
	return Name{}, 0, func() { s.leave(n) }
}

func (s *spellings) leave(n Name) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for at := n; !at.IsRoot(); at = at.Dir() {
		key := foldSpelling(at.s)
		if s.claims[key].count--; s.claims[key].count == 0 {
			delete(s.claims, key)
		}
	}
}

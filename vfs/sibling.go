package vfs

import (
	"context"
	"errors"
)

// surroundings are what is there where an object is to be made.
type surroundings struct {
	there bool // the object itself is
	// twin is an entry of dir that differs from the object, or from the topmost
	// directory on its way that is not there either, only in case or normal form: on a
	// file system that folds them the two would be one. Its Elem is "" if there is none.
	twin Entry
	dir  Name
}

// survey looks at what is around n, from its directory up to the first one that is
// there. It fails if a directory has n's name, or an object that of a directory on its
// way: where names are paths of a disk the two cannot be, and elsewhere they would
// hide what is below.
//
// It is one listing for each directory that it looks at, and sees what is there at that
// moment: another process can still create a name that gets in the way.
func (j *Jail) survey(ctx context.Context, n Name) (s surroundings, err error) {
	kind := KindFile
	for at := n; !at.IsRoot(); at = at.Dir() {
		found, err := j.findSpelling(ctx, at)
		switch {
		case ReasonOf(err) == ReasonMissing:
			kind = KindDir // so the directory will be made, too
			continue
		case err != nil:
			return s, err
		case found.Elem != at.Base():
			s.twin, s.dir = found, at.Dir()
		case found.Kind == kind:
			s.there = kind == KindFile
		case found.Kind == KindDir, found.Kind == KindFile:
			return s, inTheWay(n, found.Kind)
		}
		// Links and special files are for the backend to refuse.
		return s, nil
	}
	return s, nil
}

// inTheWay is the refusal of n because a directory has its name, or an object that of a
// directory on its way.
func inTheWay(n Name, kind Kind) error {
	if kind == KindDir {
		return refuse("put", n.s, ReasonDirectory)
	}
	return refuse("put", n.s, ReasonMissing)
}

// tooLike returns nil if s has no twin, else the refusal of n because of it.
func (s *surroundings) tooLike(ctx context.Context, j *Jail, n Name) error {
	if s.twin.Elem == "" {
		return nil
	}
	other, err := s.dir.Child(s.twin.Elem)
	return j.tooLike(ctx, n, other, s.twin.Kind, err == nil)
}

// maxPassed is how many entries of a listing are passed over one by one before
// it is begun anew where the next spelling can be: a page of S3.
const maxPassed = 1000

// findSpelling looks in n's directory for n's last element, of whatever kind, or else
// another spelling of it. Its Elem is "" if there is neither. Of a large directory it
// reads only where a spelling can be.
func (j *Jail) findSpelling(ctx context.Context, n Name) (found Entry, err error) {
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
			case e.Elem == n.Base():
				return e, nil
			case want.is(e.Elem):
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

package vfs

import (
	"context"
	"errors"

	"github.com/bailiwick-fs/bailiwick/vfs/internal/filestore"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// surroundings describe what exists where an object is to be created.
type surroundings struct {
	// exists is the object itself, or the lowest directory on its path that exists.
	exists Name
	// sibling is an entry of that directory that differs only in case or normal form from
	// the object, or from the topmost missing directory on its path. A file system that folds
	// names would treat the two as one. Its Elem is "" if there is none.
	sibling Entry
}

// survey inspects the surroundings of n, from its directory up to the first one that
// exists. It fails if n is a directory, or if an object has the name of a directory on
// n's path: on a disk the two cannot coexist, and elsewhere the object would hide what
// is below it.
//
// leaving, if it is not zero, is an object that will be gone: it is no sibling.
//
// It makes one listing per inspected directory, unless the index of names shows that
// there is nothing to find. It sees the state at that moment: another process can still
// create a conflicting name.
func (j *Jail) survey(ctx context.Context, n, leaving Name) (s surroundings, err error) {
	s.exists = Root
	kind := KindFile
	for at := n; !at.IsRoot(); at = at.Dir() {
		found, err := j.findSpelling(ctx, at, leaving)
		switch {
		case ReasonOf(err) == reason.Missing:
			kind = KindDir // so the directory will be created, too
			continue
		case err != nil:
			return s, err
		case found.Elem != at.Base():
			s.sibling, s.exists = found, at.Dir()
		case found.Kind == kind:
			s.exists = at
		case found.Kind == KindDir, found.Kind == KindFile:
			return s, inTheWay(n, found.Kind)
		}
		// The backend refuses links and special files.
		return s, nil
	}
	return s, nil
}

// inTheWay returns the refusal of n because it is a directory, or because an object has
// the name of a directory on its path.
func inTheWay(n Name, kind Kind) error {
	if kind == KindDir {
		return refuse("put", n.s, reason.Directory)
	}
	return refuse("put", n.s, reason.Missing)
}

// conflict returns nil if there is no sibling, or else the refusal of n because of it.
func (s *surroundings) conflict(ctx context.Context, j *Jail, n Name) error {
	if s.sibling.Elem == "" {
		return nil
	}
	other, err := s.exists.Child(s.sibling.Elem)
	return j.siblingError(ctx, n, other, s.sibling.Kind, err == nil)
}

// findSpelling searches n's directory for n's last element, of any kind, or for another
// spelling of it than that of the object leaving. found.Elem is "" if there is neither. A backend that reads whole
// directories skips entries that are not spellings; with other backends, findSpelling
// reads only where a spelling can be.
func (j *Jail) findSpelling(ctx context.Context, n, leaving Name) (found Entry, err error) {
	switch j.names.look(ctx, j.backend, n) {
	case notThere:
		return Entry{}, nil
	case noDirectory:
		return Entry{}, refuse("list", n.Dir().s, reason.Missing)
	}
	c := newSpellingCursor(n.Base())
	hint := listHint{
		Shows:    func(elem string, _ Kind) bool { return c.want.is(elem) },
		Names:    true,
		Requests: maxPageRequests,
	}
	ctx = filestore.WithHint(ctx, hint)
	for e, err := range c.entries(ctx, j.backend, n.Dir()) {
		switch {
		case err != nil:
			return Entry{}, err
		case e.Elem == n.Base():
			return e, nil
		case e.Kind == KindFile && isElem(leaving, n.Dir(), e.Elem):
		case c.want.is(e.Elem):
			found = e
		}
	}
	return found, nil
}

// isElem reports whether n is elem in dir.
func isElem(n, dir Name, elem string) bool { return !n.IsZero() && n.Dir() == dir && n.Base() == elem }

// Lacks reports whether neither n nor another spelling of it exists, as far as a Jail
// made by NewBulk knows from its listing of n's directory. It returns false if it does
// not know, or if n may not be written. If it returns true, Head would cost a request
// and find nothing.
func (j *Jail) Lacks(ctx context.Context, n Name) bool {
	return j.bulk && j.admitted(ctx, OpWrite, n) && j.lacks(ctx, n)
}

// lacks is Lacks for names that the caller admitted. Only with NewBulk does it list the
// directory: otherwise, n may well exist.
func (j *Jail) lacks(ctx context.Context, n Name) bool {
	if j.bulk {
		return j.names.look(ctx, j.backend, n) != maybeThere
	}
	return j.names.known(n) != maybeThere
}

// siblingError returns the refusal of n because other is too similar. It reveals that other
// exists, and its kind, only if the caller can see other.
func (j *Jail) siblingError(ctx context.Context, n, other Name, kind Kind, isName bool) error {
	e := refuse("put", n.s, reason.HiddenSibling)
	if isName && j.isShown(ctx, other, kind) {
		e.Reason, e.SiblingDir = reason.CreateSibling, kind == KindDir
	}
	e.Err = errSibling
	return e
}

// claimedSiblingError is siblingError for an other that is still being created: it is
// the new object made itself, or a directory on its path.
func (j *Jail) claimedSiblingError(ctx context.Context, n, other, made Name) error {
	e := refuse("put", n.s, reason.HiddenSibling)
	if j.admitted(ctx, OpRead, made) && (other == made || j.admitted(ctx, OpList, other)) {
		e.Reason, e.SiblingDir = reason.CreateSibling, other != made
	}
	e.Err = errSibling
	return e
}

var errSibling = errors.New("a sibling differs only in case or normal form")

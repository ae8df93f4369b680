package vfs

import (
	"context"
	"errors"
	"strings"
	"sync"
)

// checkSiblings fails if n, which is not there, or the topmost directory on its
// way that is not there either, differs only in case or normal form from something
// that is: on a file system that folds them the two would be one.
func (j *Jail) checkSiblings(ctx context.Context, n Name) error {
	kind := KindFile
	for at := n; !at.IsRoot(); at = at.Dir() {
		found, err := j.findSpelling(ctx, at, kind)
		if err == nil || ReasonOf(err) != ReasonMissing {
			if err == nil && found.Elem != "" {
				return j.tooLike("put", n, siblingOf(at, found.Elem), found.Kind)
			}
			return err
		}
		kind = KindDir // the directory is missing, so it will be made
	}
	return nil
}

// maxPassed is how many entries of a listing are passed over one by one before
// it is begun anew at the next possible spelling: a page of S3.
const maxPassed = 1000

// findSpelling looks in n's directory for another spelling of n's last element,
// and returns the zero Entry if there is none, or n itself is there as a kind: then
// it is not new. The directory is read only where a spelling can be.
func (j *Jail) findSpelling(ctx context.Context, n Name, kind Kind) (Entry, error) {
	want := newSpelling(n.Base())
	var other Entry
	for after := ""; ; {
		next, passed := "", 0
		for e, err := range j.backend.List(ctx, n.Dir(), after) {
			if err != nil {
				return Entry{}, err
			}
			if e.Elem == n.Base() {
				if e.Kind == kind {
					return Entry{}, nil
				}
				continue
			}
			if want.matches(e.Elem) {
				other = e
				continue
			}
			var ok bool
			if next, ok = want.next(e.Elem); !ok {
				return other, nil
			}
			if passed++; passed >= maxPassed && e.Key() < next {
				break
			}
			next = ""
		}
		if next == "" {
			return other, nil
		}
		after = next
	}
}

// tooLike is the error of a name that differs too little from other.
func (j *Jail) tooLike(op string, n, other Name, kind Kind) error {
	return &Error{Op: op, Name: n.String(), Reason: ReasonHiddenSibling, Err: errSibling}
}

var errSibling = errors.New("a sibling differs only in case or normal form")

var _ = strings.Compare
var _ sync.Mutex

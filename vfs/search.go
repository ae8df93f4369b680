package vfs

import (
	"context"
	"strings"
	"time"
)

// The bounds of one call of Search.
const (
	maxSearchNames = 100_000
	maxSearchTime  = 5 * time.Second
)

// Search returns the objects below dir that the caller could list and open, and the
// directories with such an object, whose element contains text as in [Jail.FindPage]. Elem
// of an Entry is its path relative to dir. Entries are in the order of Key, beginning after
// the key after, at most limit of them; Next is set if another one follows.
//
// Each page runs a [Jail.Below] from the start, which ends after 100,000 objects or 5
// seconds. Then Cut is set, and nothing beyond can be found. Hidden names do not count, but
// they take time.
func (j *Jail) Search(ctx context.Context, dir Name, text, after string, limit int) (Page, error) {
	bounded, cancel := context.WithTimeout(ctx, maxSearchTime)
	defer cancel()
	s := search{text: newContained(text), after: after, limit: max(limit, 1)}
	seen := 0
	for e, err := range j.Below(bounded, dir) {
		switch late := bounded.Err() != nil; {
		case ctx.Err() != nil:
			return Page{}, outward("list", dir, "", ctx.Err())
		case late:
			s.page.Cut = true
		case err != nil:
			return Page{}, err
		default:
			seen++
			s.page.Cut = seen > maxSearchNames
		}
		if s.page.Cut || !s.take(&e) {
			break
		}
	}
	return s.page, nil
}

// A search is one call of Search.
type search struct {
	text  contained
	after string
	limit int
	page  Page
	last  string // the relative path of the last object
}

// take adds the directories that begin with the object e, and e, and reports whether there
// is room for more.
func (s *search) take(e *Entry) bool {
	path := e.Elem
	for i := range len(path) {
		if path[i] == '/' && !strings.HasPrefix(s.last, path[:i+1]) && !s.add(Entry{Elem: path[:i], Kind: KindDir}) {
			return false
		}
	}
	s.last = path
	return s.add(*e)
}

func (s *search) add(e Entry) bool {
	switch n := len(s.page.Entries); {
	case e.Key() <= s.after || !s.text.in(e.Elem[strings.LastIndexByte(e.Elem, '/')+1:]):
	case n == s.limit:
		s.page.Next = s.page.Entries[n-1].Key()
		return false
	default:
		s.page.Entries = append(s.page.Entries, e)
	}
	return true
}

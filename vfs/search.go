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
// It is a [Jail.ScanDir] from the start for each page, which ends after 100,000 shown
// names or 5 seconds. Then Cut is set, and nothing beyond can be found. Hidden names do not
// count, but they take time. Like a scan, it does not enter linked directories; Cut is also
// set if dir itself is one.
func (j *Jail) Search(ctx context.Context, dir Name, text, after string, limit int) (Page, error) {
	at, rule, err := j.enterDir(ctx, "list", dir)
	if err != nil {
		return Page{}, err
	}
	if at != dir {
		return Page{Cut: true}, j.HeadDir(ctx, dir)
	}
	bounded, cancel := context.WithTimeout(ctx, maxSearchTime)
	defer cancel()
	s := search{jail: j, ctx: bounded, dir: dir, text: newContained(text), after: after, limit: max(limit, 1)}
	seen := 0
	for f, err := range j.scanDir(bounded, dir, true) {
		switch late := bounded.Err() != nil; {
		case ctx.Err() != nil:
			return Page{}, outward("list", dir, rule, ctx.Err())
		case late:
			s.page.Cut = true
		case err != nil:
			return Page{}, outward("list", dir, rule, err)
		case !f.Allowed || !s.lists(f.Name):
			continue
		default:
			seen++
			s.page.Cut = seen > maxSearchNames
		}
		if s.page.Cut || !s.take(&f) {
			break
		}
	}
	if seen == 0 {
		if err := j.HeadDir(ctx, dir); err != nil {
			return Page{}, err
		}
	}
	return s.page, nil
}

// A search is one call of Search.
type search struct {
	jail  *Jail
	ctx   context.Context
	dir   Name
	text  contained
	after string
	limit int
	page  Page

	parent Name   // the directory of the last name
	listed bool   // the caller may list parent and the directories between it and dir
	last   string // the relative path of the last name that is shown
}

// lists reports whether the caller may list all directories on the path from dir to n.
func (s *search) lists(n Name) bool {
	parent := n.Dir()
	if parent == s.parent {
		return s.listed
	}
	s.parent, s.listed = parent, true
	for d := parent; s.listed && d != s.dir; d = d.Dir() {
		s.listed = s.jail.admitted(s.ctx, OpList, d)
	}
	return s.listed
}

// take adds the directories that begin with the object f, and f, and reports whether there
// is room for more.
func (s *search) take(f *Finding) bool {
	below, ok := f.Name.Within(s.dir)
	if !ok {
		return true
	}
	path := below.String()
	for i := range len(path) {
		if path[i] == '/' && !strings.HasPrefix(s.last, path[:i+1]) && !s.add(Entry{Elem: path[:i], Kind: KindDir}) {
			return false
		}
	}
	s.last = path
	return s.add(Entry{Elem: path, Kind: KindFile, Size: f.Size, ModTime: f.ModTime})
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

package vfs

import (
	"context"
	"errors"
	"strings"
	"unicode/utf8"
)

// A contained text selects the elements that contain it, in any case and normal form. The zero
// value selects all of them.
type contained struct {
	folded string
	never  bool // no element contains it
}

func newContained(text string) contained {
	// Ill-formed text is not normalized (see checkRunes). Folding makes an element at most
	// some times as long.
	if !utf8.ValidString(text) || len(text) > 16*MaxElementBytes {
		return contained{never: true}
	}
	return contained{folded: foldSpelling(text)}
}

// in reports whether the element of a Name contains the text.
func (c contained) in(elem string) bool {
	return !c.never && (c.folded == "" || strings.Contains(foldSpelling(elem), c.folded))
}

// FindPage is ListPage of the entries whose element contains text, regardless of case and
// normal form.
//
// Where the bound is reached, Next is the last shown entry that FindPage looked at, so a
// page with a Next can be empty. It fails with [ErrListBound] if there is no such entry.
func (j *Jail) FindPage(ctx context.Context, dir Name, text, after string, limit int) (Page, error) {
	limit = max(limit, 1)
	l := listing{j: j, ctx: ctx, dir: dir, budget: newBudget(), text: newContained(text)}
	hint := listHint{Limit: limit + 1, Requests: maxPageRequests}
	if !j.caps.Directories {
		// Most of what a request returns may not contain the text.
		hint.Limit = 0
	}
	var p Page
	last := after
	for e, err := range l.all(after, hint) {
		switch {
		case errors.Is(err, ErrListBound) && max(last, l.seen) > after:
			p.Next = max(last, l.seen)
			return p, nil
		case err != nil:
			return Page{}, err
		case len(p.Entries) == limit:
			p.Next = last
			return p, nil
		}
		p.Entries = append(p.Entries, e)
		last = e.Key()
	}
	return p, nil
}

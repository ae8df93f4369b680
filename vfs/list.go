package vfs

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"

	"github.com/bailiwick-fs/bailiwick/vfs/internal/filestore"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// List yields the entries of dir that would be served: objects that a Get would
// be allowed to open, and directories in which something would be shown, as
// [Jail.HeadDir] has it. Their order is that of [Entry.Key]; entries come after the
// key after. The kinds are KindFile and KindDir alone: a link shows as what it leads
// to, if the policy lets it through at all. After an error nothing more is yielded.
//
// A directory in which nothing is shown is as good as missing; the top is always there.
func (j *Jail) List(ctx context.Context, dir Name, after string) iter.Seq2[Entry, error] {
	return j.list(ctx, dir, after, listHint{})
}

// A Page is a part of a directory's listing.
type Page struct {
	Entries []Entry
	Next    string // the key to go on after, "" if nothing more is shown
}

// maxPageRequests bounds what one page may cost of a remote backend: 64 requests of
// 1000 names. A page of 10,000 takes 11.
const maxPageRequests = 64

// ListPage returns at most limit entries of what List yields. Next is set if another
// entry follows that is shown: what is hidden does not show in it.
//
// What a page may cost is bounded: 64 requests of a remote backend, and 64,000 entries
// that are not shown. Where that is too little to find another entry, Next is set
// though perhaps nothing follows that is shown, and a page that found none at all
// fails with [ErrListBound].
func (j *Jail) ListPage(ctx context.Context, dir Name, after string, limit int) (Page, error) {
	var p Page
	limit = max(limit, 1)
	for e, err := range j.list(ctx, dir, after, listHint{Limit: limit + 1, Requests: maxPageRequests}) {
		n := len(p.Entries)
		switch {
		case n == limit, n > 0 && errors.Is(err, ErrListBound):
			p.Next = p.Entries[n-1].Key()
			return p, nil
		case err != nil:
			return Page{}, err
		}
		p.Entries = append(p.Entries, e)
	}
	return p, nil
}

func (j *Jail) list(ctx context.Context, dir Name, after string, hint listHint) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		l := listing{j: j, ctx: ctx, dir: dir, budget: newBudget()}
		var rule string
		var err error
		if l.at, rule, err = j.enterDir(ctx, "list", dir); err != nil {
			yield(Entry{}, err)
			return
		}
		shown := false
		for e, failed := range l.entries(after, hint) {
			if err = failed; err != nil {
				break
			}
			shown = true
			if !yield(e, nil) {
				return
			}
		}
		if err == nil && !shown && !dir.IsRoot() {
			err = l.exists(after)
		}
		if err != nil {
			yield(Entry{}, outward("list", dir, rule, err))
		}
	}
}

// listHint is driver.ListHint.
type listHint = filestore.Hint[Kind]

// A listing is one call of List: of the directory dir, which lies at at.
type listing struct {
	j       *Jail
	ctx     context.Context
	dir, at Name
	budget  *budget
}

// entries yields what is shown, in order of Key. The backend's order differs from it
// where a link leads to a directory: the backend lists the link by its bare element,
// and as a directory its key has a slash. So it is held back until its key is due.
func (l *listing) entries(after string, hint listHint) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		var held linkedDirs
		if l.j.symlinks == SymlinksInside && l.j.caps.Directories {
			held.addBefore(l, after)
		}
		for e, err := range l.found(after, hint) {
			if err != nil {
				yield(Entry{}, err)
				return
			}
			for held.due(e.key) {
				if !yield(held.pop(), nil) {
					return
				}
			}
			switch {
			case !e.isShown:
			case e.shown.Key() > e.key: // a link that leads to a directory
				held.push(e.shown)
			case !yield(e.shown, nil):
				return
			}
		}
		for len(held.entries) > 0 {
			if !yield(held.pop(), nil) {
				return
			}
		}
	}
}

// A foundEntry is an entry of the backend, by its key there, and what is shown of it.
type foundEntry struct {
	key     string
	shown   Entry
	isShown bool
}

// found yields the backend's entries in the backend's order.
func (l *listing) found(after string, hint listHint) iter.Seq2[foundEntry, error] {
	return func(yield func(foundEntry, error) bool) {
		hint.Shows = func(elem string, kind Kind) bool { return l.j.shows(l.ctx, l.dir, l.at, elem, kind) }
		hidden := 0
		for e, err := range l.j.backend.List(filestore.WithHint(l.ctx, hint), l.at, after) {
			if err != nil {
				yield(foundEntry{}, err)
				return
			}
			f := foundEntry{key: e.Key()}
			if f.shown, f.isShown = l.j.show(l.ctx, l.dir, l.at, e, l.budget); !f.isShown {
				hidden++
			}
			if !yield(f, nil) {
				return
			}
			if hint.Requests > 0 && hidden > 1000*hint.Requests {
				yield(foundEntry{}, ErrListBound)
				return
			}
		}
	}
}

// exists fails if nothing of the directory is shown, where nothing is after a key.
func (l *listing) exists(after string) error {
	if after != "" {
		if shown, err := l.j.showsSome(l.ctx, l.dir, l.at, newBudget()); err != nil || shown {
			return err
		}
	}
	return refuse("list", l.dir.s, reason.Missing)
}

// HeadDir returns nil if dir is a directory that exists for the caller: it is there,
// the policy lets names below it through, and something in it is shown, an object or
// a directory of which the same is true. For that at most 10,000 entries and
// directories are looked at; where these are not enough, and for a directory within
// dir where backends have none and a look would be a request, the policy alone
// decides. The top is always there.
func (j *Jail) HeadDir(ctx context.Context, dir Name) error {
	at, rule, err := j.enterDir(ctx, "stat", dir)
	if err != nil || dir.IsRoot() {
		return err
	}
	shown, err := j.showsSome(ctx, dir, at, newBudget())
	if err == nil && !shown {
		err = refuse("stat", dir.s, reason.Missing)
	}
	if err != nil {
		return outward("stat", dir, rule, err)
	}
	return nil
}

// enterDir takes the road to a directory and returns the name under which the backend
// has it, which is another one where links are on the way, and the rule that let it
// through. Without directories there are no links to them either, and the listing
// itself tells whether there is anything: a look first would be a request too many.
func (j *Jail) enterDir(ctx context.Context, call string, dir Name) (at Name, rule string, err error) {
	v := j.admit(ctx, OpList, dir)
	if err := v.err(call); err != nil {
		return Name{}, "", err
	}
	if !j.caps.Directories {
		return dir, v.Rule, nil
	}
	at = dir
	for links := 0; ; links++ {
		err := j.touchDir(ctx, at)
		if err == nil {
			return at, v.Rule, nil
		}
		if at, err = j.follow(ctx, call, &v, err, links); err != nil {
			return Name{}, "", err
		}
	}
}

// touchDir returns nil if dir is there, at the price of one look.
func (j *Jail) touchDir(ctx context.Context, dir Name) error {
	if dir.IsRoot() {
		return nil
	}
	_, err := j.backend.Stat(ctx, dir, Request{Links: j.symlinks == SymlinksInside})
	switch {
	case err == nil:
		return refuse("stat", dir.String(), reason.Missing)
	case ReasonOf(err) == reason.Directory:
		return nil
	}
	return err
}

// linkedDirs are links that lead to directories, in order of Key.
type linkedDirs struct{ entries []Entry }

func (l *linkedDirs) push(e Entry) {
	i, _ := slices.BinarySearchFunc(l.entries, e.Key(), func(e Entry, key string) int {
		return strings.Compare(e.Key(), key)
	})
	l.entries = slices.Insert(l.entries, i, e)
}

func (l *linkedDirs) due(key string) bool {
	return len(l.entries) > 0 && l.entries[0].Key() < key
}

func (l *linkedDirs) pop() Entry {
	e := l.entries[0]
	l.entries = l.entries[1:]
	return e
}

// addBefore finds the linked directories whose element comes before the key
// after, where the backend no longer lists it, but whose own key comes behind:
// with after "img-a", a link "img". Only a beginning of after that is followed
// by a byte below the slash can be one. Each look is a call of the backend, and after is the client's, so
// backends without directories, which have no links to them, are not asked.
func (l *linkedDirs) addBefore(in *listing, after string) {
	j, ctx := in.j, in.ctx
	for i := 1; i < len(after) && i <= MaxElementBytes; i++ {
		if after[i] >= '/' {
			continue
		}
		n, err := in.dir.Child(after[:i])
		if err != nil || !j.admitted(ctx, OpList, n) {
			continue
		}
		real, err := in.at.Child(after[:i])
		if err != nil {
			continue
		}
		if _, err := j.backend.Stat(ctx, real, Request{}); ReasonOf(err) != reason.Symlink {
			continue
		}
		if e, ok := j.showLink(ctx, n, after[:i], in.budget); ok && e.Kind == KindDir {
			l.push(e)
		}
	}
}

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

// List yields the servable entries of dir: objects that Get would be allowed to open,
// and directories that contain a shown entry, as defined by [Jail.HeadDir]. Entries are
// in the order of [Entry.Key], beginning after the key after. Kinds are KindFile and
// KindDir only: a link is shown as its target, if the policy permits. After an error
// List yields nothing more.
//
// A directory without any shown entry is treated as missing. The top always exists.
func (j *Jail) List(ctx context.Context, dir Name, after string) iter.Seq2[Entry, error] {
	return j.list(ctx, dir, after, listHint{})
}

// A Page is a part of a directory's listing.
type Page struct {
	Entries []Entry
	Next    string // pass it as after for the next page; "" if there is none

	// Cut is set by Search if it ended before it had looked at everything.
	Cut bool
}

// maxPageRequests bounds the cost of one page on a remote backend: 64 requests of 1,000
// names each. A page of 10,000 takes 11.
const maxPageRequests = 64

// ListPage returns at most limit entries of List. Next is set if another shown entry
// follows; hidden entries do not affect it.
//
// The cost of a page is bounded: 64 requests to a remote backend, and 64,000 hidden
// entries. If ListPage reaches the bound before it finds another entry, it sets Next
// although no shown entry may follow; if the page is still empty, it fails with
// [ErrListBound].
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
	l := listing{j: j, ctx: ctx, dir: dir, budget: newBudget()}
	return l.all(after, hint)
}

// all yields what List yields, of the entries that l.text selects. It may be used once.
func (l *listing) all(after string, hint listHint) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		var rule string
		var err error
		if l.at, rule, err = l.j.enterDir(l.ctx, "list", l.dir); err != nil {
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
		if err == nil && !shown && l.seen == "" && !l.dir.IsRoot() {
			err = l.exists(after)
		}
		if err != nil {
			yield(Entry{}, outward("list", l.dir, rule, err))
		}
	}
}

// listHint has the fields of driver.ListHint.
type listHint = filestore.Hint[Kind]

// A listing is one call of List: of the directory dir, which the backend stores at at.
type listing struct {
	j       *Jail
	ctx     context.Context
	dir, at Name
	budget  *budget
	text    contained

	// seen is the key of the last entry that is shown, but left out for its text, as far
	// as its kind and the policy alone decide that; "" if there is none.
	seen string
}

// entries yields the shown entries in order of Key. The backend's order differs where a
// link leads to a directory: the backend sorts the link by its bare element, but as a
// directory its key ends in a slash. So entries holds it back until its key is due.
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

// A foundEntry is a backend's entry: its key there, and what is shown for it.
type foundEntry struct {
	key     string
	shown   Entry
	isShown bool
}

// found yields the backend's entries in the backend's order.
func (l *listing) found(after string, hint listHint) iter.Seq2[foundEntry, error] {
	return func(yield func(foundEntry, error) bool) {
		hint.Shows = func(elem string, kind Kind) bool {
			// A remote backend returns the others in the same requests, and only their keys
			// tell how far it has come.
			return l.j.shows(l.ctx, l.dir, l.at, elem, kind) && (!l.j.caps.Directories || l.text.in(elem))
		}
		hidden := 0
		for e, err := range l.j.backend.List(filestore.WithHint(l.ctx, hint), l.at, after) {
			if err != nil {
				yield(foundEntry{}, err)
				return
			}
			f := foundEntry{key: e.Key()}
			if f.shown, f.isShown = l.show(e); !f.isShown {
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

// show is Jail.show of the entries that l.text selects.
func (l *listing) show(e Entry) (Entry, bool) {
	if l.text == (contained{}) {
		return l.j.show(l.ctx, l.dir, l.at, e, l.budget)
	}
	if e.Reason != "" || !l.j.shows(l.ctx, l.dir, l.at, e.Elem, e.Kind) {
		return Entry{}, false
	}
	if !l.text.in(e.Elem) {
		// Whether a link is shown, or a directory in a backend that has them, depends on
		// more than the policy.
		if e.Kind == KindFile || e.Kind == KindDir && !l.j.caps.Directories {
			l.seen = e.Key()
		}
		return Entry{}, false
	}
	return l.j.show(l.ctx, l.dir, l.at, e, l.budget)
}

// exists fails if no entry of the directory is shown. The caller found none after the
// key after that l.text selects.
func (l *listing) exists(after string) error {
	if after != "" || l.text != (contained{}) {
		if shown, err := l.j.showsSome(l.ctx, l.dir, l.at, newBudget()); err != nil || shown {
			return err
		}
	}
	return refuse("list", l.dir.s, reason.Missing)
}

// HeadDir returns nil if the caller can see dir as a directory: the backend has it, the
// policy allows names below it, and it contains an object that the caller can open, or
// a directory that the caller can see. The top can always be seen.
//
// After 10,000 entries and directories without such an object, HeadDir stops and returns
// nil. If the backend has no directories, it does not look into the directories in dir,
// which would cost a request each: one that the policy allows can be seen.
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

// enterDir admits a directory and resolves links on its path. It returns the name under
// which the backend stores it and the rule that allowed it. A backend without
// directories has no links to them, and the listing itself shows whether there is
// anything, so enterDir makes no request to it.
func (j *Jail) enterDir(ctx context.Context, call string, dir Name) (at Name, rule string, err error) {
	v := j.admit(ctx, OpList, dir)
	if err := v.err(call); err != nil {
		return Name{}, "", err
	}
	if !j.caps.Directories {
		return dir, v.Rule, nil
	}
	at = dir
	for via := []Name(nil); ; via = append(via, at) {
		err := j.touchDir(ctx, at)
		if err == nil {
			return at, v.Rule, nil
		}
		if at, err = j.follow(ctx, call, &v, err, via); err != nil {
			return Name{}, "", err
		}
	}
}

// touchDir returns nil if dir exists. It costs one call of the backend.
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

// addBefore adds the links to directories that the backend does not list after the key
// after, although they belong there. The backend sorts a link by its element alone, but
// the key of a directory ends in a slash: with after "img-a", the link "img" comes
// before it for the backend, and as "img/" after it for the caller. Only a prefix of
// after that is followed by a byte less than a slash can be such a link. So the client,
// who chooses after, can cause at most MaxElementBytes calls of the backend. Backends
// without directories have no links, and are not called.
func (l *linkedDirs) addBefore(in *listing, after string) {
	j, ctx := in.j, in.ctx
	for i := 1; i < len(after) && i <= MaxElementBytes; i++ {
		if after[i] >= '/' {
			continue
		}
		n, err := in.dir.Child(after[:i])
		if err != nil || !in.text.in(after[:i]) || !j.admitted(ctx, OpList, n) {
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

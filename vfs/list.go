package vfs

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
)

// List yields the entries of dir that would be served: objects that a Get would
// be allowed to open, and directories in which some allowed name can lie. Their
// order is that of [Entry.Key]; entries come after the key after. The kinds are
// KindFile and KindDir alone: a link shows as what it leads to, if the policy
// lets it through at all. After an error nothing more is yielded.
func (j *Jail) List(ctx context.Context, dir Name, after string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		at, err := j.enterDir(ctx, dir)
		if err != nil {
			yield(Entry{}, err)
			return
		}
		var links linkedDirs
		if j.symlinks == SymlinksInside && j.caps.Directories {
			links.addBefore(ctx, j, dir, at, after)
		}
		shows := func(elem string, kind Kind) bool { return j.shows(ctx, dir, at, elem, kind) }
		for e, err := range j.backend.List(WithListHint(ctx, ListHint{Shows: shows}), at, after) {
			if err != nil {
				yield(Entry{}, outward("list", dir, err))
				return
			}
			// What follows may be another's, of whom this caller must not learn.
			e.More = e.More && j.authorize == nil
			for links.due(e.Key()) {
				if !yield(links.pop(), nil) {
					return
				}
			}
			shown, ok := j.show(ctx, dir, at, e)
			if !ok {
				continue
			}
			if e.Kind == KindLink && shown.Kind == KindDir {
				links.push(shown)
				continue
			}
			if !yield(shown, nil) {
				return
			}
		}
		for len(links.entries) > 0 {
			if !yield(links.pop(), nil) {
				return
			}
		}
	}
}

// shows reports whether an entry of this name and kind can be shown to the caller:
// what else there is to know of it is for show to say. The directory was asked for
// as dir and lies at at.
func (j *Jail) shows(ctx context.Context, dir, at Name, elem string, kind Kind) bool {
	var op Op
	switch kind {
	case KindFile:
		op = OpRead
	case KindDir:
		op = OpList
	case KindLink:
		return j.symlinks == SymlinksInside
	default:
		return false
	}
	n, err := dir.Child(elem)
	if err != nil || !j.admitted(ctx, op, n) {
		return false
	}
	if at == dir {
		return true
	}
	// In a linked directory, the entry's own name has to be admitted, too, as it
	// would be when it is opened.
	real, err := at.Child(elem)
	return err == nil && j.admitted(ctx, op, real)
}

// show turns a backend's entry into what the caller may see of it.
func (j *Jail) show(ctx context.Context, dir, at Name, e Entry) (Entry, bool) {
	if e.Reason != "" || !j.shows(ctx, dir, at, e.Elem, e.Kind) {
		return Entry{}, false
	}
	switch e.Kind {
	case KindDir:
		return Entry{Elem: e.Elem, Kind: KindDir, More: e.More}, true
	case KindLink:
		n, err := dir.Child(e.Elem)
		if err != nil {
			return Entry{}, false
		}
		return j.showLink(ctx, n, e.Elem)
	}
	return e, true
}

// showLink shows a link as what it leads to.
func (j *Jail) showLink(ctx context.Context, n Name, elem string) (Entry, bool) {
	if info, _, err := j.Head(ctx, n, Request{}); err == nil {
		return Entry{Elem: elem, Kind: KindFile, Size: info.Size, ModTime: info.ModTime}, true
	}
	if j.HeadDir(ctx, n) == nil {
		return Entry{Elem: elem, Kind: KindDir}, true
	}
	return Entry{}, false
}

func (j *Jail) admitted(ctx context.Context, op Op, n Name) bool {
	v := j.admit(ctx, op, n)
	return v.Allowed
}

// enterDir returns the name under which the backend has dir, for a listing.
// Without directories there are no links to them either, and the listing itself
// tells whether there is anything: a look first would be a request too many.
func (j *Jail) enterDir(ctx context.Context, dir Name) (Name, error) {
	if j.caps.Directories {
		return j.reachDir(ctx, "list", dir)
	}
	v := j.admit(ctx, OpList, dir)
	return dir, v.err("list")
}

// reachDir takes the road to a directory and returns the name under which the
// backend has it, which is another one where links are on the way.
func (j *Jail) reachDir(ctx context.Context, call string, dir Name) (Name, error) {
	v := j.admit(ctx, OpList, dir)
	if err := v.err(call); err != nil {
		return Name{}, err
	}
	for at, links := dir, 0; ; links++ {
		err := j.touchDir(ctx, at)
		if err == nil {
			return at, nil
		}
		if at, err = j.follow(ctx, call, &v, err, links); err != nil {
			return Name{}, err
		}
	}
}

// touchDir returns nil if dir is there, at the price of one look.
func (j *Jail) touchDir(ctx context.Context, dir Name) error {
	if dir.IsRoot() {
		return nil
	}
	if j.caps.Directories {
		_, err := j.backend.Stat(ctx, dir, Request{Links: j.symlinks == SymlinksInside})
		var e *Error
		switch {
		case err == nil:
			return refuse("stat", dir.String(), ReasonMissing)
		case errors.As(err, &e) && e.Reason == ReasonDirectory:
			return nil
		}
		return err
	}
	for _, err := range j.backend.List(ctx, dir, "") {
		return err
	}
	return nil
}

// linkedDirs holds back directories that are really links, in order of Key: a
// backend lists a link by its bare element, but a directory's place is that of
// its key, with the slash.
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
// by a byte below the slash can be one. The directory was asked for as dir and
// lies at at. Each look is a call of the backend, and after is the client's, so
// backends without directories, which have no links to them, are not asked.
func (l *linkedDirs) addBefore(ctx context.Context, j *Jail, dir, at Name, after string) {
	for i := 1; i < len(after) && i <= MaxElementBytes; i++ {
		if after[i] >= '/' {
			continue
		}
		n, err := dir.Child(after[:i])
		if err != nil || !j.admitted(ctx, OpList, n) {
			continue
		}
		real, err := at.Child(after[:i])
		if err != nil {
			continue
		}
		if _, err := j.backend.Stat(ctx, real, Request{}); ReasonOf(err) != ReasonSymlink {
			continue
		}
		if e, ok := j.showLink(ctx, n, after[:i]); ok && e.Kind == KindDir {
			l.push(e)
		}
	}
}

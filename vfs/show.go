package vfs

import (
	"context"
	"errors"

	"github.com/bailiwick-fs/bailiwick/vfs/internal/filestore"
)

// shows reports whether an entry of this name and kind can be shown to the caller; show
// decides the rest. The caller asked for the directory as dir; the backend stores it at
// at.
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
	// In a linked directory, the entry's own name must be admitted, too, as when it is
	// opened.
	real, err := at.Child(elem)
	return err == nil && j.admitted(ctx, op, real)
}

// show converts a backend's entry into what the caller may see of it.
func (j *Jail) show(ctx context.Context, dir, at Name, e Entry, left *budget) (Entry, bool) {
	if e.Reason != "" || !j.shows(ctx, dir, at, e.Elem, e.Kind) {
		return Entry{}, false
	}
	if e.Kind == KindFile {
		e.Layer = 0
		return e, true
	}
	n, err := dir.Child(e.Elem)
	if err != nil {
		return Entry{}, false
	}
	if e.Kind == KindLink {
		return j.showLink(ctx, n, e.Elem, left)
	}
	if j.caps.Directories {
		real, err := at.Child(e.Elem)
		if err != nil {
			return Entry{}, false
		}
		if some, err := j.showsSome(ctx, n, real, left); err != nil || !some {
			return Entry{}, false
		}
	}
	return Entry{Elem: e.Elem, Kind: KindDir}, true
}

// showLink shows a link as its target.
func (j *Jail) showLink(ctx context.Context, n Name, elem string, left *budget) (Entry, bool) {
	if info, err := j.Head(ctx, n, Request{}); err == nil {
		return Entry{Elem: elem, Kind: KindFile, Size: info.Size, ModTime: info.ModTime}, true
	}
	if at, _, err := j.enterDir(ctx, "stat", n); err == nil {
		if some, err := j.showsSome(ctx, n, at, left); err == nil && some {
			return Entry{Elem: elem, Kind: KindDir}, true
		}
	}
	return Entry{}, false
}

// isShown reports whether the caller can see n, as an object that it could open or as a
// directory.
func (j *Jail) isShown(ctx context.Context, n Name, kind Kind) bool {
	switch kind {
	case KindDir:
		return j.HeadDir(ctx, n) == nil
	case KindLink:
		if j.symlinks == SymlinksInside && j.HeadDir(ctx, n) == nil {
			return true
		}
	case KindSpecial:
		return false
	}
	_, err := j.Head(ctx, n, Request{})
	return err == nil
}

func (j *Jail) admitted(ctx context.Context, op Op, n Name) bool {
	v := j.admit(ctx, op, n)
	return v.Allowed
}

// maxVisits is the maximum number of entries and directories that one listing visits to
// find out whether its directories contain anything shown.
const maxVisits = 10_000

// A budget counts down maxVisits for one listing.
type budget struct{ left int }

func newBudget() *budget { return &budget{maxVisits} }

// take counts one visit and reports whether it is within the budget.
func (b *budget) take() bool {
	b.left--
	return b.left >= 0
}

// showsSome reports whether the directory dir, which the backend stores at at, contains
// anything shown, as defined by [Jail.HeadDir]. It searches breadth first and keeps no
// directory open while it reads another.
func (j *Jail) showsSome(ctx context.Context, dir, at Name, left *budget) (bool, error) {
	// as is the name that the caller uses, at the name in the backend.
	type directory struct{ as, at Name }
	todo := []directory{{dir, at}}
	for i := 0; i < len(todo); i++ {
		if !left.take() {
			return true, nil
		}
		p := todo[i]
		hint := listHint{AnyOrder: true, Requests: maxPageRequests, Shows: func(elem string, kind Kind) bool {
			return !left.take() || j.shows(ctx, p.as, p.at, elem, kind)
		}}
		for e, err := range j.backend.List(filestore.WithHint(ctx, hint), p.at, "") {
			switch {
			case ctx.Err() != nil:
				return false, ctx.Err()
			case errors.Is(err, ErrListBound), err == nil && !left.take():
				return true, nil
			case err != nil && i == 0:
				return false, err
			case err != nil: // it was removed or cannot be read
			case e.Kind == KindDir && j.caps.Directories:
				n, err := p.as.Child(e.Elem)
				real, realErr := p.at.Child(e.Elem)
				if err == nil && realErr == nil && e.Reason == "" && j.shows(ctx, p.as, p.at, e.Elem, e.Kind) {
					todo = append(todo, directory{n, real})
				}
			default:
				if _, ok := j.show(ctx, p.as, p.at, e, left); ok {
					return true, nil
				}
			}
		}
	}
	return false, nil
}

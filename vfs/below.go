package vfs

import (
	"context"
	"iter"
)

// Below yields the objects below dir that the caller could reach by List and open by Get. Elem
// of an Entry is its path relative to dir. The order is that of List, with the content of a
// directory in its place, which is the order of bytes.
//
// It reads the tree as [Jail.ScanDir] does, and does not enter linked directories, which may
// lead in circles, but dir itself may be one. A directory below dir that is gone by now, or that
// the server may not read, is left out, as List leaves it out. Any other error ends the
// iteration, so that nothing is missing without notice. A directory without any object of the
// caller fails as List does; the top always exists.
func (j *Jail) Below(ctx context.Context, dir Name) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		at, rule, err := j.enterDir(ctx, "list", dir)
		if err != nil {
			yield(Entry{}, err)
			return
		}
		w := way{jail: j, ctx: ctx, as: dir, at: at}
		found := false
		for f, err := range j.scanDir(ctx, at, true) {
			if err != nil {
				yield(Entry{}, outward("list", dir, rule, err))
				return
			}
			path, ok := w.path(&f)
			if !ok {
				continue
			}
			found = true
			if !yield(Entry{Elem: path, Kind: KindFile, Size: f.Size, ModTime: f.ModTime}, nil) {
				return
			}
		}
		if !found {
			if err := j.HeadDir(ctx, dir); err != nil {
				yield(Entry{}, err)
			}
		}
	}
}

// A way leads from a directory, which the backend stores at at, to the objects below it.
type way struct {
	jail   *Jail
	ctx    context.Context
	as, at Name

	parent Name // the directory of the last object
	listed bool // the caller may list parent and the directories between it and at
}

// path returns the path of an object relative to the directory, if the caller may go there.
func (w *way) path(f *Finding) (path string, ok bool) {
	below, ok := f.Name.Within(w.at)
	if !f.Allowed || !ok || !w.lists(f.Name.Dir()) {
		return "", false
	}
	if w.as != w.at {
		// In a linked directory, both names must be admitted, as when an object is opened.
		n, err := w.as.Join(below)
		if err != nil || !w.jail.admitted(w.ctx, OpRead, n) {
			return "", false
		}
	}
	return below.String(), true
}

// lists reports whether the caller may list dir, and the directories between it and the top.
func (w *way) lists(dir Name) bool {
	if dir == w.parent {
		return w.listed
	}
	w.parent, w.listed = dir, true
	for d := dir; w.listed && d != w.at; d = d.Dir() {
		w.listed = w.jail.admitted(w.ctx, OpList, d)
		if w.listed && w.as != w.at {
			below, _ := d.Within(w.at)
			as, err := w.as.Join(below)
			w.listed = err == nil && w.jail.admitted(w.ctx, OpList, as)
		}
	}
	return w.listed
}

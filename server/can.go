package server

import (
	"context"
	"iter"
	"net/url"

	"github.com/bailiwick-fs/bailiwick/server/access"
	"github.com/bailiwick-fs/bailiwick/server/internal/listing"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// newElem stands for the name of a file that does not exist yet.
const newElem = "new"

// can returns what the caller may do in dir, of the page that shows entries: "write" if the
// caller may write one of the files or a new one, "delete" and "move" likewise; "zip" if there is
// something to archive; "share" if the rules let the caller share the directory or something
// in it. The jail decides for each name as it decides for the request itself. A name that is
// not on the page does not count, so the result tells nothing about what is hidden; a right to
// share comes from the rules alone.
func (h *handler) can(x *exchange, dir vfs.Name, entries []vfs.Entry) []string {
	var can []string
	if h.cfg.Write {
		can = h.canChange(x, dir, entries)
	}
	if len(entries) > 0 {
		can = append(can, "zip")
	}
	if h.mayShare(x, dir, true) {
		can = append(can, "share")
	}
	return can
}

// mayShare reports whether the caller may share name. Pages that a link or a share has opened
// do not offer it.
func (h *handler) mayShare(x *exchange, name vfs.Name, dir bool) bool {
	return h.cfg.Page.Shares && x.share == nil && x.link.ID == "" && access.MayShare(x.ctx, h.jail.Authorizer(), name, dir)
}

// sharePages returns what refers to the form that makes a share of an entry of p, or with nil of
// its directory; "" if the caller may not share it.
func (h *handler) sharePages(x *exchange, p *listing.Page) func(*vfs.Entry) string {
	form := ""
	if p.May("share") {
		form = x.sharePage("")
	}
	return func(e *vfs.Entry) string {
		if e == nil || form == "" {
			return form
		}
		below, err := vfs.ParseName(e.Elem)
		if err != nil {
			return ""
		}
		// The pages of a share offer none, so this is no name below one.
		name, err := p.Dir.Join(below)
		if err != nil || !h.mayShare(x, name, e.Kind == vfs.KindDir) {
			return ""
		}
		return form + url.QueryEscape(e.Key())
	}
}

// canChange returns what the caller may change in dir.
func (h *handler) canChange(x *exchange, dir vfs.Name, entries []vfs.Entry) []string {
	allows := func(name vfs.Name, ops ...vfs.Op) bool {
		for _, op := range ops {
			if !h.jail.Explain(x.ctx, op, name).Allowed {
				return false
			}
		}
		return true
	}
	var write, remove, leave bool
	for name := range fileNames(dir, entries) {
		write = write || allows(name, vfs.OpWrite)
		remove = remove || allows(name, vfs.OpDelete)
		leave = leave || allows(name, sourceOps(methodMove)...)
		if write && remove && leave {
			break
		}
	}
	write = write || h.mayCreateIn(x, dir)
	var can []string
	if write {
		can = append(can, "write")
	}
	if remove {
		can = append(can, "delete")
	}
	if write && leave {
		can = append(can, "move")
	}
	return can
}

// mayCreateIn reports whether the caller may create some file directly in dir.
func (h *handler) mayCreateIn(x *exchange, dir vfs.Name) bool {
	for n := range newNames(x.ctx, h.jail, dir) {
		if h.jail.Explain(x.ctx, vfs.OpWrite, n).Allowed {
			return true
		}
	}
	return false
}

// maxExamples bounds the names of newNames.
const maxExamples = 1000

// newNames yields names of files that could be created directly in dir: any, and where the
// rules allow some only, such as *.jpg, those that they could mean.
func newNames(ctx context.Context, j *vfs.Jail, dir vfs.Name) iter.Seq[vfs.Name] {
	return func(yield func(vfs.Name) bool) {
		tried := 0
		for _, names := range [...]iter.Seq[vfs.Name]{fileNames(dir, nil), j.Examples(dir), access.Examples(ctx, j.Authorizer(), vfs.OpWrite, dir)} {
			for n := range names {
				if tried++; tried > maxExamples || !yield(n) {
					return
				}
			}
		}
	}
}

// fileNames yields the name of a new file in dir, and those of the files in entries.
func fileNames(dir vfs.Name, entries []vfs.Entry) iter.Seq[vfs.Name] {
	return func(yield func(vfs.Name) bool) {
		if n, err := dir.Child(newElem); err == nil && !yield(n) {
			return
		}
		for _, e := range entries {
			if e.Kind == vfs.KindDir {
				continue
			}
			if n, err := dir.Child(e.Elem); err == nil && !yield(n) {
				return
			}
		}
	}
}

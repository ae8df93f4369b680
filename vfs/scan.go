package vfs

import (
	"context"
	"iter"
	"strings"

	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// A Finding is what a scan says of one name in the backend.
type Finding struct {
	Verdict
	Path string // the name as the backend has it, which need not be a Name
	Size int64  // bytes, of a file

	// Beneath is the object above Path that has the name of a directory on the way to it;
	// "" if there is none, as on all stores that have directories. Some services leave
	// what lies beneath an object out of their listings.
	Beneath string
}

// Scan yields a Finding for every name in the backend that is no directory, in
// the order of List, directories in their place. It goes into all directories,
// also those that the policy hides, but into no linked ones: a link is one
// Finding. A directory that cannot be named or read is one, too. An error ends
// the scan: the top cannot be listed, or ctx is done.
//
// A backend that walks (Caps.Walks) is asked for all at once. There, any error ends the
// scan, and keys that are no names, such as "a//b", are Findings as well.
func (j *Jail) Scan(ctx context.Context) iter.Seq2[Finding, error] { return j.ScanDir(ctx, Root) }

// ScanDir is Scan of what lies below dir.
func (j *Jail) ScanDir(ctx context.Context, dir Name) iter.Seq2[Finding, error] {
	return func(yield func(Finding, error) bool) {
		s := scan{j, ctx, dir, yield}
		if j.caps.Walks {
			s.walkAll()
		} else {
			s.walk(dir)
		}
	}
}

type scan struct {
	jail  *Jail
	ctx   context.Context
	top   Name
	yield func(Finding, error) bool
}

// walkAll takes what the backend has by itself.
func (s *scan) walkAll() {
	prefix := ""
	if !s.top.IsRoot() {
		prefix = s.top.String() + "/"
	}
	var above []string // those objects whose names begin the present one, shortest first
	for e, err := range s.jail.walk(s.ctx, s.top) {
		if err != nil {
			s.yield(Finding{}, outward("scan", s.top, "", err))
			return
		}
		path := prefix + e.Elem
		for len(above) > 0 && !strings.HasPrefix(path, above[len(above)-1]) {
			above = above[:len(above)-1]
		}
		f := Finding{Path: path, Size: e.Size}
		for _, object := range above {
			if strings.HasPrefix(path[len(object):], "/") {
				f.Beneath = object
				break
			}
		}
		above = append(above, path)
		if n, err := ParseName(path); err == nil {
			f.Verdict = s.verdict(n, &e)
		} else {
			f.Verdict = Verdict{Op: OpRead, Reason: ReasonOf(err)}
		}
		if !s.yield(f, nil) {
			return
		}
	}
}

// walk is the backend's own Walk: driver.Walker has its contract.
func (j *Jail) walk(ctx context.Context, dir Name) iter.Seq2[Entry, error] {
	type walker interface {
		Walk(ctx context.Context, dir Name) iter.Seq2[Entry, error]
	}
	if w, ok := j.backend.(walker); ok {
		return w.Walk(ctx, dir)
	}
	return func(yield func(Entry, error) bool) {
		yield(Entry{}, &Error{Op: "list", Name: dir.s, Err: ErrUnsupported})
	}
}

// walk returns false once the scan is over.
func (s *scan) walk(dir Name) bool {
	for e, err := range s.jail.backend.List(s.ctx, dir, "") {
		if err == nil {
			if !s.visit(dir, e) {
				return false
			}
			continue
		}
		if dir == s.top || s.ctx.Err() != nil {
			s.yield(Finding{}, outward("scan", dir, "", err))
			return false
		}
		why := ReasonOf(err)
		if why == "" {
			why = reason.Permission
		}
		v := Verdict{Op: OpList, Name: dir, Reason: why}
		return s.yield(Finding{Verdict: v, Path: dir.String() + "/"}, nil)
	}
	return true
}

func (s *scan) visit(dir Name, e Entry) bool {
	n, err := dir.Child(e.Elem)
	if err != nil {
		path := e.Key()
		if !dir.IsRoot() {
			path = dir.String() + "/" + path
		}
		v := Verdict{Op: OpRead, Reason: ReasonOf(err)}
		return s.yield(Finding{Verdict: v, Path: path, Size: e.Size}, nil)
	}
	if e.Kind == KindDir {
		return s.walk(n)
	}
	v := s.verdict(n, &e)
	return s.yield(Finding{Verdict: v, Path: n.String(), Size: e.Size}, nil)
}

// verdict is the verdict on n, which the backend has as e.
func (s *scan) verdict(n Name, e *Entry) Verdict {
	v := s.jail.admit(s.ctx, OpRead, n)
	if v.Allowed {
		v.Reason = s.obstacle(n, e)
		v.Allowed = v.Reason == ""
	}
	return v
}

// obstacle returns why an allowed name is not served all the same.
func (s *scan) obstacle(n Name, e *Entry) Reason {
	if e.Reason != "" {
		return e.Reason
	}
	switch e.Kind {
	case KindSpecial:
		return reason.SpecialFile
	case KindLink:
		if s.jail.symlinks == SymlinksRefuse {
			return reason.Symlink
		}
		info, err := s.jail.Head(s.ctx, n, Request{})
		e.Size = info.Size
		if err != nil && ReasonOf(err) == "" {
			return reason.Permission
		}
		return ReasonOf(err)
	}
	return ""
}

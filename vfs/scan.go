package vfs

import (
	"context"
	"iter"
)

// A Finding is what a scan says of one name in the backend.
type Finding struct {
	Verdict
	Path string // the name as the backend has it, which need not be a Name
	Size int64  // bytes, of a file
}

// Scan yields a Finding for every name in the backend that is no directory, in
// the order of List, directories in their place. It goes into all directories,
// also those that the policy hides, but into no linked ones: a link is one
// Finding. A directory that cannot be named or read is one, too. An error ends
// the scan: the top cannot be listed, or ctx is done.
func (j *Jail) Scan(ctx context.Context) iter.Seq2[Finding, error] {
	return func(yield func(Finding, error) bool) {
		s := scan{j, ctx, yield}
		s.walk(Root)
	}
}

type scan struct {
	jail  *Jail
	ctx   context.Context
	yield func(Finding, error) bool
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
		if dir.IsRoot() || s.ctx.Err() != nil {
			s.yield(Finding{}, outward("scan", dir, err))
			return false
		}
		reason := ReasonOf(err)
		if reason == "" {
			reason = ReasonPermission
		}
		v := Verdict{Op: OpList, Name: dir, Reason: reason}
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
		return s.yield(Finding{v, path, e.Size}, nil)
	}
	if e.Kind == KindDir {
		return s.walk(n)
	}
	v := s.jail.admit(s.ctx, OpRead, n)
	if v.Allowed {
		v.Reason = s.obstacle(n, &e)
		v.Allowed = v.Reason == ""
	}
	return s.yield(Finding{v, n.String(), e.Size}, nil)
}

// obstacle returns why an allowed name is not served all the same.
func (s *scan) obstacle(n Name, e *Entry) Reason {
	if e.Reason != "" {
		return e.Reason
	}
	switch e.Kind {
	case KindSpecial:
		return ReasonSpecialFile
	case KindLink:
		if s.jail.symlinks == SymlinksRefuse {
			return ReasonSymlink
		}
		info, _, err := s.jail.Head(s.ctx, n, Request{})
		e.Size = info.Size
		if err != nil && ReasonOf(err) == "" {
			return ReasonPermission
		}
		return ReasonOf(err)
	}
	return ""
}

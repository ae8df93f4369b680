package vfs

import (
	"context"
	"iter"
	"strings"
	"time"

	"github.com/bailiwick-fs/bailiwick/vfs/internal/filestore"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// A Finding is the result of a scan for one name in the backend.
type Finding struct {
	Verdict
	Path string // the name as stored, which need not be a valid Name

	Size    int64     // size of a file in bytes
	ModTime time.Time // of a file; zero if unknown

	// Beneath is an object whose name is that of a directory on the path to Path; "" if
	// there is none, as always in stores with directories. Some services do not list
	// what lies beneath an object.
	Beneath string

	// Layer is that of the Entry: which of several backends has the name, from 1; 0 if
	// the backend is a single one.
	Layer int
}

// Scan yields a Finding for every name in the backend that is not a directory, in the
// order of List, with the content of a directory in its place. It enters all
// directories, even those that the policy hides, but not linked ones: a link is a
// single Finding. So is a directory that has no valid name or cannot be read. An error
// ends the scan: the top cannot be listed, or ctx is done.
//
// If the backend supports it (Caps.Walks), Scan reads everything in one walk. Then any
// error ends the scan, and keys that are not valid names, such as "a//b", are Findings
// as well.
func (j *Jail) Scan(ctx context.Context) iter.Seq2[Finding, error] { return j.ScanDir(ctx, Root) }

// ScanDir is Scan limited to what lies below dir.
func (j *Jail) ScanDir(ctx context.Context, dir Name) iter.Seq2[Finding, error] {
	return j.scanDir(ctx, dir, false)
}

// scanDir is ScanDir. With shown, it need not yield what is not shown to the caller, and it
// ends with an error where it cannot find out what is.
func (j *Jail) scanDir(ctx context.Context, dir Name, shown bool) iter.Seq2[Finding, error] {
	return func(yield func(Finding, error) bool) {
		s := scan{jail: j, ctx: ctx, top: dir, yield: yield, shown: shown}
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
	shown bool  // leave out what is not shown, where that saves work
	err   error // of a link that may be shown
}

// walkAll reports everything that the backend's own Walk yields.
func (s *scan) walkAll() {
	prefix := ""
	if !s.top.IsRoot() {
		prefix = s.top.String() + "/"
	}
	var above []string // earlier objects whose names are prefixes of the current one, shortest first
	for e, err := range s.jail.walk(s.ctx, s.top) {
		if err != nil {
			s.yield(Finding{}, outward("scan", s.top, "", err))
			return
		}
		path := prefix + e.Elem
		for len(above) > 0 && !strings.HasPrefix(path, above[len(above)-1]) {
			above = above[:len(above)-1]
		}
		f := Finding{Path: path, Size: e.Size, ModTime: e.ModTime, Layer: e.Layer}
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

// walk calls the backend's Walk; driver.Walker has its contract.
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
	ctx := s.ctx
	if s.shown {
		shows := func(elem string, kind Kind) bool { return s.jail.shows(s.ctx, dir, dir, elem, kind) }
		ctx = filestore.WithHint(ctx, listHint{Shows: shows})
	}
	for e, err := range s.jail.backend.List(ctx, dir, "") {
		if err == nil {
			if !s.visit(dir, e) {
				return false
			}
			continue
		}
		why := ReasonOf(err)
		if dir == s.top || s.ctx.Err() != nil || s.shown && why == "" {
			s.yield(Finding{}, outward("scan", dir, "", err))
			return false
		}
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
		return s.yield(Finding{Verdict: v, Path: path, Size: e.Size, Layer: e.Layer}, nil)
	}
	if e.Kind == KindDir {
		if s.shown && (e.Reason != "" || !s.jail.admitted(s.ctx, OpList, n)) {
			return true
		}
		return s.walk(n)
	}
	v := s.verdict(n, &e)
	if s.shown && s.err != nil {
		s.yield(Finding{}, outward("scan", n, "", s.err))
		return false
	}
	return s.yield(Finding{Verdict: v, Path: n.String(), Size: e.Size, ModTime: e.ModTime, Layer: e.Layer}, nil)
}

// verdict returns the verdict on n, which the backend lists as e.
func (s *scan) verdict(n Name, e *Entry) Verdict {
	v := s.jail.admit(s.ctx, OpRead, n)
	if v.Allowed {
		v.Reason = s.objectReason(n, e)
		v.Allowed = v.Reason == ""
	}
	return v
}

// objectReason returns why an allowed name is still not served.
func (s *scan) objectReason(n Name, e *Entry) Reason {
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
		e.Size, e.ModTime = info.Size, info.ModTime
		if err != nil && ReasonOf(err) == "" {
			s.err = err
			return reason.Permission
		}
		return ReasonOf(err)
	}
	return ""
}

package vfs

import (
	"context"
	"errors"

	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// A Jail serves a Backend's objects under a Policy. It is safe for concurrent
// use, and there is nothing to close. The zero Jail lets nothing through.
//
// A Jail is also an [io/fs.FS]; see [Jail.Open].
//
// It does not protect against a process that can move or remount the root
// directory of a disk backend, against bind mounts and hard links inside that root
// (see disk.Options for the latter), or against what the objects contain.
type Jail struct {
	backend   Backend
	caps      Caps
	rules     *rules
	symlinks  Symlinks
	authorize Authorizer
	creating  claims
}

// New returns a Jail over b under p. It fails if a pattern cannot be used.
func New(b Backend, p Policy) (*Jail, error) {
	if b == nil {
		return nil, errors.New("vfs: New without a backend")
	}
	r, err := compileRules(&p)
	if err != nil {
		return nil, err
	}
	return &Jail{backend: b, caps: b.Caps(), rules: r, symlinks: p.Symlinks, authorize: p.Authorize}, nil
}

// Caps returns what the backend can do.
func (j *Jail) Caps() Caps { return j.caps }

// Authorizer returns Policy.Authorize: nil where the patterns alone decide. A server
// of the jail finds out from it what else the rules imply, such as whether caches may
// keep an answer.
func (j *Jail) Authorizer() Authorizer { return j.authorize }

// Get opens the object n, or the part of it that req asks for. The caller
// closes the object's Body; cancelling ctx ends a running transfer.
//
// A name that is refused fails like one that is missing, with an [*Error] that
// matches [fs.ErrNotExist]. Other errors to expect: [ErrNotModified],
// [ErrPrecondition], [ErrRange], [ErrUnavailable], and ctx's own.
func (j *Jail) Get(ctx context.Context, n Name, req Request) (*Object, error) {
	v := j.admit(ctx, OpRead, n)
	if err := v.err("get"); err != nil {
		return nil, err
	}
	req.Links = j.symlinks == SymlinksInside
	for at, links := n, 0; ; links++ {
		obj, err := j.backend.Open(ctx, at, req)
		if err == nil {
			obj.Info.Name, obj.Info.Rule = n, v.Rule
			return obj, nil
		}
		if at, err = j.follow(ctx, "get", &v, err, links); err != nil {
			return nil, err
		}
	}
}

// Head describes the object n as Get would, without its bytes. It fails as Get
// does; the range in req is ignored. ([Jail.Stat] is the method that [fs.StatFS]
// asks for.)
func (j *Jail) Head(ctx context.Context, n Name, req Request) (Info, error) {
	v := j.admit(ctx, OpRead, n)
	if err := v.err("stat"); err != nil {
		return Info{}, err
	}
	req.Links = j.symlinks == SymlinksInside
	for at, links := n, 0; ; links++ {
		info, err := j.backend.Stat(ctx, at, req)
		if err == nil {
			info.Name, info.Rule = n, v.Rule
			return info, nil
		}
		if at, err = j.follow(ctx, "stat", &v, err, links); err != nil {
			return Info{}, err
		}
	}
}

// follow handles a backend's error on the way to v.Name, after so many links. If a
// link is in the way, and links are allowed, it returns the name that the link leads
// to, provided that it is admitted like any other; else the error for the caller.
func (j *Jail) follow(ctx context.Context, call string, v *Verdict, err error, links int) (Name, error) {
	target, isLink := linkTarget(err)
	if !isLink || j.symlinks != SymlinksInside {
		return Name{}, outward(call, v.Name, v.Rule, err)
	}
	e := refuse(call, v.Name.String(), reason.Symlink)
	if target.IsZero() || links == maxLinks {
		return Name{}, e
	}
	if next := j.admit(ctx, v.Op, target); !next.Allowed {
		e.Rule = next.Rule
		return Name{}, e
	}
	return target, nil
}

// linkTarget takes from a backend's error where the link in the way leads.
func linkTarget(err error) (target Name, isLink bool) {
	var e *Error
	if errors.As(err, &e) && e.Reason == reason.Symlink {
		return e.Link, true
	}
	return Name{}, false
}

// outward gives a backend's error the name that the caller used, since callers
// must not learn where a link leads, and the rule that let the name through. An
// error that is no *Error is wrapped in one, so that its text cannot leak.
func outward(call string, n Name, rule string, err error) *Error {
	var e *Error
	if !errors.As(err, &e) {
		return &Error{Op: call, Name: n.String(), Rule: rule, Err: err}
	}
	out := *e
	out.Op, out.Name, out.Rule, out.Link = call, n.String(), rule, Name{}
	if e.Info != nil {
		info := *e.Info
		info.Name, info.Rule = n, rule
		out.Info = &info
	}
	return &out
}

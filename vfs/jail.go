package vfs

import (
	"context"
	"errors"

	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// A Jail serves a Backend's objects under a Policy. It is safe for concurrent use and
// need not be closed. The zero Jail refuses every name.
//
// A Jail is also an [io/fs.FS]; see [Jail.Open].
//
// It does not protect against a process that can move or remount the root directory of
// a disk backend, against bind mounts and hard links inside that root (see disk.Options
// for the latter), or against the content of objects.
type Jail struct {
	backend   Backend
	caps      Caps
	rules     *rules
	symlinks  Symlinks
	authorize Authorizer
	*writers  // shared by the Jails that With makes
	bulk      bool
}

// writers is what concurrent writers of one backend need to know of each other.
type writers struct {
	creating claims
	moving   moves
	names    *nameIndex // nil if each look for siblings lists the directory
}

// New returns a Jail over b under p. It fails if the policy is invalid.
func New(b Backend, p Policy) (*Jail, error) {
	if b == nil {
		return nil, errors.New("vfs: New without a backend")
	}
	r, err := compileRules(&p)
	if err != nil {
		return nil, err
	}
	j := &Jail{backend: b, caps: b.Caps(), rules: r, symlinks: p.Symlinks, authorize: p.Authorize, writers: new(writers)}
	limits := serverLimits
	if j.caps.Directories {
		limits = treeLimits
	}
	j.names = newNameIndex(limits)
	return j, nil
}

// With returns a Jail over the backend of j under another policy. The two know of each
// other's changes: what Put and Move promise of concurrent calls on one Jail holds for
// both together.
func (j *Jail) With(p Policy) (*Jail, error) {
	if j.writers == nil {
		return nil, errors.New("vfs: With of the zero Jail")
	}
	r, err := compileRules(&p)
	if err != nil {
		return nil, err
	}
	other := *j
	other.rules, other.symlinks, other.authorize = r, p.Symlinks, p.Authorize
	return &other, nil
}

// WithAuthorizer returns a Jail like j whose Policy.Authorize is a. The patterns stay, and
// the two know of each other's changes, as with [Jail.With].
func (j *Jail) WithAuthorizer(a Authorizer) *Jail {
	other := *j
	other.authorize = a
	return &other
}

// NewBulk returns a Jail for a program that creates many objects in one run, such as a
// copy of a tree. It lists each directory about once, and not again for each object: it
// looks for siblings, and for the object itself, among the names listed and those that
// the Jail has created since.
//
// So it does not notice a name that others create after the listing, until the run
// ends: where they create a name that differs from one of the run only in case or normal
// form, or an object with the name of a directory of the run, both may exist at the
// end. An object that others create under the same name is replaced, as by any Put;
// IfNoneMatch "*" prevents that. What is refused is looked up again first.
func NewBulk(b Backend, p Policy) (*Jail, error) {
	j, err := New(b, p)
	if err != nil {
		return nil, err
	}
	j.names, j.bulk = newNameIndex(bulkLimits), true
	return j, nil
}

// Caps returns what the backend supports.
func (j *Jail) Caps() Caps { return j.caps }

// Authorizer returns Policy.Authorize; nil if the patterns alone decide. A server of
// the jail needs it to find out what else the rules imply, such as whether caches may
// store a response.
func (j *Jail) Authorizer() Authorizer { return j.authorize }

// Get opens the object n, or the part of it that req asks for. The caller closes the
// object's Body; canceling ctx ends a running transfer.
//
// A refused name and a missing one fail alike, with an [*Error] that matches
// [fs.ErrNotExist]. Other errors to expect: [ErrNotModified], [ErrPrecondition],
// [ErrRange], [ErrUnavailable], and the error of ctx.
func (j *Jail) Get(ctx context.Context, n Name, req Request) (*Object, error) {
	v := j.admit(ctx, OpRead, n)
	if err := v.err("get"); err != nil {
		return nil, err
	}
	req.Links = j.symlinks == SymlinksInside
	for at, via := n, []Name(nil); ; via = append(via, at) {
		obj, err := j.backend.Open(ctx, at, req)
		if err == nil {
			obj.Info.Name, obj.Info.Rule, obj.Info.Targets = n, v.Rule, via
			return obj, nil
		}
		if at, err = j.follow(ctx, "get", &v, err, via); err != nil {
			return nil, err
		}
	}
}

// Head returns the Info of the object n that Get would return. It fails as Get does and
// ignores the range in req. ([Jail.Stat] is the method of [fs.StatFS].)
func (j *Jail) Head(ctx context.Context, n Name, req Request) (Info, error) {
	v := j.admit(ctx, OpRead, n)
	if err := v.err("stat"); err != nil {
		return Info{}, err
	}
	req.Links = j.symlinks == SymlinksInside
	for at, via := n, []Name(nil); ; via = append(via, at) {
		info, err := j.backend.Stat(ctx, at, req)
		if err == nil {
			info.Name, info.Rule, info.Targets = n, v.Rule, via
			return info, nil
		}
		if at, err = j.follow(ctx, "stat", &v, err, via); err != nil {
			return Info{}, err
		}
	}
}

// follow handles an error that the backend returned on the path to v.Name, after links had
// led to the names in via. If the error is a link, links are allowed, and the link's target
// is admitted, it returns the target. Otherwise it returns the error for the caller.
func (j *Jail) follow(ctx context.Context, call string, v *Verdict, err error, via []Name) (Name, error) {
	target, isLink := linkTarget(err)
	if !isLink || j.symlinks != SymlinksInside {
		e := outward(call, v.Name, v.Rule, err)
		if e.Info != nil {
			e.Info.Targets = via
		}
		return Name{}, e
	}
	e := refuse(call, v.Name.String(), reason.Symlink)
	if target.IsZero() || len(via) == maxLinks {
		return Name{}, e
	}
	if next := j.admit(ctx, v.Op, target); !next.Allowed {
		e.Rule = next.Rule
		return Name{}, e
	}
	return target, nil
}

// linkTarget returns the target of the link that a backend's error reports.
func linkTarget(err error) (target Name, isLink bool) {
	var e *Error
	if errors.As(err, &e) && e.Reason == reason.Symlink {
		return e.Link, true
	}
	return Name{}, false
}

// outward replaces the name in a backend's error by the one that the caller used, since
// callers must not learn a link's target, and adds the rule that allowed the name. It
// wraps any other error in an *Error, so that its text cannot leak.
func outward(call string, n Name, rule string, err error) *Error {
	var e *Error
	if !errors.As(err, &e) {
		return &Error{Op: call, Name: n.String(), Rule: rule, Err: err}
	}
	out := *e
	out.Op, out.Name, out.Rule, out.Link = call, n.String(), rule, Name{}
	if e.Info != nil {
		info := *e.Info
		info.Name, info.Rule, info.Targets = n, rule, nil
		out.Info = &info
	}
	return &out
}

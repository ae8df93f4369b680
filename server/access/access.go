// Package access says who may do what with which names: the rules of a mount, by
// default none, so that nobody may do anything. A [List], or an [Authorizer] of one's
// own, is set at one place, the Policy.Authorize of a vfs.Jail. So it is asked with the
// very name that is then opened, before the backend is asked, and package server takes it
// from the jail.
package access

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// An Authorizer is a [vfs.Authorizer] that also says what is open to everybody. Package
// server asks the Authorizer of a jail for these two methods. One without them is as good
// for deciding, but then every answer is kept out of caches, and no request without
// credentials is asked for some. Its methods are called concurrently.
//
// The caller that Authorize decides about is the [auth.FromContext] of its context, unless
// [auth.Granted] says that a signed link grants the operation. For OpList n is a directory.
// Authorize must not look at the backend: its answer and the time it takes must be the same
// for names that exist and for those that do not.
type Authorizer interface {
	vfs.Authorizer

	// Open reports whether anyone, without credentials, may do op to some name. Where
	// nobody may, a request without credentials is a 401, whatever its name.
	Open(op vfs.Op) bool

	// OpenTo reports whether anyone, without credentials, may do op to n. An answer
	// about n is kept out of caches where that is false of OpRead.
	OpenTo(op vfs.Op, n vfs.Name) bool
}

var (
	_ Authorizer = (*List)(nil)
	_ Authorizer = anyone{}
)

// Anyone returns the Authorizer that lets everybody do everything that the patterns of
// the jail allow. It is for servers that know credentials and need none: without it, a
// server that knows credentials refuses a jail that has no Authorizer.
func Anyone() Authorizer { return anyone{} }

type anyone struct{}

func (anyone) Authorize(context.Context, vfs.Op, vfs.Name) error { return nil }
func (anyone) Open(vfs.Op) bool                                  { return true }
func (anyone) OpenTo(vfs.Op, vfs.Name) bool                      { return true }

// A Rule lets some people do some things with some names.
type Rule struct {
	// Who is one of
	//
	//	anyone             everybody, with credentials or without
	//	authenticated      everybody with credentials
	//	owner              whom the object belongs to, for uploads
	//	user:NAME          this one
	//	group:NAME         who is in this group, see [Compile]
	//	claim:KEY=VALUE    whose credentials vouch for this
	Who string

	// Can is what they may do.
	Can []vfs.Op

	// Names are patterns as in vfs.Policy.Allow; none means all names. An element
	// that is "{user}" stands for the principal's whole name, taken literally: in
	// "home/{user}/**", alice has what lies below home/alice. A principal whose
	// name is no single element of a vfs.Name matches no such pattern, and nor does
	// anyone.
	Names []string
}

// String returns the rule on one line, as explain prints it.
func (r Rule) String() string {
	ops := make([]string, len(r.Can))
	for i, op := range r.Can {
		ops[i] = string(op)
	}
	s := r.Who + " can " + strings.Join(ops, ",")
	if len(r.Names) > 0 {
		s += " " + strings.Join(r.Names, " ")
	}
	return s
}

// ErrRule is what every error of Compile matches.
var ErrRule = errors.New("bad access rule")

// ErrDenied is what Authorize fails with where no rule lets the caller.
var ErrDenied = errors.New("no access rule allows it")

// A List is a compiled list of rules. It is safe for concurrent use. The zero List
// allows nothing, and neither does a nil *List.
type List struct {
	rules  []*rule
	groups map[string][]string // the members of groups that the server defines
}

// Compile makes a List of rules. The groups are those that the server itself
// defines, with the names of their members, and they have no others: that a Principal
// brings along a group of the same name makes it no member, since whoever names groups
// elsewhere knows nothing of this one. Groups that are not among them are the
// Principal's own. The error names the first rule that is wrong, and matches ErrRule.
func Compile(rules []Rule, groups map[string][]string) (*List, error) {
	l := &List{groups: make(map[string][]string, len(groups))}
	for group, members := range groups {
		l.groups[group] = slices.Clone(members)
	}
	for _, src := range rules {
		r, err := compile(src)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrRule, err)
		}
		l.rules = append(l.rules, r)
	}
	return l, nil
}

// Decide returns the first rule that lets p do op to n. For OpList n is a
// directory, and may be listed where some name below it could be meant. The owner
// is that of the object n, nil where objects have none.
func (l *List) Decide(p auth.Principal, op vfs.Op, n vfs.Name, owner *string) (rule string, ok bool) {
	if l == nil {
		return "", false
	}
	for _, r := range l.rules {
		if slices.Contains(r.src.Can, op) && l.means(r, p, owner) && r.matches(p, op, n) {
			return r.text, true
		}
	}
	return "", false
}

// Authorize implements [Authorizer], for names without an owner. Its error matches
// ErrDenied.
func (l *List) Authorize(ctx context.Context, op vfs.Op, n vfs.Name) error {
	if auth.Granted(ctx, op, n) {
		return nil
	}
	if _, ok := l.Decide(auth.FromContext(ctx), op, n, nil); !ok {
		return ErrDenied
	}
	return nil
}

// Open implements [Authorizer]: it reports whether some rule lets anyone do op, to
// whatever names.
func (l *List) Open(op vfs.Op) bool {
	return l != nil && slices.ContainsFunc(l.rules, func(r *rule) bool {
		return r.who == whoAnyone && slices.Contains(r.src.Can, op)
	})
}

// OpenTo implements [Authorizer].
func (l *List) OpenTo(op vfs.Op, n vfs.Name) bool {
	_, ok := l.Decide(auth.Principal{}, op, n, nil)
	return ok
}

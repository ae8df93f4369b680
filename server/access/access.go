// Package access says who may do what with which names: the rules of a mount, by
// default none, so that nobody may do anything. A [List], or an [Authorizer] of one's
// own, stands behind a vfs.Jail as its Policy.Authorize, so it is asked with the very
// name that is then opened, and before the backend is.
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

// An Authorizer decides who may do what with which names. One stands at two places: its
// Authorize is the Policy.Authorize of a jail, which decides, and it is the Access of a
// server.Gate, which tells clients where credentials would help and keeps out of caches
// what is not for everybody. Its methods are called concurrently.
type Authorizer interface {
	// Authorize decides whether the caller may do op to n: the [auth.FromContext] of
	// ctx, unless [auth.Granted] says that a signed link grants it. Any error refuses,
	// and the client sees a missing name. For OpList n is a directory, for OpUpload a
	// name that the server made.
	//
	// What it takes, it takes for names that exist and for those that do not: it must
	// not look at the backend.
	Authorize(ctx context.Context, op vfs.Op, n vfs.Name) error

	// Open reports whether anyone, without credentials, may do op to some name. Where
	// nobody may, a request without credentials is a 401, whatever its name.
	Open(op vfs.Op) bool

	// OpenTo reports whether anyone, without credentials, may do op to n. An answer
	// about n is kept out of shared caches where that is false of OpRead.
	OpenTo(op vfs.Op, n vfs.Name) bool
}

var _ Authorizer = (*List)(nil)

// A Rule lets some people do some things with some names.
type Rule struct {
	// Who is one of
	//
	//	anyone             everybody, with credentials or without
	//	authenticated      everybody with credentials
	//	owner              whom the object belongs to, for uploads
	//	user:NAME          this one
	//	group:NAME         who is in this group
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
// allows nothing.
type List struct {
	rules  []*rule
	groups map[string][]string // the members of groups that are not the credentials' own
}

// Compile makes a List of rules. The groups are those that the server itself
// defines, with the names of their members; those that a Principal brings along
// count besides. The error names the first rule that is wrong, and matches ErrRule.
func Compile(rules []Rule, groups map[string][]string) (*List, error) {
	l := &List{groups: groups}
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
	return slices.ContainsFunc(l.rules, func(r *rule) bool {
		return r.who == whoAnyone && slices.Contains(r.src.Can, op)
	})
}

// OpenTo implements [Authorizer].
func (l *List) OpenTo(op vfs.Op, n vfs.Name) bool {
	_, ok := l.Decide(auth.Principal{}, op, n, nil)
	return ok
}

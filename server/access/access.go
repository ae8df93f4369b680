// Package access authorizes operations on names by the rules of a mount. Without rules,
// nothing is authorized. A [List], or a custom [Authorizer], is set in one place, the
// Policy.Authorize of a vfs.Jail. It is therefore called with exactly the name that is
// then opened, before the backend is called, and package server takes it from the jail.
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

// An Authorizer is a [vfs.Authorizer] that also reports what is public. Package server
// calls the two additional methods of a jail's Authorizer. Without them authorization
// works too, but no response is cacheable and no request without credentials gets a 401.
// All methods are called concurrently.
//
// Authorize takes the principal from its context with [auth.FromContext], unless
// [auth.Granted] reports that a signed link grants the operation. For OpList, n is a
// directory. Authorize must not access the backend: its result and its duration must not
// depend on whether the name exists.
type Authorizer interface {
	vfs.Authorizer

	// Open reports whether anonymous requests may do op on some name. If not, every
	// request without credentials gets a 401, whatever its name.
	Open(op vfs.Op) bool

	// OpenTo reports whether anonymous requests may do op on n. If it is false for OpRead,
	// responses about n are not cacheable, nor are those about a symbolic link that leads to n.
	OpenTo(op vfs.Op, n vfs.Name) bool
}

var (
	_ Authorizer = (*List)(nil)
	_ Authorizer = anyone{}
)

// Anyone returns the Authorizer that authorizes everything that the patterns of the jail
// allow, except that anonymous principals cannot share. It is for servers that authenticate
// users but do not require it: a server with authentication refuses a jail without an
// Authorizer.
func Anyone() Authorizer { return anyone{} }

type anyone struct{}

func (anyone) Authorize(ctx context.Context, op vfs.Op, _ vfs.Name) error {
	if op == OpShare && auth.FromContext(ctx).Anyone() {
		return ErrDenied
	}
	return nil
}

func (anyone) Open(op vfs.Op) bool               { return op != OpShare }
func (anyone) OpenTo(op vfs.Op, _ vfs.Name) bool { return op != OpShare }

// A Rule grants operations on names to the principals that match it.
type Rule struct {
	// Who is one of
	//
	//	anyone             everyone, authenticated or anonymous
	//	authenticated      every authenticated principal
	//	owner              the owner of the object, for uploads
	//	user:NAME          the user NAME
	//	group:NAME         the members of the group, see [Compile]
	//	claim:KEY=VALUE    principals whose credentials have this claim
	Who string

	// Can lists the granted operations: those of package vfs, and OpShare.
	Can []vfs.Op

	// Names are patterns as in vfs.Policy.Allow; none means all names. The element
	// "{user}" stands for the principal's full name, taken literally: "home/{user}/**"
	// gives alice everything below home/alice. Such a pattern matches nothing for
	// anonymous principals and for principals whose name is not a single element of a
	// vfs.Name.
	Names []string
}

// String returns the rule on one line, in explain's format.
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

// ErrRule is matched by every error of Compile.
var ErrRule = errors.New("bad access rule")

// ErrDenied is the error of Authorize if no rule grants the operation.
var ErrDenied = errors.New("no access rule allows it")

// A List is a compiled list of rules. It is safe for concurrent use. The zero List and
// nil authorize nothing.
type List struct {
	rules  []*rule
	users  map[string][]int    // the indexes of the rules for a user, by the user's name
	others []int               // those of all other rules
	groups map[string][]string // the members, sorted, of groups defined by the server
}

// Compile compiles rules into a List. groups are the groups that the server itself
// defines, with the names of their members, which are exact: a Principal's own claim to
// a group of the same name does not count, because whoever assigned it does not know
// about this group. All other groups are the Principal's own. The error names the first
// invalid rule and matches ErrRule.
func Compile(rules []Rule, groups map[string][]string) (*List, error) {
	l := &List{users: map[string][]int{}, groups: map[string][]string{}}
	for i, src := range rules {
		r, err := compile(src)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrRule, err)
		}
		l.rules = append(l.rules, r)
		if r.who == whoUser {
			l.users[r.value] = append(l.users[r.value], i)
			continue
		}
		l.others = append(l.others, i)
		if r.who == whoGroup && l.groups[r.value] == nil {
			if members, ours := groups[r.value]; ours {
				l.groups[r.value] = slices.Sorted(slices.Values(members))
			}
		}
	}
	return l, nil
}

// Decide returns the first rule that permits p to do op on n. For OpList, n is a
// directory, which may be listed if some name below it could match. owner is the owner
// of the object n, nil if objects have no owners.
//
// OpShare for a directory is [MayShare]: here, n is an object. No rule lets an anonymous
// principal share.
func (l *List) Decide(p auth.Principal, op vfs.Op, n vfs.Name, owner *string) (rule string, ok bool) {
	return l.decide(p, op, op, n, owner)
}

// decide is Decide for op on n, which the names of rules match as they do for as.
func (l *List) decide(p auth.Principal, op, as vfs.Op, n vfs.Name, owner *string) (rule string, ok bool) {
	if l == nil || op == OpShare && p.Anyone() {
		return "", false
	}
	first := len(l.rules)
	for _, list := range [...][]int{l.others, l.users[p.Name]} {
		for _, i := range list {
			if i >= first {
				break
			}
			if r := l.rules[i]; slices.Contains(r.src.Can, op) && l.means(r, p, owner) && r.matches(p, as, n) {
				first = i
			}
		}
	}
	if first == len(l.rules) {
		return "", false
	}
	return l.rules[first].text, true
}

// Authorize implements [Authorizer] for names without an owner. Its error matches
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

// Open implements [Authorizer]. It reports whether some rule grants op to anyone, on any
// names.
func (l *List) Open(op vfs.Op) bool {
	return l != nil && op != OpShare && slices.ContainsFunc(l.rules, func(r *rule) bool {
		return r.who == whoAnyone && slices.Contains(r.src.Can, op)
	})
}

// OpenTo implements [Authorizer].
func (l *List) OpenTo(op vfs.Op, n vfs.Name) bool {
	_, ok := l.Decide(auth.Principal{}, op, n, nil)
	return ok
}

package access

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A who is the kind of a Rule's Who.
type who uint8

const (
	whoAnyone who = iota
	whoAuthenticated
	whoOwner
	whoUser
	whoGroup
	whoClaim
)

// A rule is a compiled Rule.
type rule struct {
	src        Rule
	text       string
	who        who
	key, value string       // value is the user or group; a claim has both
	names      *vfs.Matcher // nil for all names, or if users is set
	users      *userNames   // for names that depend on the user, else nil
}

func compile(src Rule) (*rule, error) {
	r := &rule{src: src, text: src.String()}
	if err := r.compileWho(src.Who); err != nil {
		return nil, err
	}
	if len(src.Can) == 0 {
		return nil, fmt.Errorf("%s: it grants no operation; write some of %s", src.Who, ops())
	}
	for _, op := range src.Can {
		if !slices.Contains(allOps, op) {
			return nil, fmt.Errorf("%s: unknown operation %q; write some of %s", src.Who, op, ops())
		}
	}
	return r, r.compileNames(src.Names)
}

var allOps = []vfs.Op{vfs.OpRead, vfs.OpList, vfs.OpWrite, vfs.OpDelete, vfs.OpUpload, OpShare}

// Ops returns the operations that rules can grant.
func Ops() []vfs.Op { return slices.Clone(allOps) }

func ops() string {
	var b strings.Builder
	for i, op := range allOps {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(string(op))
	}
	return b.String()
}

// WhoPattern is a regular expression for use in schemas. It matches exactly the valid
// values of [Rule].Who, as far as they are one line. For errors, use Compile.
const WhoPattern = `^(anyone|authenticated|owner|user:.+|group:.+|claim:[^=]+=.*)$`

func (r *rule) compileWho(s string) error {
	kind, value, given := strings.Cut(s, ":")
	switch {
	case s == "anyone":
		r.who = whoAnyone
	case s == "authenticated":
		r.who = whoAuthenticated
	case s == "owner":
		r.who = whoOwner
	case kind == "user" && value != "":
		r.who, r.value = whoUser, value
	case kind == "group" && value != "":
		r.who, r.value = whoGroup, value
	case kind == "claim":
		var ok bool
		r.who = whoClaim
		if r.key, r.value, ok = strings.Cut(value, "="); !ok || r.key == "" {
			return fmt.Errorf("%q: write a claim as claim:KEY=VALUE", s)
		}
	case given && value == "":
		return fmt.Errorf("%q has no name: write one after the colon", s)
	default:
		return fmt.Errorf("unknown principal %q: write anyone, authenticated, owner, user:NAME, group:NAME or claim:KEY=VALUE", s)
	}
	return nil
}

// User returns the name of the user that r applies to. ok is false for other rules.
func (r Rule) User() (name string, ok bool) {
	c := r.principals()
	return c.value, c.who == whoUser
}

// Group returns the group whose members r applies to. ok is false for other rules.
func (r Rule) Group() (name string, ok bool) {
	c := r.principals()
	return c.value, c.who == whoGroup
}

// Claim returns the claim that credentials must have for r to apply to them. ok is false for
// other rules.
func (r Rule) Claim() (key, value string, ok bool) {
	c := r.principals()
	return c.key, c.value, c.who == whoClaim
}

// principals returns a rule that is compiled as far as its principals.
func (r Rule) principals() *rule {
	c := new(rule)
	if c.compileWho(r.Who) != nil {
		return new(rule)
	}
	return c
}

// braced matches an escape, or braces around a single word.
var braced = regexp.MustCompile(`\\.|\{[^{},]*\}`)

// userMark is the placeholder for the principal's name.
const userMark = "{user}"

func (r *rule) compileNames(srcs []string) error {
	if len(srcs) == 0 {
		return nil
	}
	perUser := false
	for _, src := range srcs {
		if err := checkMark(src); err != nil {
			return err
		}
		perUser = perUser || strings.Contains(src, userMark)
	}
	// Compile with a sample name, so that a bad pattern is reported now and not at the
	// first request.
	patterns, err := fill(srcs, "user")
	if err != nil {
		return err
	}
	if perUser {
		r.users = &userNames{srcs: srcs, byName: map[string]*vfs.Matcher{}}
	} else {
		r.names = vfs.NewMatcher(patterns)
	}
	return nil
}

// checkMark refuses a placeholder that is not a whole element: "home/{user}-old" would
// give bob access to the folder of the user "bob-old". (A name such as "y/../z" is
// harmless here.) It also refuses what looks like a placeholder, such as "{users}",
// which would match that literal word and never a user's name.
func checkMark(src string) error {
	if strings.HasPrefix(src, "re:") {
		if strings.Contains(src, userMark) {
			return fmt.Errorf("%q: {user} is not supported in a regular expression; write a glob", src)
		}
		return nil
	}
	for _, found := range braced.FindAllString(src, -1) {
		if found[0] == '{' && found != userMark {
			return fmt.Errorf("%q: unknown placeholder %+q; {user} stands for the user's own name, and other braces contain alternatives such as {a,b}", src, found)
		}
	}
	for elem := range strings.SplitSeq(src, "/") {
		if strings.Contains(elem, userMark) && elem != userMark {
			return fmt.Errorf("%q: {user} must be a whole element, as in home/{user}/**", src)
		}
	}
	return nil
}

// fill parses the patterns with a user's name in place of the placeholders.
func fill(srcs []string, user string) ([]vfs.Pattern, error) {
	var patterns []vfs.Pattern
	for _, src := range srcs {
		p, err := vfs.ParsePattern(strings.ReplaceAll(src, userMark, escape(user)))
		if err != nil {
			return nil, err
		}
		patterns = append(patterns, p)
	}
	return patterns, nil
}

// escape makes a name literal in a glob: a user called "*" must not get access to
// everybody's folder. Neither must one called "re:.+", which would turn a pattern that
// begins with the placeholder into a regular expression.
func escape(name string) string {
	var b strings.Builder
	for _, c := range name {
		if strings.ContainsRune(`*?[]{},!^-:\`, c) {
			b.WriteByte('\\')
		}
		b.WriteRune(c)
	}
	return b.String()
}

// userNames compiles, for each user, the patterns of a rule that depend on the user.
type userNames struct {
	srcs   []string
	mu     sync.RWMutex
	byName map[string]*vfs.Matcher
}

// maxUsers limits the number of users whose compiled patterns are cached.
const maxUsers = 10_000

// of returns the compiled patterns for a user, nil if they can match nothing.
func (u *userNames) of(user string) *vfs.Matcher {
	u.mu.RLock()
	m, ok := u.byName[user]
	u.mu.RUnlock()
	if ok {
		return m
	}
	if n, err := vfs.ParseName(user); err == nil && !n.IsRoot() && n.Dir().IsRoot() {
		if patterns, err := fill(u.srcs, user); err == nil {
			m = vfs.NewMatcher(patterns)
		}
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.byName) >= maxUsers {
		clear(u.byName)
	}
	u.byName[user] = m
	return m
}

// means reports whether the rule applies to p.
func (l *List) means(r *rule, p auth.Principal, owner *string) bool {
	switch r.who {
	case whoAnyone:
		return true
	case whoAuthenticated:
		return !p.Anyone()
	case whoOwner:
		return owner != nil && *owner != "" && *owner == p.Name
	case whoUser:
		return !p.Anyone() && p.Name == r.value
	case whoGroup:
		if p.Anyone() {
			return false
		}
		if members, ours := l.groups[r.value]; ours {
			_, found := slices.BinarySearch(members, p.Name)
			return found
		}
		return slices.Contains(p.Groups, r.value)
	case whoClaim:
		return !p.Anyone() && slices.Contains(p.Claims[r.key], r.value)
	}
	return false
}

// matches reports whether the rule applies to n, for p.
func (r *rule) matches(p auth.Principal, op vfs.Op, n vfs.Name) bool {
	if r.names == nil && r.users == nil {
		return true
	}
	names := r.matcher(p)
	if names == nil {
		return false
	}
	_, ok := names.Match(op, n)
	return ok
}

// matcher returns the patterns of the rule for p, nil if they match all names or none.
func (r *rule) matcher(p auth.Principal) *vfs.Matcher {
	switch {
	case r.users == nil:
		return r.names
	case p.Anyone():
		return nil
	}
	return r.users.of(p.Name)
}

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

// A rule is a Rule that was compiled.
type rule struct {
	src        Rule
	text       string
	who        who
	key, value string       // value is the user or group; a claim has both
	names      *vfs.Matcher // nil is all names, or those that depend on the user
	users      *userNames   // nil where they do not
}

func compile(src Rule) (*rule, error) {
	r := &rule{src: src, text: src.String()}
	if err := r.compileWho(src.Who); err != nil {
		return nil, err
	}
	if len(src.Can) == 0 {
		return nil, fmt.Errorf("%s: it says nothing that they can do; write some of %s", src.Who, ops())
	}
	for _, op := range src.Can {
		if !slices.Contains(allOps, op) {
			return nil, fmt.Errorf("%s: there is no operation %q; write some of %s", src.Who, op, ops())
		}
	}
	return r, r.compileNames(src.Names)
}

var allOps = []vfs.Op{vfs.OpRead, vfs.OpList, vfs.OpWrite, vfs.OpDelete, vfs.OpUpload}

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

// WhoPattern is a regular expression that matches what [Rule].Who can be, and nothing
// else on one line. It is for schemas: Compile says what is wrong.
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
			return fmt.Errorf("%q: a claim is written claim:KEY=VALUE", s)
		}
	case given && value == "":
		return fmt.Errorf("%q names nobody: write a name behind the colon", s)
	default:
		return fmt.Errorf("there is no %q: write anyone, authenticated, owner, user:NAME, group:NAME or claim:KEY=VALUE", s)
	}
	return nil
}

// braced is an escape, or braces around a single word.
var braced = regexp.MustCompile(`\\.|\{[^{},]*\}`)

// userMark stands in a pattern for the principal's name.
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
	// With a name in the place of the mark, a bad pattern shows now, and not at
	// the first request.
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

// checkMark refuses a mark that is no whole element: with "home/x{user}", the user
// "y/../z" is not the danger, but "home/{user}-old" would be the folder of "bob-old"
// for bob as well. It also refuses what looks like a mark, as "{users}" does, and would
// match that word and nobody's name.
func checkMark(src string) error {
	if strings.HasPrefix(src, "re:") {
		if strings.Contains(src, userMark) {
			return fmt.Errorf("%q: {user} cannot stand in a regular expression; write a glob", src)
		}
		return nil
	}
	for _, found := range braced.FindAllString(src, -1) {
		if found[0] == '{' && found != userMark {
			return fmt.Errorf("%q: there is no %+q; {user} is the user's own name, and other braces hold alternatives such as {a,b}", src, found)
		}
	}
	for elem := range strings.SplitSeq(src, "/") {
		if strings.Contains(elem, userMark) && elem != userMark {
			return fmt.Errorf("%q: {user} must be a whole element, as in home/{user}/**", src)
		}
	}
	return nil
}

// fill parses the patterns with a user's name in the place of the marks.
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

// escape makes a name mean itself in a glob: a user called "*" must not have
// everybody's folder. Nor must one called "re:.+", in whose name a pattern that
// begins with the mark would turn into a regular expression.
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

// userNames are the names that a rule means for one user and not for another.
type userNames struct {
	srcs   []string
	mu     sync.RWMutex
	byName map[string]*vfs.Matcher
}

// maxUsers is how many users' patterns are kept compiled.
const maxUsers = 10_000

// of returns what the rule's patterns mean for a user, nil if they can mean nothing.
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

// means reports whether the rule is about p.
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
			return slices.Contains(members, p.Name)
		}
		return slices.Contains(p.Groups, r.value)
	case whoClaim:
		return !p.Anyone() && slices.Contains(p.Claims[r.key], r.value)
	}
	return false
}

// matches reports whether the rule is about n, for p.
func (r *rule) matches(p auth.Principal, op vfs.Op, n vfs.Name) bool {
	names := r.names
	if r.users != nil {
		if p.Anyone() {
			return false
		}
		if names = r.users.of(p.Name); names == nil {
			return false
		}
	}
	if names == nil {
		return true
	}
	_, ok := names.Match(op, n)
	return ok
}

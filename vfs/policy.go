package vfs

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// A Policy says which names a [Jail] lets through. The zero Policy allows
// nothing. It is read once, by [New].
type Policy struct {
	// Allow and Deny: a name is let through if a pattern of Allow matches it
	// and none of Deny does. Allow compares bytes and covers only what it
	// matches. Deny also compares without regard to case, compatibility
	// forms and ignorable characters, and a pattern that matches a directory
	// covers all below it.
	Allow, Deny []Pattern

	// MaxLen bounds names further than MaxNameBytes does, in bytes; 0 does not.
	MaxLen int

	// Symlinks says what happens at a symbolic link. The zero value refuses it.
	Symlinks Symlinks

	// Authorize, if set, is asked after the patterns said yes and before the
	// backend is touched, with the very Name that is then opened. Any error
	// refuses, with [ReasonAuthDenied]; callers see a missing name. The context
	// is the one that the operation was called with, and carries the principal.
	Authorize func(ctx context.Context, op Op, n Name) error
}

// Symlinks is a policy for symbolic links.
type Symlinks uint8

const (
	// SymlinksRefuse: a name with a link anywhere on its way is refused.
	SymlinksRefuse Symlinks = iota
	// SymlinksInside: a link is read, never followed. The name that it leads
	// to has to be admitted in its own right and is then opened with no links
	// allowed, up to [MaxLinks] times. So a link cannot widen the policy, and
	// no race can make it. Links to absolute paths are refused.
	SymlinksInside
)

// MaxLinks is how many links may lie on the way to one object.
const MaxLinks = 8

// An Op is what a caller wants to do with a name.
type Op string

// The operations. Their strings stand in configurations and audit records.
const (
	OpRead   Op = "read"   // an object's bytes or metadata
	OpList   Op = "list"   // a directory's entries
	OpWrite  Op = "write"  // create or replace an object
	OpDelete Op = "delete" // remove an object
	OpUpload Op = "upload" // create an object whose name the server makes
)

// rules is a Policy in the form that decides fast.
type rules struct {
	allow, deny table
	maxLen      int
	denies      bool
}

// A table finds the first pattern of a list that matches. Exact names lie in a
// map, so that their number does not count.
type table struct {
	patterns []Pattern
	exact    map[string]int32    // to the index in patterns
	lengths  [4]uint64           // bit n%256: an exact name has n bytes
	dirs     map[string]struct{} // directories above exact names
	slow     []matcher           // in order of index
	globs    bool                // some of them are globs
	others   bool                // some of them are expressions or sets
}

type matcher struct {
	index int32
	globs []glob
	re    *expression
	set   *nameSet
}

func compileRules(p *Policy) (*rules, error) {
	r := &rules{maxLen: MaxNameBytes, denies: len(p.Deny) > 0}
	if p.MaxLen < 0 {
		return nil, fmt.Errorf("vfs: Policy.MaxLen is %d", p.MaxLen)
	}
	if p.MaxLen > 0 {
		r.maxLen = min(p.MaxLen, MaxNameBytes)
	}
	if p.Symlinks > SymlinksInside {
		return nil, fmt.Errorf("vfs: Policy.Symlinks is %d", p.Symlinks)
	}
	r.allow = newTable(p.Allow)
	deny := p.Deny
	for _, d := range p.Deny {
		folded, err := d.folded()
		if err != nil {
			return nil, err
		}
		deny = append(deny[:len(deny):len(deny)], folded)
	}
	r.deny = newTable(deny)
	return r, nil
}

// folded returns the pattern that means, among folded names, what p means
// among all; the zero Pattern if that is p itself.
func (p Pattern) folded() (Pattern, error) {
	f := Pattern{src: p.src}
	var err error
	switch {
	case p.set != nil:
		f.set = newNameSet(p.set.label, len(p.set.names))
		for name, line := range p.set.names {
			f.set.names[fold(name)] = line
		}
	case p.re != nil:
		f.re, err = compileExpression(foldRegexp(p.re.src))
	case foldGlob(p.src) == p.src:
		return Pattern{}, nil
	default:
		f.globs, f.literal, err = compileGlob(foldGlob(p.src))
	}
	if err != nil {
		return Pattern{}, fmt.Errorf("%w %q, without regard to case: %w", ErrPattern, p.src, err)
	}
	return f, nil
}

func newTable(patterns []Pattern) table {
	t := table{patterns: slices.Clone(patterns), exact: map[string]int32{}, dirs: map[string]struct{}{}}
	for i, p := range patterns {
		for _, n := range p.literal {
			if _, ok := t.exact[n.s]; !ok {
				t.exact[n.s] = int32(i)
				t.lengths[len(n.s)/64%4] |= 1 << (len(n.s) % 64)
				addDirs(t.dirs, n)
			}
		}
		if p.globs != nil || p.re != nil || p.set != nil {
			t.slow = append(t.slow, matcher{int32(i), p.globs, p.re, p.set})
			t.globs = t.globs || p.globs != nil
			t.others = t.others || p.re != nil || p.set != nil
		}
	}
	return t
}

// match returns the first pattern that matches the whole name, whose bytes are
// has, as a rule to show. Unless dots is set, wildcards do not match leading dots.
func (t *table) match(name string, has byteSet, dots bool) (rule string, ok bool) {
	first, found := t.find(name)
	for i := range t.slow {
		m := &t.slow[i]
		if found && m.index > first {
			break
		}
		if m.set != nil {
			if line, ok := m.set.names[name]; ok {
				return m.set.rule(line), true
			}
		} else if m.match(name, has, dots) {
			return t.patterns[m.index].src, true
		}
	}
	if !found {
		return "", false
	}
	return t.patterns[first].src, true
}

// find looks among the exact names. Most names have another length than any of
// them, and need no look into the map.
func (t *table) find(name string) (index int32, ok bool) {
	if t.lengths[len(name)/64%4]&(1<<(len(name)%64)) == 0 {
		return 0, false
	}
	index, ok = t.exact[name]
	return index, ok
}

func (m *matcher) match(name string, has byteSet, dots bool) bool {
	for i := range m.globs {
		if m.globs[i].match(name, has, dots) {
			return true
		}
	}
	return m.re != nil && m.re.match(name, dots)
}

// matchTree returns a pattern that matches the name, whose bytes are has, or a
// directory above it.
func (t *table) matchTree(name string, has byteSet) (rule string, ok bool) {
	if t.globs {
		for i := range t.slow {
			m := &t.slow[i]
			for j := range m.globs {
				if m.globs[j].matchTree(name, has) {
					return t.patterns[m.index].src, true
				}
			}
		}
	}
	if len(t.exact) == 0 && !t.others {
		return "", false
	}
	for end := len(name); end >= 0; end = strings.LastIndexByte(name[:end], '/') {
		if i, ok := t.find(name[:end]); ok {
			return t.patterns[i].src, true
		}
		if t.others {
			if rule, ok := t.matchOthers(name[:end]); ok {
				return rule, true
			}
		}
	}
	return "", false
}

// matchOthers looks among the expressions and sets.
func (t *table) matchOthers(name string) (rule string, ok bool) {
	for i := range t.slow {
		m := &t.slow[i]
		if m.set != nil {
			if line, ok := m.set.names[name]; ok {
				return m.set.rule(line), true
			}
		}
		if m.re != nil && m.re.match(name, true) {
			return t.patterns[m.index].src, true
		}
	}
	return "", false
}

// coversBelow returns a glob that matches every name in the directory d, as
// "drafts/*" does for "drafts".
func (t *table) coversBelow(d string, _ byteSet) (rule string, ok bool) {
	for i := range t.slow {
		m := &t.slow[i]
		for j := range m.globs {
			if m.globs[j].coversBelow(d) {
				return t.patterns[m.index].src, true
			}
		}
	}
	return "", false
}

// matchBelow returns a pattern that can match a name below the directory d; ""
// is the top.
func (t *table) matchBelow(d string) (rule string, ok bool) {
	for i := range t.slow {
		m := &t.slow[i]
		ok := m.re != nil && m.re.matchBelow(d)
		for j := 0; j < len(m.globs) && !ok; j++ {
			ok = m.globs[j].matchBelow(d)
		}
		if m.set != nil {
			if _, ok = m.set.dirs[d]; d == "" {
				ok = len(m.set.names) > 0
			}
		}
		if ok {
			return t.patterns[m.index].src, true
		}
	}
	if _, ok := t.dirs[d]; ok || d == "" && len(t.exact) > 0 {
		return t.firstExactBelow(d), true
	}
	return "", false
}

// firstExactBelow returns the first pattern that has an exact name below d.
func (t *table) firstExactBelow(d string) string {
	for _, p := range t.patterns {
		for _, n := range p.literal {
			if d == "" || len(n.s) > len(d) && n.s[:len(d)] == d && n.s[len(d)] == '/' {
				return p.src
			}
		}
	}
	return ""
}

// denied asks the deny table about s in both its spellings: as it is, and
// folded.
func (r *rules) denied(s string, is traits, ask func(t *table, s string, has byteSet) (rule string, ok bool)) (rule string, ok bool) {
	if !r.denies {
		return "", false
	}
	if rule, ok := ask(&r.deny, s, is.has); ok || is.lower {
		return rule, ok
	}
	if is.ascii {
		b := nameBuffers.Get().(*nameBuffer)
		defer nameBuffers.Put(b)
		return ask(&r.deny, b.spell(s, lowerASCII), is.has)
	}
	folded := foldUnicode(s)
	return ask(&r.deny, folded, bytesOf(folded))
}

// judge is the part of admit that needs the name alone: the grammar's own
// checks are done, since n is a Name.
func (r *rules) judge(op Op, n Name) (rule string, reason Reason) {
	switch {
	case n.IsZero() || n.IsRoot() && op != OpList:
		return "", ReasonNameEmpty
	case len(n.s) > r.maxLen:
		return "", ReasonNameTooLong
	case op == OpList:
		return r.judgeDir(n)
	}
	is := traitsOf(n.s)
	if rule, ok := r.denied(n.s, is, (*table).matchTree); ok {
		return rule, ReasonPolicyDeny
	}
	rule, ok := r.allow.match(n.s, is.has, false)
	if !ok {
		if hasDotElement(n.s) || hasDisguised(n.s) {
			if rule, ok := r.allow.match(n.s, is.has, true); ok {
				return rule, ReasonPolicyDotfile
			}
		}
		return "", ReasonPolicyNoAllow
	}
	if op == OpWrite {
		if reason := checkCreate(n); reason != "" {
			return "", reason
		}
	}
	return rule, ""
}

// judgeDir decides about a directory: it exists for clients if some allowed
// name can lie below it.
func (r *rules) judgeDir(dir Name) (rule string, reason Reason) {
	d := dir.s
	if dir.IsRoot() {
		// The top has no name that a pattern could match, not even "re:x*".
		d = ""
	}
	is := traitsOf(d)
	if d != "" {
		if rule, ok := r.denied(d, is, (*table).matchTree); ok {
			return rule, ReasonPolicyDeny
		}
	}
	if rule, ok := r.denied(d, is, (*table).coversBelow); ok {
		return rule, ReasonPolicyDeny
	}
	rule, ok := r.allow.matchBelow(d)
	if !ok {
		return "", ReasonPolicyNoAllow
	}
	return rule, ""
}

package vfs

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// A Policy decides which names a [Jail] allows. The zero Policy allows nothing. [New]
// reads it once.
type Policy struct {
	// Allow and Deny: a name is allowed if a pattern of Allow matches it and no pattern
	// of Deny does. Allow compares bytes and covers only what it matches. Deny matches
	// if it matches any spelling of the name: each character as written, case-folded,
	// or compatibility-folded (NFKC), with ignorable characters removed. Folding works
	// on elements and neither adds nor removes a slash. "?" and a class match one
	// character as written, whatever it folds to. A deny pattern that matches a
	// directory covers everything below it. The zero Pattern in Deny is an error.
	Allow, Deny []Pattern

	// MaxLen limits names to fewer bytes than MaxNameBytes; 0 means no further limit.
	MaxLen int

	// Symlinks says how to treat symbolic links. The zero value refuses them.
	Symlinks Symlinks

	// Authorize, if set, authorizes each operation that the patterns allow. It is
	// the only place where access rules are set: a server of the jail gets them
	// from [Jail.Authorizer].
	Authorize Authorizer
}

// An Authorizer decides which operations a caller may perform on which names. It must
// be safe for concurrent use.
type Authorizer interface {
	// Authorize decides whether the caller may do op on n. The Jail calls it before it
	// calls the backend, with the same Name that is then opened. Any error refuses the
	// operation with [reason.AuthDenied]; the caller sees a missing name. ctx is the
	// context of the operation and carries the principal.
	Authorize(ctx context.Context, op Op, n Name) error
}

// An AuthorizeFunc is a function that implements [Authorizer]. A nil AuthorizeFunc
// refuses everything.
type AuthorizeFunc func(ctx context.Context, op Op, n Name) error

var _ Authorizer = AuthorizeFunc(nil)

// Authorize calls f.
func (f AuthorizeFunc) Authorize(ctx context.Context, op Op, n Name) error {
	if f == nil {
		return errNoAuthorizer
	}
	return f(ctx, op, n)
}

var errNoAuthorizer = errors.New("vfs: the AuthorizeFunc is nil")

// Symlinks is the policy for symbolic links.
type Symlinks uint8

const (
	// SymlinksRefuse: a name with a link anywhere on its path is refused.
	SymlinksRefuse Symlinks = iota
	// SymlinksInside: a link is read, never followed. Its target must itself be
	// admitted and is then opened with no links allowed, up to eight times. So neither
	// a link nor a race can widen the policy. Links to absolute paths are refused.
	SymlinksInside
)

// maxLinks is the maximum number of links on the path to one object.
const maxLinks = 8

// An Op is an operation that a caller wants to perform on a name.
type Op string

// The operations. Configurations and audit records use their strings.
const (
	OpRead   Op = "read"   // an object's bytes or metadata
	OpList   Op = "list"   // a directory's entries
	OpWrite  Op = "write"  // create or replace an object
	OpDelete Op = "delete" // remove an object
	OpUpload Op = "upload" // create an object under a name made by the server
)

// rules is a Policy compiled for fast decisions.
type rules struct {
	allow, deny table
	maxLen      int
	denies      bool
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
	deny := make([]Pattern, len(p.Deny))
	for i, d := range p.Deny {
		var err error
		if deny[i], err = d.folded(); err != nil {
			return nil, err
		}
	}
	r.deny = newTable(deny)
	return r, nil
}

// folded returns a pattern that matches all spellings of the names that p matches.
func (p Pattern) folded() (Pattern, error) {
	f := Pattern{src: p.src}
	var err error
	switch {
	case p.set != nil && p.set.few():
		// One table finds the names of all such sets: a mount denies each mount below it.
		for _, name := range slices.Sorted(maps.Keys(p.set.names)) {
			f.literal = append(f.literal, Name{foldElements(name, foldElement)})
		}
	case p.set != nil:
		f.set = newNameSet(p.set.label, len(p.set.names))
		for name, line := range p.set.names {
			f.set.names[foldElements(name, foldElement)] = line
		}
	case p.re != nil:
		f.re, err = foldExpression(p.re.src)
	case p.globs == nil && p.literal == nil:
		err = errors.New("it is the zero Pattern: was an error of ParsePattern ignored?")
	default:
		f.globs, f.literal, err = foldGlob(p.src)
	}
	if err != nil {
		return Pattern{}, fmt.Errorf("%w %q in deny: %w", ErrPattern, p.src, err)
	}
	return f, nil
}

// denied matches s, in all its spellings, with the deny table. It reports whether a
// pattern matches s or a directory above it, or, with below, whether one matches
// everything in s.
func (r *rules) denied(s string, is traits, below bool) (rule string, ok bool) {
	lookup := func(folded string) (string, bool) {
		if below {
			return r.deny.coversBelow(folded, s, nil)
		}
		return r.deny.matchTree(folded, s, is.has)
	}
	switch {
	case !r.denies:
		return "", false
	case is.lower:
		return lookup(s)
	case is.ascii:
		b := nameBuffers.Get().(*nameBuffer)
		defer nameBuffers.Put(b)
		return lookup(b.spell(s, lowerASCII))
	}
	n := spellName(s)
	switch {
	case n == nil:
		return lookup(s)
	case below:
		return r.deny.coversBelow(n.forms[0], "", n)
	}
	return r.deny.matchSpelled(n)
}

// evaluate is the part of admit that depends only on the name. n is a Name, so its
// grammar is already checked.
func (r *rules) evaluate(op Op, n Name) (rule string, why Reason) {
	switch {
	case r == nil:
		// The zero Jail allows nothing.
		return "", reason.PolicyNoAllow
	case n.IsZero() || n.IsRoot() && op != OpList:
		return "", reason.NameEmpty
	case len(n.s) > r.maxLen:
		return "", reason.NameTooLong
	case op == OpList:
		return r.evaluateDir(n)
	}
	is := traitsOf(n.s)
	if rule, ok := r.denied(n.s, is, false); ok {
		return rule, reason.PolicyDeny
	}
	rule, ok := r.allow.match(n.s, is.has, false)
	if !ok {
		if hasDotElement(n.s) || hasDisguised(n.s) {
			if rule, ok := r.allow.match(n.s, is.has, true); ok {
				return rule, reason.PolicyDotfile
			}
		}
		return "", reason.PolicyNoAllow
	}
	return rule, ""
}

// evaluateDir decides about a directory: it exists for clients if an allowed name can
// lie below it.
func (r *rules) evaluateDir(dir Name) (rule string, why Reason) {
	d := dir.s
	if dir.IsRoot() {
		// The top has no name for a pattern to match, not even for "re:x*".
		d = ""
	}
	is := traitsOf(d)
	if d != "" {
		if rule, ok := r.denied(d, is, false); ok {
			return rule, reason.PolicyDeny
		}
	}
	if rule, ok := r.denied(d, is, true); ok {
		return rule, reason.PolicyDeny
	}
	rule, ok := r.allow.matchBelow(d)
	if !ok {
		return "", reason.PolicyNoAllow
	}
	return rule, ""
}

package vfs

import (
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// foldExpression compiles an expression that compileExpression accepted so that it
// matches all spellings of a name. Literals match as written, ignoring case, and
// folded. A class matches a character if it contains one of the character's spellings.
func foldExpression(src string) (*expression, error) {
	tree, err := syntax.Parse(`\A(?:`+src+`)\z`, syntax.Perl)
	if err != nil {
		return nil, err
	}
	blind, err := syntax.Parse(`(?i)\A(?:`+src+`)\z`, syntax.Perl)
	if err != nil {
		return nil, err
	}
	foldTree(tree)
	foldTree(blind)
	e := &expression{src: src, lead: foldedLead(src)}
	// Two alternatives, with and without "(?i)": an expression is expected to match as
	// if written in either case.
	both := &syntax.Regexp{Op: syntax.OpAlternate, Flags: tree.Flags, Sub: []*syntax.Regexp{tree, blind}}
	text := both.String()
	if e.re, err = regexp.Compile(text); err != nil {
		return nil, err
	}
	parsed, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil, err
	}
	e.prog, err = syntax.Compile(parsed.Simplify())
	return e, err
}

// foldedLead returns the text that every matching name begins with, in lower case, if it
// is ASCII, else "". It is for names with one spelling. Such a name has no character that
// matches an ASCII letter by folding, other than the lower-case letter itself.
func foldedLead(src string) string {
	alone, err := regexp.Compile(src)
	if err != nil {
		return ""
	}
	prefix, _ := alone.LiteralPrefix()
	if !traitsOf(prefix).ascii {
		return ""
	}
	return strings.ToLower(prefix)
}

func foldTree(re *syntax.Regexp) {
	for _, sub := range re.Sub {
		foldTree(sub)
	}
	switch re.Op {
	case syntax.OpLiteral:
		folded := []rune(foldLiteral(string(re.Rune)))
		// A Regexp stores short text inside itself, and *re is about to be overwritten:
		// clone the runes.
		written := &syntax.Regexp{Op: syntax.OpLiteral, Flags: re.Flags | syntax.FoldCase, Rune: slices.Clone(re.Rune)}
		if slices.Equal(folded, written.Rune) {
			*re = *written
			return
		}
		other := &syntax.Regexp{Op: syntax.OpLiteral, Flags: re.Flags | syntax.FoldCase, Rune: folded}
		if len(folded) == 0 {
			other = &syntax.Regexp{Op: syntax.OpEmptyMatch}
		}
		*re = syntax.Regexp{Op: syntax.OpAlternate, Flags: re.Flags, Sub: []*syntax.Regexp{written, other}}
	case syntax.OpCharClass:
		if re.Rune = readings(re.Rune); len(re.Rune) == 2 && re.Rune[0] == 0 && re.Rune[1] == unicode.MaxRune {
			*re = syntax.Regexp{Op: syntax.OpAnyChar, Flags: re.Flags}
		}
	}
}

// foldLiteral folds a literal of an expression, in which a slash separates elements.
func foldLiteral(s string) string { return foldElements(s, foldElement) }

// readings extends the ranges of a class by the characters that fold to a member and,
// unless the class is negated, by the characters that members fold to. Ranges that
// reach the end of Unicode belong to a negated class.
func readings(ranges []rune) []rune {
	if n := len(ranges); n == 0 || ranges[n-1] != unicode.MaxRune {
		ranges = withFolds(ranges, func(r, folded rune) (from, to rune) { return r, folded })
	}
	return withFolds(ranges, func(r, folded rune) (from, to rune) { return folded, r })
}

// withFolds extends the ranges over all pairs of a character and its folding: if they
// contain the one that pick returns as from, it adds to.
func withFolds(ranges []rune, pick func(r, folded rune) (from, to rune)) []rune {
	in := func(r rune) bool {
		for i := 0; i < len(ranges); i += 2 {
			if ranges[i] <= r && r <= ranges[i+1] {
				return true
			}
		}
		return false
	}
	out := slices.Clone(ranges)
	add := func(r, folded rune) {
		if from, to := pick(r, folded); in(from) && !in(to) {
			out = append(out, to, to)
		}
	}
	for r := 'A'; r <= 'Z'; r++ {
		add(r, unicode.ToLower(r))
	}
	for _, f := range singleFolds() {
		if f[0] >= utf8.RuneSelf {
			add(f[0], f[1])
		}
	}
	return sortRanges(out)
}

func sortRanges(ranges []rune) []rune {
	type span struct{ lo, hi rune }
	var spans []span
	for i := 0; i < len(ranges); i += 2 {
		spans = append(spans, span{ranges[i], ranges[i+1]})
	}
	slices.SortFunc(spans, func(a, b span) int { return int(a.lo - b.lo) })
	var out []rune
	for _, s := range spans {
		if n := len(out); n > 0 && s.lo <= out[n-1]+1 {
			out[n-1] = max(out[n-1], s.hi)
			continue
		}
		out = append(out, s.lo, s.hi)
	}
	return out
}

// Kinds of the preceding character, on which look-around ("\b") depends.
const (
	beforeNothing = iota
	beforeWord
	beforeOther
	kindsBefore
)

var before = [kindsBefore]rune{-1, 'a', '-'}

// exprStates are the instructions at which an automaton waits, by kind of the preceding
// character.
type exprStates []bool

// matchSpelled reports whether the expression matches any spelling of the name, or of a
// directory above it.
func (e *expression) matchSpelled(n *spelledName) bool {
	size := len(e.prog.Inst) * kindsBefore
	now := make(exprStates, size)
	now[e.prog.Start*kindsBefore+beforeNothing] = true
	for i := range n.elems {
		if i > 0 {
			now = e.read(now, "/")
		}
		units := n.elems[i].units
		at := make([]exprStates, len(units)+1)
		for k := range at {
			at[k] = make(exprStates, size)
		}
		at[0] = now
		for k := range units {
			if !slices.Contains(at[k], true) {
				continue
			}
			if j := units[k].wildcard; j > 0 {
				merge(at[k+j], e.anything(at[k]))
			}
			for _, edge := range units[k].edges {
				merge(at[k+edge.units], e.read(at[k], edge.label))
			}
		}
		now = at[len(units)]
		if e.accepts(now) {
			return true
		}
	}
	return false
}

func merge(to, from exprStates) {
	for i, on := range from {
		to[i] = to[i] || on
	}
}

// read returns the states after reading text.
func (e *expression) read(now exprStates, text string) exprStates {
	for _, r := range text {
		next := make(exprStates, len(now))
		kind := beforeOther
		if syntax.IsWordChar(r) {
			kind = beforeWord
		}
		e.closure(now, r, func(inst *syntax.Inst) {
			if inst.MatchRune(r) {
				next[int(inst.Out)*kindsBefore+kind] = true
			}
		})
		now = next
	}
	return now
}

func (e *expression) accepts(now exprStates) bool {
	accepted := false
	e.closure(now, -1, func(inst *syntax.Inst) { accepted = accepted || inst.Op == syntax.InstMatch })
	return accepted
}

// anything returns the states reachable by reading any text.
func (e *expression) anything(now exprStates) exprStates {
	all := slices.Clone(now)
	for changed := true; changed; {
		changed = false
		for i, on := range all {
			if !on {
				continue
			}
			inst := &e.prog.Inst[i/kindsBefore]
			outs := []uint32{inst.Out}
			if inst.Op == syntax.InstAlt || inst.Op == syntax.InstAltMatch {
				outs = append(outs, inst.Arg)
			}
			if inst.Op == syntax.InstMatch || inst.Op == syntax.InstFail {
				continue
			}
			for _, out := range outs {
				for kind := range kindsBefore {
					if k := int(out)*kindsBefore + kind; !all[k] {
						all[k], changed = true, true
					}
				}
			}
		}
	}
	return all
}

// closure calls visit for each instruction that consumes a character or accepts, and is
// reachable before the character next is read.
func (e *expression) closure(now exprStates, next rune, visit func(*syntax.Inst)) {
	for kind := range kindsBefore {
		flags := syntax.EmptyOpContext(before[kind], next)
		seen := make([]bool, len(e.prog.Inst))
		var todo []uint32
		for pc := range e.prog.Inst {
			if now[pc*kindsBefore+kind] {
				todo = append(todo, uint32(pc))
			}
		}
		for len(todo) > 0 {
			pc := todo[len(todo)-1]
			todo = todo[:len(todo)-1]
			if seen[pc] {
				continue
			}
			seen[pc] = true
			switch inst := &e.prog.Inst[pc]; inst.Op {
			case syntax.InstAlt, syntax.InstAltMatch:
				todo = append(todo, inst.Out, inst.Arg)
			case syntax.InstCapture, syntax.InstNop:
				todo = append(todo, inst.Out)
			case syntax.InstEmptyWidth:
				if syntax.EmptyOp(inst.Arg)&^flags == 0 {
					todo = append(todo, inst.Out)
				}
			default:
				visit(inst)
			}
		}
	}
}

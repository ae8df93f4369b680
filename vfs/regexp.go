package vfs

import (
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode"
)

// An expression is the regular expression of a "re:" pattern.
type expression struct {
	src    string
	prefix string // every matching name begins with it: a fast rejection test
	lead   string // the same; for a deny pattern, every matching folded name does
	re     *regexp.Regexp
	dots   *regexp.Regexp // for names with dot elements, see spellDots
	prog   *syntax.Prog   // of dots, for matchBelow
}

// dotMark replaces a leading dot where only a literal dot in the pattern may match it.
// It is a control character, so no name contains it.
const dotMark = 1

func compileExpression(src string) (*expression, error) {
	// Compile the expression on its own first: inside the group that anchors it,
	// "a)|(b" would be balanced and escape the anchors.
	alone, err := regexp.Compile(src)
	if err != nil {
		return nil, err
	}
	prefix, _ := alone.LiteralPrefix()
	anchored := `\A(?:` + src + `)\z`
	re, err := regexp.Compile(anchored)
	if err != nil {
		return nil, err
	}
	tree, err := syntax.Parse(anchored, syntax.Perl)
	if err != nil {
		return nil, err
	}
	spellDots(tree)
	dots, err := regexp.Compile(tree.String())
	if err != nil {
		return nil, err
	}
	prog, err := syntax.Compile(tree.Simplify())
	if err != nil {
		return nil, err
	}
	return &expression{src: src, prefix: prefix, lead: prefix, re: re, dots: dots, prog: prog}, nil
}

// spellDots changes an expression so that only a literal dot matches dotMark: "." does
// not, nor does a class, even one that lists the dot, because people write "[\w.-]+"
// for "a file name" and do not mean ".env".
func spellDots(re *syntax.Regexp) {
	for _, sub := range re.Sub {
		spellDots(sub)
	}
	switch re.Op {
	case syntax.OpLiteral:
		var subs []*syntax.Regexp
		for _, r := range re.Rune {
			if r == '.' {
				subs = append(subs, &syntax.Regexp{Op: syntax.OpCharClass, Rune: []rune{dotMark, dotMark, '.', '.'}})
			} else {
				subs = append(subs, &syntax.Regexp{Op: syntax.OpLiteral, Flags: re.Flags, Rune: []rune{r}})
			}
		}
		*re = syntax.Regexp{Op: syntax.OpConcat, Flags: re.Flags, Sub: subs}
	case syntax.OpAnyChar:
		*re = syntax.Regexp{Op: syntax.OpCharClass, Rune: []rune{0, dotMark - 1, dotMark + 1, unicode.MaxRune}}
	case syntax.OpAnyCharNotNL:
		*re = syntax.Regexp{Op: syntax.OpCharClass, Rune: []rune{0, dotMark - 1, dotMark + 1, '\n' - 1, '\n' + 1, unicode.MaxRune}}
	case syntax.OpCharClass:
		re.Rune = without(re.Rune, dotMark)
	}
}

// without removes r from the ranges of a class.
func without(ranges []rune, r rune) []rune {
	var out []rune
	for i := 0; i < len(ranges); i += 2 {
		lo, hi := ranges[i], ranges[i+1]
		if r < lo || hi < r {
			out = append(out, lo, hi)
			continue
		}
		if lo < r {
			out = append(out, lo, r-1)
		}
		if r < hi {
			out = append(out, r+1, hi)
		}
	}
	return out
}

// markDot replaces every leading dot of an element by dotMark.
func markDot(before, c byte) byte {
	if c == '.' && before == '/' {
		return dotMark
	}
	return c
}

func (e *expression) match(name string, dots bool) bool {
	if !strings.HasPrefix(name, e.prefix) {
		return false
	}
	if !dots && hasDisguised(name) {
		return false
	}
	if dots || !hasDotElement(name) {
		return e.re.MatchString(name)
	}
	b := nameBuffers.Get().(*nameBuffer)
	defer nameBuffers.Put(b)
	return e.dots.MatchString(b.spell(name, markDot))
}

// matchBelow reports whether the expression, as an allow pattern, can match a name that
// begins with dir and a slash, or any name if dir is "": whether its automaton has
// states left after reading these. It assumes that look-around ("\b") holds, so it can
// report true wrongly: then an empty directory is shown, but never a name.
func (e *expression) matchBelow(dir string) bool {
	if hasDisguised(dir) {
		return false
	}
	states := map[uint32]bool{}
	e.follow(states, uint32(e.prog.Start))
	if dir != "" {
		var b nameBuffer
		for _, r := range b.spell(dir, markDot) + "/" {
			next := map[uint32]bool{}
			for pc := range states {
				if inst := &e.prog.Inst[pc]; inst.MatchRune(r) {
					e.follow(next, inst.Out)
				}
			}
			states = next
		}
	}
	return len(states) > 0
}

// follow adds to states the instructions reachable from pc that consume a character.
func (e *expression) follow(states map[uint32]bool, pc uint32) {
	seen := map[uint32]bool{}
	for todo := []uint32{pc}; len(todo) > 0; {
		pc, todo = todo[len(todo)-1], todo[:len(todo)-1]
		if seen[pc] {
			continue
		}
		seen[pc] = true
		switch inst := &e.prog.Inst[pc]; inst.Op {
		case syntax.InstAlt, syntax.InstAltMatch:
			todo = append(todo, inst.Out, inst.Arg)
		case syntax.InstCapture, syntax.InstNop, syntax.InstEmptyWidth:
			todo = append(todo, inst.Out)
		case syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
			states[pc] = true
		}
	}
}

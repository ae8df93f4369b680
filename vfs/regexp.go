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
	prefix string // every matching name begins with this: the quick no
	re     *regexp.Regexp
	dots   *regexp.Regexp // for names with dot elements, see spellDots
	prog   *syntax.Prog   // of dots, for matchBelow
}

// dotMark stands for a leading dot where only a pattern that spells the dot
// may match it. It is a control character, so no name holds it.
const dotMark = 1

func compileExpression(src string) (*expression, error) {
	// The expression is compiled alone first: "a)|(b" would balance inside the
	// group that anchors it, and escape the anchors.
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
	return &expression{src, prefix, re, dots, prog}, nil
}

// spellDots changes an expression so that dotMark is met by a literal dot and
// by nothing else: not by ".", not by a class, even one that lists the dot, for
// "[\w.-]+" is how people write "a file name" and not how they ask for ".env".
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

// without takes r out of the ranges of a class.
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

// markDot puts dotMark in the place of every leading dot of an element.
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

// matchBelow reports whether the expression, as an allow pattern, can match a
// name that begins with dir and a slash, any name if dir is "": whether, after these, its automaton still has a way on.
// Look-around ("\b") is taken to hold, so the answer may be a yes too many:
// then an empty directory is shown, never a name.
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

// follow adds to states the instructions at pc that consume a character.
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

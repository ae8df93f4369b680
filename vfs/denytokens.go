package vfs

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// A token is a part of a deny pattern's segment: either one character, which is
// compared folded, or a wildcard, which matches characters as written.
type token struct {
	op    tokenOp
	r     rune
	class *runeClass
}

type tokenOp uint8

const (
	tokenRune  tokenOp = iota
	tokenAny           // ?
	tokenClass         // [a-z]
	tokenStar          // *
)

// A runeClass is the content of a bracket expression.
type runeClass struct {
	negated bool
	ranges  []rune // pairs, as written
	folded  []rune // foldings of single members, sorted; only if not negated
}

func (c *runeClass) match(r rune) bool {
	in := false
	for i := 0; i < len(c.ranges) && !in; i += 2 {
		in = c.ranges[i] <= r && r <= c.ranges[i+1]
	}
	if c.negated {
		return !in
	}
	if !in {
		_, in = slices.BinarySearch(c.folded, r)
	}
	return in
}

// denySegment compiles a segment so that it matches names in all their spellings:
// literal runs are folded; a class or a question mark matches one character as written.
func denySegment(s string) (segment, error) {
	if s == "**" {
		return segment{kind: segDouble}, nil
	}
	seg := segment{kind: segLiteral, dot: true}
	var run strings.Builder
	var runs []string
	flush := func() {
		text := run.String()
		run.Reset()
		runs = append(runs, foldElement(text))
		seg.tokens = appendRunes(seg.tokens, foldElement(text))
		seg.apart = appendRunes(seg.apart, decompose(text))
	}
	wild := func(t token) {
		flush()
		seg.tokens, seg.apart = append(seg.tokens, t), append(seg.apart, t)
	}
	for i := 0; i < len(s); {
		switch c := s[i]; c {
		case '\\':
			_, size := utf8.DecodeRuneInString(s[i+1:])
			run.WriteString(s[i+1 : i+1+size])
			i += 1 + size
		case '*':
			for i < len(s) && s[i] == '*' {
				i++
			}
			wild(token{op: tokenStar})
			seg.kind = max(seg.kind, segAffix)
			if len(runs) > 1 {
				seg.kind = segComplex
			}
		case '?':
			i++
			wild(token{op: tokenAny})
			seg.kind = segComplex
		case '[':
			class, size, err := parseClass(s[i:])
			if err != nil {
				return seg, err
			}
			i += size
			wild(token{op: tokenClass, class: class})
			seg.kind = segComplex
		default:
			run.WriteByte(c)
			i++
		}
	}
	flush()
	switch {
	case seg.kind == segLiteral:
		seg.pre = runs[0]
	case s[0] == '*' && len(seg.tokens) == 1:
		return segment{kind: segAny}, nil
	case seg.kind == segAffix:
		seg.pre, seg.suf = runs[0], runs[1]
	}
	if slices.Equal(seg.apart, seg.tokens) {
		seg.apart = nil
	}
	return seg, nil
}

func appendRunes(tokens []token, s string) []token {
	for _, r := range s {
		tokens = append(tokens, token{op: tokenRune, r: r})
	}
	return tokens
}

// parseClass parses the class at the start of s, as doublestar does.
func parseClass(s string) (c *runeClass, size int, err error) {
	bad := errors.New("an unclosed [ or an empty class")
	c = &runeClass{}
	i := 1
	if i < len(s) && (s[i] == '^' || s[i] == '!') {
		c.negated = true
		i++
	}
	one := func() (rune, bool) {
		if i < len(s) && s[i] == '\\' {
			i++
		}
		if i >= len(s) {
			return 0, false
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		i += size
		return r, true
	}
	for first := true; ; first = false {
		if i >= len(s) || first && s[i] == ']' {
			return nil, 0, bad
		}
		if s[i] == ']' {
			i++
			break
		}
		lo, ok := one()
		hi := lo
		if ok && i+1 < len(s) && s[i] == '-' && s[i+1] != ']' {
			i++
			hi, ok = one()
		}
		if !ok {
			return nil, 0, bad
		}
		c.ranges = append(c.ranges, lo, hi)
	}
	if !c.negated {
		c.folded = foldedMembers(c.ranges)
	}
	return c, i, nil
}

// foldedMembers returns the single characters that members of the ranges fold to.
func foldedMembers(ranges []rune) []rune {
	var out []rune
	for i := 0; i < len(ranges); i += 2 {
		if ranges[i+1]-ranges[i] > 4096 {
			for _, f := range singleFolds() {
				if ranges[i] <= f[0] && f[0] <= ranges[i+1] {
					out = append(out, f[1])
				}
			}
			continue
		}
		for r := max(ranges[i], 'A'); r <= min(ranges[i+1], unicode.MaxRune); r++ {
			if r < utf8.RuneSelf {
				out = append(out, unicode.ToLower(r))
				continue
			}
			out = appendSingleFolds(out, r)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// appendSingleFolds appends the single characters, other than r itself, that r folds
// to.
func appendSingleFolds(out []rune, r rune) []rune {
	if !utf8.ValidRune(r) {
		return out
	}
	for _, f := range [...]string{caseFold(string(r)), foldElement(string(r))} {
		if one, size := utf8.DecodeRuneInString(f); size == len(f) && size > 0 && one != r {
			out = append(out, one)
		}
	}
	return out
}

// singleFolds returns all pairs of a character and a single character that it folds to.
// Above the third plane there are only tags and variation selectors, which fold to
// nothing.
var singleFolds = sync.OnceValue(func() (pairs [][2]rune) {
	for r := rune('A'); r < 0x33500; r++ {
		for _, f := range appendSingleFolds(nil, r) {
			pairs = append(pairs, [2]rune{r, f})
		}
	}
	return pairs
})

// matchTokens matches an element that is ASCII or equal to its own folding. written is
// the element as is; folded has the same length and is compared with literals.
func matchTokens(tokens []token, folded, written string) bool {
	star, retry := -1, 0 // the last star, and where to retry the tokens after it
	t, i := 0, 0
	for {
		if t < len(tokens) && tokens[t].op == tokenStar {
			star, retry = t, i
			t++
			continue
		}
		if i == len(folded) && t == len(tokens) {
			return true
		}
		if i < len(folded) && t < len(tokens) {
			f, size := utf8.DecodeRuneInString(folded[i:])
			w := f
			if size == 1 {
				w = rune(written[i])
			}
			if tokens[t].one(f, w) {
				t, i = t+1, i+size
				continue
			}
		}
		if star < 0 || retry >= len(folded) {
			return false
		}
		_, size := utf8.DecodeRuneInString(folded[retry:])
		retry += size
		t, i = star+1, retry
	}
}

// one reports whether a token other than a star matches a character, given folded and
// as written.
func (t *token) one(folded, written rune) bool {
	switch t.op {
	case tokenRune:
		return t.r == folded
	case tokenClass:
		return t.class.match(written) || t.class.match(folded)
	}
	return t.op == tokenAny
}

// match reports whether a deny segment matches any spelling of the element.
func (e *spelledElem) match(seg *segment) bool {
	switch seg.kind {
	case segAny, segDouble:
		return true
	case segLiteral:
		return seg.pre == e.folded || seg.pre == e.casedFolded
	}
	return e.run(seg.tokens, stepSpelling) || seg.apart != nil && e.run(seg.apart, stepWritten)
}

// states is the set of states of a segment's automaton: state i means that tokens[:i]
// have matched.
type states []bool

// An automaton holds the memory of one run. A step must not allocate, because clients
// control the number of steps: the characters in a name of up to 1,024 bytes, times up
// to 18 for those that fold to that many, times the number of patterns.
type automaton struct {
	slab      states
	at        []states // before each unit, and after the last
	now, next states
	plain     bool // all tokens are stars or ASCII characters
}

var automata = sync.Pool{New: func() any { return new(automaton) }}

// reset makes room for the given numbers of units and tokens, with no state set.
func (a *automaton) reset(units, tokens int) {
	width := tokens + 1
	need := (units + 3) * width
	a.slab = slices.Grow(a.slab[:0], need)[:need]
	clear(a.slab)
	a.at = a.at[:0]
	for i := range units + 1 {
		a.at = append(a.at, a.slab[i*width:(i+1)*width])
	}
	a.now, a.next = a.slab[need-2*width:need-width], a.slab[need-width:]
}

func (t *token) isPlain() bool {
	return t.op == tokenStar || t.op == tokenRune && t.r < utf8.RuneSelf
}

// set adds state i and the states that are reached by matching stars with nothing.
func (s states) set(tokens []token, i int) {
	for s[i] = true; i < len(tokens) && tokens[i].op == tokenStar; i++ {
		s[i+1] = true
	}
}

// run steps through the units of the element. step adds to at[i+n] the states reached
// from at[i] by reading n units.
func (e *spelledElem) run(tokens []token, step func(a *automaton, tokens []token, i int, u *spelledUnit)) bool {
	a := automata.Get().(*automaton)
	defer automata.Put(a)
	a.reset(len(e.units), len(tokens))
	at := a.at
	at[0].set(tokens, 0)
	a.plain = !slices.ContainsFunc(tokens, func(t token) bool { return !t.isPlain() })
	for i := range e.units {
		u := &e.units[i]
		first := slices.Index(at[i], true)
		if first < 0 {
			continue
		}
		if u.wildcard > 0 {
			for k := first; k <= len(tokens); k++ {
				at[i+u.wildcard][k] = true
			}
		}
		step(a, tokens, i, u)
	}
	return at[len(e.units)][len(tokens)]
}

// stepSpelling reads units in each of their spellings.
func stepSpelling(a *automaton, tokens []token, i int, u *spelledUnit) {
	for _, edge := range u.edges {
		if a.plain && edge.nonASCII {
			// Only a star can match characters outside ASCII, and it stays in its
			// state.
			for k, on := range a.at[i] {
				if on && k < len(tokens) && tokens[k].op == tokenStar {
					a.at[i+edge.units].set(tokens, k)
				}
			}
			continue
		}
		now, next := a.now, a.next
		copy(now, a.at[i])
		for _, r := range edge.label {
			clear(next)
			for k, on := range now[:len(tokens)] {
				switch t := &tokens[k]; {
				case !on:
				case t.op == tokenStar:
					next.set(tokens, k)
				case t.one(r, r):
					next.set(tokens, k+1)
				}
			}
			now, next = next, now
		}
		to := a.at[i+edge.units]
		for k, on := range now {
			to[k] = to[k] || on
		}
	}
}

// stepWritten reads a unit as one written character if the token is a wildcard, or
// whole, folded and decomposed, for a literal run. A run is therefore compared folded
// even if the characters after it would compose with its last character.
func stepWritten(a *automaton, tokens []token, i int, u *spelledUnit) {
	to := a.at[i+1]
	for k, on := range a.at[i] {
		if !on {
			continue
		}
		end := k
		for _, r := range u.decomposed {
			if end < 0 || end == len(tokens) || tokens[end].op != tokenRune || tokens[end].r != r {
				end = -1
				break
			}
			end++
		}
		if end >= 0 {
			to.set(tokens, end)
		}
		if k == len(tokens) || tokens[k].op == tokenRune {
			continue
		}
		if tokens[k].op == tokenStar {
			to.set(tokens, k)
			continue
		}
		for _, edge := range u.edges {
			if r, size := utf8.DecodeRuneInString(edge.label); edge.units == 1 && size == len(edge.label) && size > 0 && tokens[k].one(r, r) {
				to.set(tokens, k+1)
			}
		}
	}
}

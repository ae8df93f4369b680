package vfs

import (
	"slices"
	"sync"
	"unicode/utf8"
)

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

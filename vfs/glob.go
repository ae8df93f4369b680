package vfs

import (
	"math/bits"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// A glob is one brace-free alternative of a pattern, split into segments.
//
// Matching proceeds element by element. If it matched whole names, a negated class
// ("a[^b]c") could match a slash, and nothing would tell which part of the pattern
// matched a leading dot.
type glob struct {
	segs []segment

	// A fast rejection test that settles most globs for most names. A matching name, or
	// a name below a matching one, begins with prefix and contains all of bytes; a
	// matching name ends in suffix.
	prefix, suffix string
	bytes          byteSet

	doubles uint64 // bit i: segs[i] is "**"
}

type segment struct {
	kind     segmentKind
	pre, suf string // literal: pre. affix: pre, "*", suf
	pattern  string // complex, in an allow pattern: passed to doublestar
	dot      bool   // begins with a literal dot

	// For deny patterns, see denySegment: the tokens with literals folded, and the same
	// with literals decomposed (nil if there is no difference).
	tokens, apart []token
}

type segmentKind uint8

const (
	segLiteral segmentKind = iota
	segAny                 // *
	segDouble              // **
	segAffix               // pre*suf
	segComplex
)

// A match keeps its states in the bits of one word, one of them the accepting state,
// which bounds the number of segments. The number of alternatives is bounded because
// braces multiply.
const (
	maxSegments     = 63
	maxAlternatives = 1000
)

// prepare sets the fields derived from segs.
func (g *glob) prepare() {
	leads := true // only literal segments so far
	for i, seg := range g.segs {
		if seg.kind == segDouble {
			g.doubles |= 1 << i
		}
		g.bytes |= bytesOf(seg.pre) | bytesOf(seg.suf)
		if !leads {
			continue
		}
		// "docs/**" matches "docs" as well, which has no slash.
		if i > 0 && seg.kind != segDouble {
			g.prefix += "/"
		}
		g.prefix += seg.pre
		leads = seg.kind == segLiteral
	}
	switch last := g.segs[len(g.segs)-1]; last.kind {
	case segLiteral:
		g.suffix = last.pre
	case segAffix:
		g.suffix = last.suf
	}
}

// match reports whether g matches the whole name, whose bytes are has. Unless dots is
// set, a wildcard does not match the leading dot of an element.
func (g *glob) match(name string, has byteSet, dots bool) bool {
	if g.bytes&^has != 0 || !strings.HasSuffix(name, g.suffix) || !strings.HasPrefix(name, g.prefix) {
		return false
	}
	_, accepted := g.run(name, name, nil, dots, false)
	return accepted
}

// matchTree reports whether g, as a deny pattern, matches the folded name, whose bytes
// are has, or a directory above it.
func (g *glob) matchTree(folded, written string, has byteSet) bool {
	if g.bytes&^has != 0 || !strings.HasPrefix(folded, g.prefix) {
		return false
	}
	_, accepted := g.run(folded, written, nil, true, true)
	return accepted
}

// matchSpelled is matchTree for a name with several spellings.
func (g *glob) matchSpelled(n *spelledName) bool {
	if !n.wildcards && g.bytes&^n.has != 0 {
		return false
	}
	_, accepted := g.run(n.forms[0], "", n, true, true)
	return accepted
}

// matchBelow reports whether g, as an allow pattern, can match a name below the
// directory dir; "" is the top.
func (g *glob) matchBelow(dir string) bool {
	states, _ := g.run(dir, dir, nil, false, false)
	return states&^(1<<len(g.segs)) != 0
}

// coversBelow reports whether g, as a deny pattern, is certain to match every name in
// the directory with these spellings.
func (g *glob) coversBelow(folded, written string, n *spelledName) bool {
	states, _ := g.run(folded, written, n, true, false)
	for i := range g.segs {
		if k := g.segs[i].kind; states&(1<<i) != 0 && (k == segAny || k == segDouble) &&
			g.skipDoubles(2<<i)&(1<<len(g.segs)) != 0 {
			return true
		}
	}
	return false
}

// run runs the automaton: state i means that segs[:i] have matched the elements so far.
// With tree, it stops as soon as a directory above name is accepted. A deny pattern is
// matched either with a name given both folded and as written, with elements of equal
// lengths, or with all spellings of n.
func (g *glob) run(name, written string, n *spelledName, dots, tree bool) (states uint64, accepted bool) {
	accept := uint64(1) << len(g.segs)
	states = g.skipDoubles(1)
	element := 0
	for more := name != ""; more; element++ {
		var elem, asWritten string
		elem, name, more = strings.Cut(name, "/")
		if n == nil {
			asWritten, written = written[:len(elem)], written[min(len(elem)+1, len(written)):]
		}
		wild := dots || elem[0] != '.' && !isDisguised(elem)
		var next uint64
		for live := states &^ accept; live != 0; live &= live - 1 {
			i := bits.TrailingZeros64(live)
			switch seg := &g.segs[i]; {
			case !wild && !seg.dot:
			case seg.kind == segDouble:
				next |= 1 << i
			case n != nil && n.elems[element].match(seg), n == nil && seg.match(elem, asWritten):
				next |= 2 << i
			}
		}
		states = g.skipDoubles(next)
		if states == 0 || tree && states&accept != 0 {
			break
		}
	}
	return states, states&accept != 0
}

// skipDoubles adds the states reached by matching "**" with nothing. No two "**" are
// adjacent.
func (g *glob) skipDoubles(states uint64) uint64 {
	return states | states&g.doubles<<1
}

func (s *segment) match(elem, written string) bool {
	switch s.kind {
	case segLiteral:
		return elem == s.pre
	case segAny:
		return true
	case segAffix:
		return len(elem) >= len(s.pre)+len(s.suf) && strings.HasPrefix(elem, s.pre) && strings.HasSuffix(elem, s.suf)
	}
	if s.tokens != nil {
		return matchTokens(s.tokens, elem, written)
	}
	return doublestar.MatchUnvalidated(s.pattern, elem)
}

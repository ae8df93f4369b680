package vfs

import (
	"math/bits"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// A glob is one brace-free alternative of a pattern, split into segments.
//
// Matching goes element by element. Matching whole names instead would let a
// negated class ("a[^b]c") run across a slash, and could not tell which part
// of the pattern met a leading dot.
type glob struct {
	segs []segment

	// The quick no, by which most globs are done with most names. A name that
	// it matches, or that lies below one, begins with prefix and has all of
	// bytes; one that it matches ends in suffix.
	prefix, suffix string
	bytes          byteSet

	doubles uint64 // bit i: segs[i] is "**"
}

type segment struct {
	kind     segmentKind
	pre, suf string // literal: pre. affix: pre, "*", suf
	pattern  string // complex, of an allow pattern: for doublestar
	dot      bool   // spells a leading dot

	// Of a deny pattern, see denySegment: tokens, with literals folded, and the same with
	// literals taken apart, nil if that is no other.
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

// The states of a match are the bits of a word, so a glob has at most as many
// segments as that, less the accepting one. The alternatives of a pattern are
// bounded since braces multiply.
const (
	maxSegments     = 63
	maxAlternatives = 1000
)

// prepare sets what is derived from segs.
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

// match reports whether g matches the whole name, whose bytes are has. Unless
// dots is set, a wildcard does not match an element's leading dot.
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

// matchSpelled is matchTree for a name of several spellings.
func (g *glob) matchSpelled(n *spelledName) bool {
	if !n.jokers && g.bytes&^n.has != 0 {
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

// coversBelow reports whether g, as a deny pattern, surely matches every name
// in the directory that is spelled so.
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

// run is the automaton: state i means that segs[:i] have matched the elements
// so far. With tree, it stops as soon as any directory above name is accepted. A deny
// pattern meets a name that is folded and as it is written, with elements of the same
// lengths, or all of its spellings.
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

// skipDoubles adds the states that are reached by letting "**" match nothing.
// There are no two of them in a row.
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

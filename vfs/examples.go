package vfs

import (
	"iter"
	"math/bits"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// exampleText is what examples have where a pattern leaves a text open.
const exampleText = "new"

// Examples yields made-up names of objects directly in dir, at least one for each allow pattern
// that is a glob or some exact names and that matches such a name. It does not look into
// expressions. It is for callers who want to know whether anything may be created in dir:
// [Jail.Explain] decides about each of the names. Nothing is asked of the backend.
func (j *Jail) Examples(dir Name) iter.Seq[Name] {
	return func(yield func(Name) bool) {
		if j.rules != nil {
			j.rules.allow.examples(dir, yield)
		}
	}
}

// Examples is [Jail.Examples] for the patterns of m.
func (m *Matcher) Examples(dir Name) iter.Seq[Name] {
	return func(yield func(Name) bool) { m.table.examples(dir, yield) }
}

func (t *table) examples(dir Name, yield func(Name) bool) {
	if dir.IsZero() {
		return
	}
	for i := range t.patterns {
		for n := range t.patterns[i].examples(dir) {
			if !yield(n) {
				return
			}
		}
	}
}

func (p *Pattern) examples(dir Name) iter.Seq[Name] {
	return func(yield func(Name) bool) {
		for _, n := range p.literal {
			if n.Dir() == dir && !yield(n) {
				return
			}
		}
		if p.set != nil && p.set.few() {
			for s := range p.set.names {
				if n := (Name{s}); n.Dir() == dir && !yield(n) {
					return
				}
			}
		}
		for i := range p.globs {
			for elem := range p.globs[i].lastElements(dir) {
				if n, err := dir.Child(elem); err == nil && !yield(n) {
					return
				}
			}
		}
	}
}

// lastElements yields an element for each way in which g, as an allow pattern, can match a name
// directly in dir.
func (g *glob) lastElements(dir Name) iter.Seq[string] {
	return func(yield func(string) bool) {
		d := dir.s
		if dir.IsRoot() {
			d = ""
		}
		states, _ := g.run(d, d, nil, false, false)
		accept := uint64(1) << len(g.segs)
		for live := states &^ accept; live != 0; live &= live - 1 {
			i := bits.TrailingZeros64(live)
			next := uint64(2) << i
			if g.segs[i].kind == segDouble {
				next = 1 << i
			}
			if g.skipDoubles(next)&accept != 0 && !yield(g.segs[i].example()) {
				return
			}
		}
	}
}

// example returns an element that s, of an allow pattern, matches.
func (s *segment) example() string {
	switch s.kind {
	case segLiteral:
		return s.pre
	case segAny, segDouble:
		return exampleText
	case segAffix:
		return s.pre + exampleText + s.suf
	}
	var b strings.Builder
	for rest := s.pattern; rest != ""; {
		n := 1
		switch rest[0] {
		case '*':
			b.WriteString(exampleText)
		case '?':
			b.WriteByte(exampleText[0])
		case '[':
			n = classLen(rest)
			b.WriteString(exampleOf(rest[:n]))
		case '\\':
			b.WriteByte(rest[1])
			n = 2
		default:
			b.WriteByte(rest[0])
		}
		rest = rest[n:]
	}
	return b.String()
}

// exampleOf returns a character of a class, "" if it finds none.
func exampleOf(class string) string {
	for _, c := range "nabcdefghijklmopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-_+=@,;()~ " + class {
		if doublestar.MatchUnvalidated(class, string(c)) {
			return string(c)
		}
	}
	return ""
}

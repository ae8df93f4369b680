package vfs

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// slashMark stands in a folded element for a slash that folding made of another
// character, as of U+FF0F or U+2105: folding never makes a separator. It is a control
// character, so no name holds it.
const slashMark = "\x02"

// foldElement folds one element. Two names may be one to some file system if their
// elements fold alike.
func foldElement(elem string) string {
	return strings.ReplaceAll(fold(elem), "/", slashMark)
}

// foldElements folds a name element by element, so that their number stays.
func foldElements(s string, foldOne func(string) string) string {
	elems := strings.Split(s, "/")
	for i, e := range elems {
		elems[i] = foldOne(e)
	}
	return strings.Join(elems, "/")
}

// caseFold is the folding that leaves compatibility forms and ignorable characters.
func caseFold(s string) string { return cases.Fold().String(s) }

// decompose folds s as fold does, but takes its characters apart.
func decompose(s string) string {
	s = norm.NFKD.String(dropIgnorable(s))
	s = cases.Fold().String(s)
	return strings.ReplaceAll(norm.NFKD.String(dropIgnorable(s)), "/", slashMark)
}

// A spelledName is a name in all of its spellings, for the deny patterns. What a file
// system takes for it may be each character as it is written, folded by case, folded
// by compatibility, or left out, and characters that compose taken together.
type spelledName struct {
	elems  []spelledElem
	forms  []string // the whole name folded, as exact names are looked for
	has    byteSet  // bytes of the name and of what it folds to
	jokers bool     // an element has a joker
}

type spelledElem struct {
	written, folded, cased string
	units                  []spelledUnit // one for each written character
}

// A spelledUnit is a character and how it, or a sequence that begins with it, may be
// read.
type spelledUnit struct {
	r     rune
	edges []spelledEdge
	apart string // r folded and taken apart
	joker int    // if not 0, so many units from here on may be read as anything
}

// A spelledEdge reads the next units as label.
type spelledEdge struct {
	units int
	label string
}

// maxMarks is how many characters may compose with each other before they are taken for
// anything: as many as Unicode's stream-safe text has.
const maxMarks = 30

// spellName returns nil if s has no other spelling than its own.
func spellName(s string) *spelledName {
	folded, cased := foldElements(s, foldElement), foldElements(s, caseFold)
	if folded == s && cased == s {
		return nil
	}
	n := &spelledName{forms: []string{folded}, has: bytesOf(s) | bytesOf(folded)}
	n.has |= bytesOf(cased)
	if cased = foldElements(cased, foldElement); cased != folded {
		n.forms = append(n.forms, cased)
	}
	for elem := range strings.SplitSeq(s, "/") {
		n.elems = append(n.elems, n.spellElement(elem))
	}
	return n
}

func (n *spelledName) spellElement(elem string) spelledElem {
	e := spelledElem{written: elem, folded: foldElement(elem), cased: caseFold(elem)}
	begins := []int{} // where what composes begins
	ends := []int{}   // byte offsets
	for i, r := range elem {
		c := string(r)
		u := spelledUnit{r: r, edges: []spelledEdge{{1, c}}, apart: decompose(c)}
		for _, label := range [...]string{caseFold(c), foldElement(c)} {
			if label != u.edges[len(u.edges)-1].label && label != c {
				u.edges = append(u.edges, spelledEdge{1, label})
			}
		}
		if len(e.units) == 0 || !isIgnorable(r) && norm.NFKC.PropertiesString(c).BoundaryBefore() {
			begins = append(begins, len(e.units))
		}
		e.units = append(e.units, u)
		ends = append(ends, i+len(c))
	}
	for i, from := range begins {
		to := len(e.units)
		if i+1 < len(begins) {
			to = begins[i+1]
		}
		if to-from < 2 {
			continue
		}
		start := ends[from] - utf8.RuneLen(e.units[from].r)
		text := elem[start:ends[to-1]]
		apart := ""
		for _, u := range e.units[from:to] {
			apart += u.apart
		}
		first := &e.units[from]
		first.edges = append(first.edges, spelledEdge{to - from, foldElement(text)})
		// Marks that stand in an order of their own, or are many, could be read in more
		// ways than are worth trying. Nobody writes so: it is refused where it could match.
		if to-from > maxMarks || apart != decompose(text) {
			first.joker, n.jokers = to-from, true
		}
	}
	return e
}

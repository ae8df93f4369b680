package vfs

import (
	"slices"
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
	written, folded    string
	cased, casedFolded string        // folded by case alone, and that folded as a whole
	units              []spelledUnit // one for each written character
}

// A spelledUnit is a character and how it, or a sequence that begins with it, may be
// read.
type spelledUnit struct {
	r     rune
	edges []spelledEdge
	apart string // r folded and taken apart
	joker int    // if not 0, so many units from here on may be read as anything

	begins bool // r composes with nothing before it
}

// A spelledEdge reads the next units as label.
type spelledEdge struct {
	units   int
	label   string
	foreign bool // label has no ASCII, and is not empty
}

func newEdge(units int, label string) spelledEdge {
	has := strings.ContainsFunc(label, func(r rune) bool { return r < utf8.RuneSelf })
	return spelledEdge{units, label, label != "" && !has}
}

// maxMarks is how many characters may compose with each other before they are taken for
// anything: as many as Unicode's stream-safe text has.
const maxMarks = 30

// spellName returns nil if s has no other spelling than its own.
func spellName(s string) *spelledName {
	n := &spelledName{}
	var folded, cased, casedFolded []string
	for elem := range strings.SplitSeq(s, "/") {
		e := spelledElem{written: elem, folded: foldElement(elem), cased: caseFold(elem)}
		e.casedFolded = foldElement(e.cased)
		n.elems = append(n.elems, e)
		folded, cased, casedFolded = append(folded, e.folded), append(cased, e.cased), append(casedFolded, e.casedFolded)
	}
	form, byCase := strings.Join(folded, "/"), strings.Join(cased, "/")
	if form == s && byCase == s {
		return nil
	}
	n.forms = []string{form}
	n.has = bytesOf(s) | bytesOf(form) | bytesOf(byCase)
	if form := strings.Join(casedFolded, "/"); form != n.forms[0] {
		n.forms = append(n.forms, form)
	}
	units := map[rune]spelledUnit{}
	for i := range n.elems {
		n.spellElement(&n.elems[i], units)
	}
	return n
}

// spellUnit returns the character r alone.
func spellUnit(r rune) spelledUnit {
	c := string(r)
	u := spelledUnit{r: r, edges: []spelledEdge{newEdge(1, c)}, apart: decompose(c), begins: !isIgnorable(r) && norm.NFKC.PropertiesString(c).BoundaryBefore()}
	for _, label := range [...]string{caseFold(c), foldElement(c)} {
		if label != u.edges[len(u.edges)-1].label && label != c {
			u.edges = append(u.edges, newEdge(1, label))
		}
	}
	return u
}

// spellElement fills in the units of e. known are those of characters that were met
// before: a hostile name has hundreds that are costly to fold, and few different ones.
func (n *spelledName) spellElement(e *spelledElem, known map[rune]spelledUnit) {
	elem := e.written
	begins := []int{} // where what composes begins
	ends := []int{}   // byte offsets
	for i, r := range elem {
		u, ok := known[r]
		if !ok {
			u = spellUnit(r)
			known[r] = u
		}
		if len(e.units) == 0 || u.begins {
			begins = append(begins, len(e.units))
		}
		e.units = append(e.units, u)
		ends = append(ends, i+utf8.RuneLen(r))
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
		// Others of the same character have the same edges, but not this one.
		first.edges = append(slices.Clip(first.edges), newEdge(to-from, foldElement(text)))
		// Marks that stand in an order of their own, or are many, could be read in more
		// ways than are worth trying. Nobody writes so: it is refused where it could match.
		if to-from > maxMarks || apart != decompose(text) {
			first.joker, n.jokers = to-from, true
		}
	}
}

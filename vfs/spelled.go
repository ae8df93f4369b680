package vfs

import (
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// slashMark replaces, in a folded element, a slash that folding made from another
// character, such as U+FF0F or U+2105: folding never makes a separator. It is a control
// character, so no name contains it.
const slashMark = "\x02"

// foldElement folds one element. Some file system may treat two names as the same if
// their elements fold alike.
func foldElement(elem string) string {
	return strings.ReplaceAll(fold(elem), "/", slashMark)
}

// foldElements folds a name element by element, so that their number does not change.
func foldElements(s string, foldOne func(string) string) string {
	elems := strings.Split(s, "/")
	for i, e := range elems {
		elems[i] = foldOne(e)
	}
	return strings.Join(elems, "/")
}

// caseFold folds case only; it keeps compatibility forms and ignorable characters.
func caseFold(s string) string { return cases.Fold().String(s) }

// decompose folds s as fold does, but leaves characters decomposed.
func decompose(s string) string {
	s = norm.NFKD.String(dropIgnorable(s))
	s = cases.Fold().String(s)
	return strings.ReplaceAll(norm.NFKD.String(dropIgnorable(s)), "/", slashMark)
}

// A spelledName is a name with all spellings that a file system could treat as the same
// name, for the deny patterns. A file system may keep a character, fold its case or its
// compatibility form, or ignore it, and it may compose a sequence of characters.
type spelledName struct {
	elems     []spelledElem
	forms     []string // the whole name folded, for the lookup of exact names
	has       byteSet  // bytes of the name and of its foldings
	wildcards bool     // an element has a wildcard
}

type spelledElem struct {
	written, folded    string
	cased, casedFolded string        // case-folded only, and the folding of that
	units              []spelledUnit // one for each written character
}

// A spelledUnit is a character, with the spellings of it and of the sequences that begin
// with it.
type spelledUnit struct {
	r          rune
	edges      []spelledEdge
	decomposed string // r folded and decomposed
	wildcard   int    // if not 0, this many units from here match any text

	begins bool // r composes with nothing before it
}

// A spelledEdge says that the next units can be spelled as label.
type spelledEdge struct {
	units    int
	label    string
	nonASCII bool // label has no ASCII, and is not empty
}

func newEdge(units int, label string) spelledEdge {
	has := strings.ContainsFunc(label, func(r rune) bool { return r < utf8.RuneSelf })
	return spelledEdge{units, label, label != "" && !has}
}

// maxMarks is the maximum number of characters that may compose with each other. A
// longer sequence is treated as a wildcard. It is the limit of Unicode's stream-safe text
// format.
const maxMarks = 30

// spellName returns nil if s has no other spelling.
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

// spellUnit returns the unit of r without context.
func spellUnit(r rune) spelledUnit {
	c := string(r)
	u := spelledUnit{r: r, edges: []spelledEdge{newEdge(1, c)}, decomposed: decompose(c), begins: !isIgnorable(r) && norm.NFKC.PropertiesString(c).BoundaryBefore()}
	for _, label := range [...]string{caseFold(c), foldElement(c)} {
		if label != u.edges[len(u.edges)-1].label && label != c {
			u.edges = append(u.edges, newEdge(1, label))
		}
	}
	return u
}

// spellElement fills in the units of e. known caches the units of characters already
// seen: a hostile name has hundreds of characters that are costly to fold, but few
// different ones.
func (n *spelledName) spellElement(e *spelledElem, known map[rune]spelledUnit) {
	elem := e.written
	begins := []int{} // starts of sequences that compose
	ends := []int{}   // byte offsets of the end of each unit
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
		decomposed := ""
		for _, u := range e.units[from:to] {
			decomposed += u.decomposed
		}
		first := &e.units[from]
		// Clone the edges: other units of the same character share them, but not this
		// sequence.
		first.edges = append(slices.Clip(first.edges), newEdge(to-from, foldElement(text)))
		// Marks in an unusual order, or in large numbers, have too many spellings to try.
		// Legitimate text has none, so the name is refused wherever it could match.
		if to-from > maxMarks || decomposed != decompose(text) {
			first.wildcard, n.wildcards = to-from, true
		}
	}
}

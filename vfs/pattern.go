package vfs

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// A Pattern says which names a rule means. It is one of
//
//   - a glob of doublestar's language: "*" and "?" inside an element, "**" for
//     any number of elements, "[a-z]", "{jpg,png}", "\" before a character
//     that is meant literally. A glob without any of them is an exact name;
//   - "re:" and a regular expression of RE2's language, which has to match the
//     whole name;
//   - a set of exact names: [NameSet], [ReadNameSet].
//
// A wildcard, in a glob or an expression, does not match a dot at the
// beginning of an element: the pattern has to spell it (".well-known/**"). Nor
// does it where only characters stand before the dot that some disks pass over.
//
// The zero Pattern matches nothing. Patterns are immutable.
type Pattern struct {
	src     string
	globs   []glob // the alternatives of a glob
	literal []Name // those of them that are exact names
	re      *expression
	set     *nameSet
}

// maxPatternBytes bounds the source of a pattern; names have at most a quarter.
const maxPatternBytes = 4 * MaxNameBytes

// ErrPattern is what every error of ParsePattern and ReadNameSet matches.
var ErrPattern = errors.New("bad pattern")

// ParsePattern makes a Pattern of a glob or of "re:" and an expression. The
// error matches [ErrPattern] and says what to write instead.
func ParsePattern(src string) (Pattern, error) {
	p := Pattern{src: src}
	var err error
	if len(src) > maxPatternBytes {
		return Pattern{}, fmt.Errorf("%w %.40q…: it is over %d bytes long", ErrPattern, src, maxPatternBytes)
	} else if !utf8.ValidString(src) {
		return Pattern{}, fmt.Errorf("%w %q: it is not UTF-8, as every name is", ErrPattern, src)
	}
	if expr, ok := strings.CutPrefix(src, "re:"); ok {
		p.re, err = compileExpression(expr)
	} else {
		p.globs, p.literal, err = compileGlob(src)
	}
	if err != nil {
		return Pattern{}, fmt.Errorf("%w %q: %w", ErrPattern, src, err)
	}
	return p, nil
}

// Patterns makes a list of Patterns. It panics if one of them is bad, so it is
// for patterns that stand in the program's text.
func Patterns(srcs ...string) []Pattern {
	ps := make([]Pattern, len(srcs))
	for i, src := range srcs {
		p, err := ParsePattern(src)
		if err != nil {
			panic("vfs: " + err.Error())
		}
		ps[i] = p
	}
	return ps
}

// String returns the pattern as it was written; for a set, its label.
func (p Pattern) String() string { return p.src }

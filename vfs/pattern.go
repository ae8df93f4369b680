package vfs

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// A Pattern matches names. It is one of
//
//   - a glob in doublestar's syntax: "*" and "?" within an element, "**" for any number
//     of elements, "[a-z]", "{jpg,png}", and "\" to quote the next character. A glob
//     without any of them is an exact name;
//   - "re:" followed by a regular expression in RE2 syntax, which has to match the
//     whole name;
//   - a set of exact names: [NameSet], [ReadNameSet].
//
// A wildcard, in a glob or an expression, does not match a dot at the beginning of an
// element: the pattern has to spell it (".well-known/**"). The same applies if the dot
// follows only characters that some disks ignore.
//
// The zero Pattern matches nothing. Patterns are immutable.
type Pattern struct {
	src     string
	globs   []glob // the alternatives of a glob
	literal []Name // the alternatives that are exact names
	re      *expression
	set     *nameSet
}

// maxPatternBytes bounds the source of a pattern, at four times the length of a name.
const maxPatternBytes = 4 * MaxNameBytes

// ErrPattern is matched by every error of ParsePattern, and by those of ReadNameSet
// about its lines.
var ErrPattern = errors.New("bad pattern")

// ParsePattern makes a Pattern from a glob, or from "re:" and an expression. The error
// matches [ErrPattern] and says what to write instead.
func ParsePattern(src string) (Pattern, error) {
	p := Pattern{src: src}
	var err error
	if len(src) > maxPatternBytes {
		return Pattern{}, fmt.Errorf("%w %.40q…: it has more than %d bytes", ErrPattern, src, maxPatternBytes)
	} else if !utf8.ValidString(src) {
		return Pattern{}, fmt.Errorf("%w %q: it is not valid UTF-8", ErrPattern, src)
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

// Patterns makes a list of Patterns. It panics if one of them is invalid, so use it for
// patterns in the program's source.
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

// String returns the pattern as written, or the label of a set.
func (p Pattern) String() string { return p.src }

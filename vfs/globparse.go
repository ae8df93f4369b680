package vfs

import (
	"errors"
	"fmt"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// compileGlob returns the alternatives of src. Exact names are returned separately,
// since a table looks them up.
func compileGlob(src string) (globs []glob, literal []Name, err error) {
	switch {
	case src == "":
		return nil, nil, errors.New(`it is empty; "**" matches every name`)
	case !doublestar.ValidatePattern(src):
		return nil, nil, errors.New(`an unclosed [ or { or a \ at the end; write \[ for a literal one`)
	}
	alts, err := expandBraces(src)
	if err != nil {
		return nil, nil, err
	}
	for _, alt := range alts {
		g, name, err := compileAlternative(alt)
		if err != nil {
			return nil, nil, err
		}
		if name != "" {
			literal = append(literal, Name{name})
		} else {
			globs = append(globs, g)
		}
	}
	return globs, literal, nil
}

func compileAlternative(alt string) (g glob, name string, err error) {
	exact := true
	for _, s := range splitSegments(alt) {
		if s == "" {
			return g, "", errors.New("names have no leading, trailing or doubled slash; a directory's content is dir/**")
		}
		seg, err := compileSegment(s)
		if err != nil {
			return g, "", err
		}
		exact = exact && seg.kind == segLiteral
		// "**/**" equals "**", with one state less.
		if n := len(g.segs); seg.kind == segDouble && n > 0 && g.segs[n-1].kind == segDouble {
			continue
		}
		g.segs = append(g.segs, seg)
	}
	if exact {
		elems := make([]string, len(g.segs))
		for i, seg := range g.segs {
			elems[i] = seg.pre
		}
		name = strings.Join(elems, "/")
		if r := checkName(name); r != "" {
			return g, "", fmt.Errorf("no name can match it: %s", r.Detail())
		}
		return g, name, nil
	}
	if len(g.segs) > maxSegments {
		return g, "", fmt.Errorf("it has more than %d segments", maxSegments)
	}
	g.prepare()
	return g, "", nil
}

func compileSegment(s string) (segment, error) {
	if s == "**" {
		return segment{kind: segDouble}, nil
	}
	s = squeezeStars(s)
	var lit strings.Builder
	stars, star := 0, 0 // the number of "*", and the position in lit of the last one
	complex := false
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
			lit.WriteByte(s[i])
		case '*':
			if stars++; stars == 1 {
				star = lit.Len()
			}
		case '[', '?':
			complex = true
		default:
			lit.WriteByte(s[i])
		}
	}
	text := lit.String()
	dot := s[0] == '.' || strings.HasPrefix(s, `\.`) || isDisguised(s)
	switch {
	case s == "*":
		return segment{kind: segAny}, nil
	case !complex && stars == 0:
		if r := checkElement(text); r != "" {
			return segment{}, fmt.Errorf("no name can match it: %s", r.Detail())
		}
		return segment{kind: segLiteral, pre: text, dot: dot}, nil
	case !complex && stars == 1:
		return segment{kind: segAffix, pre: text[:star], suf: text[star:], dot: dot}, nil
	}
	if !doublestar.ValidatePattern(s) {
		return segment{}, errors.New("a [class] cannot contain a slash")
	}
	return segment{kind: segComplex, pattern: s, dot: dot}, nil
}

// squeezeStars replaces a run of stars by one star, which means the same. doublestar
// does not let a run at the end match nothing.
func squeezeStars(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		b.WriteByte(s[i])
		switch s[i] {
		case '\\':
			i++
			b.WriteByte(s[i])
		case '*':
			for i+1 < len(s) && s[i+1] == '*' {
				i++
			}
		}
	}
	return b.String()
}

// splitSegments splits a valid, brace-free pattern at its slashes. It also splits at a
// slash within a class, which leaves an unclosed class; that is reported later.
func splitSegments(s string) []string {
	var segs []string
	start := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
			if i < len(s) && s[i] == '/' {
				segs, start = append(segs, s[start:i-1]), i+1
			}
		case '/':
			segs, start = append(segs, s[start:i]), i+1
		}
	}
	return append(segs, s[start:])
}

// expandBraces expands a valid pattern into its brace-free alternatives.
func expandBraces(s string) ([]string, error) {
	open := indexMeta(s, '{')
	if open < 0 {
		return []string{s}, nil
	}
	var parts []string
	depth, start, end := 1, open+1, -1
	for i := open + 1; i < len(s) && end < 0; i++ {
		switch s[i] {
		case '\\':
			i++
		case '[':
			i += classLen(s[i:]) - 1
		case '{':
			depth++
		case ',':
			if depth == 1 {
				parts, start = append(parts, s[start:i]), i+1
			}
		case '}':
			if depth--; depth == 0 {
				parts, end = append(parts, s[start:i]), i
			}
		}
	}
	if end < 0 {
		return nil, errors.New("an unclosed {")
	}
	var alts []string
	for _, part := range parts {
		more, err := expandBraces(joinStars(joinStars(s[:open], part), s[end+1:]))
		if err != nil {
			return nil, err
		}
		if alts = append(alts, more...); len(alts) > maxAlternatives {
			return nil, fmt.Errorf("its braces expand to more than %d patterns", maxAlternatives)
		}
	}
	return alts, nil
}

// joinStars joins two parts of a pattern. If stars of different parts meet, it writes
// at least three, which count as one: "{a,*}{b,*}" stands for one element, and "**"
// would match at any depth.
func joinStars(a, b string) string {
	if strings.HasSuffix(a, "*") && strings.HasPrefix(b, "*") {
		return a + "*" + b
	}
	return a + b
}

// indexMeta returns the index of the first c that is neither escaped nor in a class.
func indexMeta(s string, c byte) int {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '[':
			i += classLen(s[i:]) - 1
		case c:
			return i
		}
	}
	return -1
}

// classLen returns the length of the class at the start of s, or 1 if it is not closed.
func classLen(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case ']':
			if i > 1 {
				return i + 1
			}
		}
	}
	return 1
}

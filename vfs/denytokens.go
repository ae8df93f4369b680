package vfs

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// A token is a part of a deny pattern's segment: either one character, which is
// compared folded, or a wildcard, which matches characters as written.
type token struct {
	op    tokenOp
	r     rune
	class *runeClass
}

type tokenOp uint8

const (
	tokenRune  tokenOp = iota
	tokenAny           // ?
	tokenClass         // [a-z]
	tokenStar          // *
)

// A runeClass is the content of a bracket expression.
type runeClass struct {
	negated bool
	ranges  []rune // pairs, as written
	folded  []rune // foldings of single members, sorted; only if not negated
}

func (c *runeClass) match(r rune) bool {
	in := false
	for i := 0; i < len(c.ranges) && !in; i += 2 {
		in = c.ranges[i] <= r && r <= c.ranges[i+1]
	}
	if c.negated {
		return !in
	}
	if !in {
		_, in = slices.BinarySearch(c.folded, r)
	}
	return in
}

// denySegment compiles a segment so that it matches names in all their spellings:
// literal runs are folded; a class or a question mark matches one character as written.
func denySegment(s string) (segment, error) {
	if s == "**" {
		return segment{kind: segDouble}, nil
	}
	seg := segment{kind: segLiteral, dot: true}
	var run strings.Builder
	var runs []string
	flush := func() {
		text := run.String()
		run.Reset()
		runs = append(runs, foldElement(text))
		seg.tokens = appendRunes(seg.tokens, foldElement(text))
		seg.apart = appendRunes(seg.apart, decompose(text))
	}
	wild := func(t token) {
		flush()
		seg.tokens, seg.apart = append(seg.tokens, t), append(seg.apart, t)
	}
	for i := 0; i < len(s); {
		switch c := s[i]; c {
		case '\\':
			_, size := utf8.DecodeRuneInString(s[i+1:])
			run.WriteString(s[i+1 : i+1+size])
			i += 1 + size
		case '*':
			for i < len(s) && s[i] == '*' {
				i++
			}
			wild(token{op: tokenStar})
			seg.kind = max(seg.kind, segAffix)
			if len(runs) > 1 {
				seg.kind = segComplex
			}
		case '?':
			i++
			wild(token{op: tokenAny})
			seg.kind = segComplex
		case '[':
			class, size, err := parseClass(s[i:])
			if err != nil {
				return seg, err
			}
			i += size
			wild(token{op: tokenClass, class: class})
			seg.kind = segComplex
		default:
			run.WriteByte(c)
			i++
		}
	}
	flush()
	switch {
	case seg.kind == segLiteral:
		seg.pre = runs[0]
	case s[0] == '*' && len(seg.tokens) == 1:
		return segment{kind: segAny}, nil
	case seg.kind == segAffix:
		seg.pre, seg.suf = runs[0], runs[1]
	}
	if slices.Equal(seg.apart, seg.tokens) {
		seg.apart = nil
	}
	return seg, nil
}

func appendRunes(tokens []token, s string) []token {
	for _, r := range s {
		tokens = append(tokens, token{op: tokenRune, r: r})
	}
	return tokens
}

// parseClass parses the class at the start of s, as doublestar does.
func parseClass(s string) (c *runeClass, size int, err error) {
	bad := errors.New("an unclosed [ or an empty class")
	c = &runeClass{}
	i := 1
	if i < len(s) && (s[i] == '^' || s[i] == '!') {
		c.negated = true
		i++
	}
	one := func() (rune, bool) {
		if i < len(s) && s[i] == '\\' {
			i++
		}
		if i >= len(s) {
			return 0, false
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		i += size
		return r, true
	}
	for first := true; ; first = false {
		if i >= len(s) || first && s[i] == ']' {
			return nil, 0, bad
		}
		if s[i] == ']' {
			i++
			break
		}
		lo, ok := one()
		hi := lo
		if ok && i+1 < len(s) && s[i] == '-' && s[i+1] != ']' {
			i++
			hi, ok = one()
		}
		if !ok {
			return nil, 0, bad
		}
		c.ranges = append(c.ranges, lo, hi)
	}
	if !c.negated {
		c.folded = foldedMembers(c.ranges)
	}
	return c, i, nil
}

// foldedMembers returns the single characters that members of the ranges fold to.
func foldedMembers(ranges []rune) []rune {
	var out []rune
	for i := 0; i < len(ranges); i += 2 {
		if ranges[i+1]-ranges[i] > 4096 {
			for _, f := range singleFolds() {
				if ranges[i] <= f[0] && f[0] <= ranges[i+1] {
					out = append(out, f[1])
				}
			}
			continue
		}
		for r := max(ranges[i], 'A'); r <= min(ranges[i+1], unicode.MaxRune); r++ {
			if r < utf8.RuneSelf {
				out = append(out, unicode.ToLower(r))
				continue
			}
			out = appendSingleFolds(out, r)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// appendSingleFolds appends the single characters, other than r itself, that r folds
// to.
func appendSingleFolds(out []rune, r rune) []rune {
	if !utf8.ValidRune(r) {
		return out
	}
	for _, f := range [...]string{caseFold(string(r)), foldElement(string(r))} {
		if one, size := utf8.DecodeRuneInString(f); size == len(f) && size > 0 && one != r {
			out = append(out, one)
		}
	}
	return out
}

// singleFolds returns all pairs of a character and a single character that it folds to.
// Above the third plane there are only tags and variation selectors, which fold to
// nothing.
var singleFolds = sync.OnceValue(func() (pairs [][2]rune) {
	for r := rune('A'); r < 0x33500; r++ {
		for _, f := range appendSingleFolds(nil, r) {
			pairs = append(pairs, [2]rune{r, f})
		}
	}
	return pairs
})

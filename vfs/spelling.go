package vfs

import (
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// foldSpelling maps names that differ only in case or normal form to one string: names
// that APFS, NTFS, HFS+ and ext4's casefold treat as the same. It keeps compatibility
// forms and ignorable characters, unlike fold, which is for deny patterns: it must
// remain possible to create "x2" beside "x²".
func foldSpelling(s string) string {
	if is := traitsOf(s); is.ascii {
		return strings.ToLower(s)
	}
	return norm.NFD.String(cases.Fold().String(norm.NFD.String(s)))
}

// A spelling stands for all spellings of one element, identified by its folded form.
type spelling struct {
	folded string
	runes  []rune
}

func newSpelling(elem string) spelling {
	f := foldSpelling(elem)
	return spelling{f, []rune(f)}
}

// is reports whether elem is a spelling.
func (s spelling) is(elem string) bool {
	if traitsOf(elem).ascii {
		return len(elem) == len(s.folded) && strings.EqualFold(elem, s.folded)
	}
	return foldSpelling(elem) == s.folded
}

// next returns a lower bound, in byte order, for the keys of all spellings that come
// after key, so that a caller can skip the part of a listing between key and bound. ok
// is false if no spelling comes after key. A directory's key ends in a slash, so that
// of "a" comes after "a-b".
//
// It leaves out spellings that have combining marks in a non-canonical order.
func (s spelling) next(key string) (bound string, ok bool) {
	type point struct{ bytes, runes int } // key[:bytes] spells runes[:runes]
	points := []point{{}}
	for i, r := range key {
		at := points[len(points)-1].runes
		f := foldRune(r)
		if !hasPrefix(s.runes[at:], f) {
			break
		}
		points = append(points, point{i + utf8.RuneLen(r), at + len(f)})
	}
	for _, p := range slices.Backward(points) {
		if p.runes == len(s.runes) {
			if dir := key[:p.bytes] + "/"; dir > key {
				return dir, true
			}
			continue
		}
		try := func(r rune) {
			b := key[:p.bytes] + string(r)
			if b > key && (!ok || b < bound) && hasPrefix(s.runes[p.runes:], foldRune(r)) {
				bound, ok = b, true
			}
		}
		first := s.runes[p.runes]
		try(first)
		for _, r := range respelled()[first] {
			try(r)
		}
		if ok {
			return bound, true
		}
	}
	return "", false
}

func hasPrefix(s, prefix []rune) bool {
	return len(s) >= len(prefix) && slices.Equal(s[:len(prefix)], prefix)
}

func foldRune(r rune) []rune { return []rune(foldSpelling(string(r))) }

// respelled maps a character to the other characters whose folding begins with it.
// Above the second plane, all characters except compatibility ideographs fold to
// themselves.
var respelled = sync.OnceValue(func() map[rune][]rune {
	m := map[rune][]rune{}
	for r := ' '; r < 0x30000; r++ {
		if 0xD800 <= r && r <= 0xDFFF {
			continue
		}
		if f := foldRune(r); f[0] != r {
			m[f[0]] = append(m[f[0]], r)
		}
	}
	return m
})

// justBelow returns a string that sorts immediately before bound, among names.
func justBelow(bound string) string {
	r, size := utf8.DecodeLastRuneInString(bound)
	switch r--; {
	case 0xD800 <= r && r <= 0xDFFF:
		r = 0xD7FF
	case r == '/': // it would begin another directory
		r--
	}
	return bound[:len(bound)-size] + string(r) + "\U0010FFFD"
}

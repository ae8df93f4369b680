package vfs

import (
	"strings"
	"unicode"
	"unicode/utf8"
	"unsafe"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// fold maps every spelling that some file system takes for the same name to
// one string: compatibility normal form, full case folding, ignorable
// characters removed (Unicode's NFKC_Casefold). Deny patterns match on it, so
// that "SECRET", "ſecret" or "sec\u200dret" cannot slip past a deny of
// "secret" on a disk that folds.
//
// s must be valid UTF-8.
func fold(s string) string {
	var buf foldBuffer
	if f, ok := buf.fold(s); ok {
		return strings.Clone(f)
	}
	return foldUnicode(s)
}

func foldUnicode(s string) string {
	s = norm.NFKC.String(dropIgnorable(s))
	s = cases.Fold().String(s)
	return norm.NFKC.String(dropIgnorable(s))
}

// ignorable characters have no glyph; HFS+ and ext4's casefold compare names
// without them (CVE-2014-9390).
var ignorable = []*unicode.RangeTable{
	unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector, unicode.Cf,
}

func dropIgnorable(s string) string {
	for i, r := range s {
		if r >= utf8.RuneSelf && unicode.In(r, ignorable...) {
			b := append(make([]byte, 0, len(s)), s[:i]...)
			for _, r := range s[i:] {
				if r < utf8.RuneSelf || !unicode.In(r, ignorable...) {
					b = utf8.AppendRune(b, r)
				}
			}
			return string(b)
		}
	}
	return s
}

// A foldBuffer folds ASCII names without allocating.
type foldBuffer [MaxNameBytes]byte

// fold returns the folded s if s is ASCII; the result lives as long as b.
func (b *foldBuffer) fold(s string) (string, bool) {
	if len(s) > len(b) {
		return "", false
	}
	upper := false
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= utf8.RuneSelf {
			return "", false
		}
		upper = upper || 'A' <= c && c <= 'Z'
	}
	if !upper {
		return s, true
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		b[i] = c
	}
	// Copying to a string would be the one allocation of a verdict. Nothing
	// writes to b while the string is in use.
	return unsafe.String(&b[0], len(s)), true
}

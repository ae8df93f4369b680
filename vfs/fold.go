package vfs

import (
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
	"unsafe"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// fold maps all spellings that some file system treats as the same name to one string:
// compatibility normal form, full case folding, ignorable characters removed (Unicode's
// NFKC_Casefold). Deny patterns match the result, so that "SECRET", "ſecret" or
// "sec\u200dret" cannot bypass a deny of "secret" on a disk that folds.
//
// s must be valid UTF-8.
func fold(s string) string {
	switch t := traitsOf(s); {
	case t.lower:
		return s
	case t.ascii:
		return strings.ToLower(s)
	}
	return foldUnicode(s)
}

// A byteSet records which bytes a text contains, ignoring the case of letters. Several
// bytes share a bit, so it can prove that a byte is absent, but not that it is present.
type byteSet uint64

func bytesOf(s string) byteSet { return traitsOf(s).has }

// traits are what one pass over the bytes of a name finds out.
type traits struct {
	has   byteSet
	ascii bool
	lower bool // ASCII without capitals: folding does not change it
}

func traitsOf(s string) traits {
	var has byteSet
	var all byte
	upper := false
	for i := 0; i < len(s); i++ {
		c := s[i]
		has |= 1 << (c&31 | c>>1&32)
		all |= c
		upper = upper || c-'A' < 26
	}
	ascii := all < utf8.RuneSelf
	return traits{has, ascii, ascii && !upper}
}

func foldUnicode(s string) string {
	s = norm.NFKC.String(dropIgnorable(s))
	s = cases.Fold().String(s)
	return norm.NFKC.String(dropIgnorable(s))
}

// ignorable characters have no glyph. HFS+ and ext4's casefold compare names without
// them (CVE-2014-9390).
var ignorable = []*unicode.RangeTable{
	unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector, unicode.Cf,
}

func isIgnorable(r rune) bool { return r >= utf8.RuneSelf && unicode.In(r, ignorable...) }

func dropIgnorable(s string) string {
	for i, r := range s {
		if isIgnorable(r) {
			b := append(make([]byte, 0, len(s)), s[:i]...)
			for _, r := range s[i:] {
				if !isIgnorable(r) {
					b = utf8.AppendRune(b, r)
				}
			}
			return string(b)
		}
	}
	return s
}

// A nameBuffer holds another spelling of a name during matching, so that a verdict does
// not allocate.
type nameBuffer [MaxNameBytes]byte

var nameBuffers = sync.Pool{New: func() any { return new(nameBuffer) }}

// spell returns the name with each byte replaced by change(previous byte, byte). The
// result is valid until b is used again or put back.
func (b *nameBuffer) spell(name string, change func(before, c byte) byte) string {
	before := byte('/')
	for i := 0; i < len(name); i++ {
		b[i] = change(before, name[i])
		before = name[i]
	}
	// Copying to a string would be the only allocation of a verdict. Nothing writes to
	// b while the string is in use.
	return unsafe.String(&b[0], len(name))
}

func lowerASCII(_, c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

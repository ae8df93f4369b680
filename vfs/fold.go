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

// fold maps every spelling that some file system takes for the same name to
// one string: compatibility normal form, full case folding, ignorable
// characters removed (Unicode's NFKC_Casefold). Deny patterns match on it, so
// that "SECRET", "ſecret" or "sec\u200dret" cannot slip past a deny of
// "secret" on a disk that folds.
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

// A byteSet says which bytes a text has, letters without regard to case. Others
// can share a bit: it can tell that a byte is missing, and not that it is there.
type byteSet uint64

func bytesOf(s string) byteSet { return traitsOf(s).has }

// traits are what one look at the bytes of a name tells.
type traits struct {
	has   byteSet
	ascii bool
	lower bool // ASCII without capitals, which folding leaves as it is
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

// ignorable characters have no glyph; HFS+ and ext4's casefold compare names
// without them (CVE-2014-9390).
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

// A nameBuffer holds another spelling of a name while it is matched, so that a
// verdict allocates nothing.
type nameBuffer [MaxNameBytes]byte

var nameBuffers = sync.Pool{New: func() any { return new(nameBuffer) }}

// spell returns the name with each byte put through change, which is given the
// one before it, too. The result lives until b is used again or put back.
func (b *nameBuffer) spell(name string, change func(before, c byte) byte) string {
	before := byte('/')
	for i := 0; i < len(name); i++ {
		b[i] = change(before, name[i])
		before = name[i]
	}
	// Copying to a string would be the one allocation of a verdict. Nothing
	// writes to b while the string is in use.
	return unsafe.String(&b[0], len(name))
}

func lowerASCII(_, c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

package vfs

import (
	"strings"
	"unicode/utf8"

	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// checkName implements the grammar of names; nothing else does. It returns "" or the
// reason why s is not a name.
//
// One pass over the bytes finds every violation in ASCII. Only names with other bytes
// need the second pass.
func checkName(s string) Reason {
	if s == "" {
		return reason.NameEmpty
	}
	if len(s) > MaxNameBytes {
		return reason.NameTooLong
	}
	ascii := true
	start := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '/':
			if r := checkElement(s[start:i]); r != "" {
				return r
			}
			start = i + 1
		case c == '\\':
			return reason.NameBackslash
		case c == 0:
			return reason.NameNUL
		case c < 0x20 || c == 0x7f:
			return reason.NameControl
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	if r := checkElement(s[start:]); r != "" {
		return r
	}
	if !ascii {
		return checkRunes(s)
	}
	return ""
}

func checkElement(e string) Reason {
	switch {
	case e == "":
		return reason.NameSlash
	case e == ".":
		return reason.NameDot
	case e == "..":
		return reason.NameDotDot
	case len(e) > MaxElementBytes:
		return reason.NameElementTooLong
	}
	return ""
}

func checkRunes(s string) Reason {
	// Check validity first: normalization of ill-formed input has looped forever
	// (CVE-2026-56852), and an overlong form hides the byte it encodes.
	if !utf8.ValidString(s) {
		return reason.NameUTF8
	}
	for _, r := range s {
		switch {
		case r < utf8.RuneSelf:
		case r <= 0x9f:
			return reason.NameControl
		case isBidiControl(r):
			return reason.NameBidi
		// A byte order mark is invisible; the two separators end a line in
		// JavaScript and in some log viewers; noncharacters are reserved for
		// internal use.
		case r == 0xfeff, r == 0x2028, r == 0x2029, isNoncharacter(r):
			return reason.NameUnicode
		}
	}
	return ""
}

// isBidiControl reports whether r can make a name look like another: "exe.\u202egpj" is
// displayed with "jpg" at its end.
func isBidiControl(r rune) bool {
	switch {
	case r == 0x061c, r == 0x200e, r == 0x200f:
		return true
	case 0x202a <= r && r <= 0x202e, 0x2066 <= r && r <= 0x2069:
		return true
	}
	return false
}

func isNoncharacter(r rune) bool {
	return 0xfdd0 <= r && r <= 0xfdef || r&0xfffe == 0xfffe
}

// hasDotElement reports whether an element of s begins with a dot.
func hasDotElement(s string) bool {
	return s != "" && s[0] == '.' || strings.Contains(s, "/.")
}

// isDisguised reports whether elem begins with a dot after characters that some file
// systems ignore: on HFS+ and ext4's casefold "\u200c.git" opens ".git"
// (CVE-2014-9390).
func isDisguised(elem string) bool {
	if elem == "" || elem[0] < utf8.RuneSelf {
		return false
	}
	rest := strings.TrimLeftFunc(elem, isIgnorable)
	return len(rest) < len(elem) && strings.HasPrefix(rest, ".")
}

// hasDisguised reports whether an element of s is disguised.
func hasDisguised(s string) bool {
	if traitsOf(s).ascii {
		return false
	}
	for elem := range strings.SplitSeq(s, "/") {
		if isDisguised(elem) {
			return true
		}
	}
	return false
}

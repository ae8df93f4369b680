package server

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// disposition returns a Content-Disposition (RFC 6266) of the kind, "attachment"
// or "inline", for a file called filename, whatever that holds. Clients that know
// RFC 8187 get the name from filename*, the others an ASCII fallback.
//
// Both are names that a client can save on any system: clients use them as they are,
// and a file called ".." or one of 1,000 bytes cannot be made; ".bashrc" and "NUL" can
// do harm.
func disposition(kind, filename string) string {
	name := savedName(filename)
	return kind + "; filename=" + quoted(savedName(asciiFilename(name))) + "; filename*=UTF-8''" + percentEncode(name)
}

// savedName returns what a client is to call what was called filename: that, as far as
// every system can hold it. A slash is a letter of it, as in "AC/DC", and no path.
func savedName(filename string) string {
	return vfs.SafeName(noSlashes(filename), vfs.SafeNameOptions{}).String()
}

var noSlashes = strings.NewReplacer("/", "_", `\`, "_").Replace

// quoted returns s, which has no quote or backslash, as a value of a parameter. What is
// not a token by RFC 9110 has quotes; mime.FormatMediaType takes braces for a token's.
func quoted(s string) string {
	if isToken(s) {
		return s
	}
	return `"` + s + `"`
}

// asciiFilename returns s in ASCII: letters lose their accents, other characters turn
// into "_". It has no percent sign, quote or backslash, about which clients disagree,
// and of what is nothing but such characters "file" is left.
func asciiFilename(s string) string {
	ext := extension(s)
	stem := toASCII(strings.TrimSuffix(s, ext))
	if strings.Trim(stem, "._ ") == "" {
		stem = "file"
	}
	if ext = toASCII(ext); strings.Trim(ext, "._") == "" {
		ext = ""
	}
	return stem + ext
}

func toASCII(s string) string {
	var b strings.Builder
	for _, r := range norm.NFD.String(s) {
		switch {
		case r == '%', r == '"', r == '\\':
			b.WriteByte('_')
		case ' ' <= r && r < 0x7f:
			b.WriteByte(byte(r))
		case !unicode.Is(unicode.Mn, r):
			b.WriteByte('_')
		}
	}
	return b.String()
}

// extension returns the end of s from its last dot on, "" if that is too long
// for one or holds more than letters and digits.
func extension(s string) string {
	i := strings.LastIndexByte(s, '.')
	if i < 0 || len(s)-i > 16 || strings.ContainsFunc(s[i+1:], func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		return ""
	}
	return s[i:]
}

// percentEncode encodes all but RFC 8187's attr-char.
func percentEncode(s string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("!#$&+-.^_`|~", c) >= 0 {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', digits[c>>4], digits[c&0xf]})
		}
	}
	return b.String()
}

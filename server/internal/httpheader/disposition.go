package httpheader

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// FormatDisposition returns a Content-Disposition (RFC 6266) of the kind, "attachment" or
// "inline", for any filename. Clients that support RFC 8187 use filename*, the others an
// ASCII fallback.
//
// Both names can be saved on any system. Clients use them as they are: a file called ".."
// or one of 1,000 bytes cannot be created, and ".bashrc" or "NUL" can do harm.
func FormatDisposition(kind, filename string) string {
	name := savedName(filename)
	return kind + "; filename=" + quoted(savedName(asciiFilename(name))) + "; filename*=UTF-8''" + percentEncode(name)
}

// savedName returns the name under which a client should save filename: one that every
// system accepts. A slash is part of the name, as in "AC/DC", and does not make a path.
func savedName(filename string) string {
	return vfs.SafeName(noSlashes(filename), vfs.SafeNameOptions{}).String()
}

var noSlashes = strings.NewReplacer("/", "_", `\`, "_").Replace

// quoted returns s, which has no quote or backslash, as the value of a parameter. It adds
// quotes unless s is a token of RFC 9110; mime.FormatMediaType accepts braces in tokens.
func quoted(s string) string {
	if IsToken(s) {
		return s
	}
	return `"` + s + `"`
}

// asciiFilename returns s in ASCII: letters lose their accents, other characters become
// "_", and so do percent signs, quotes and backslashes, which clients read differently.
// If nothing else remains, it is "file".
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

// extension returns s from its last dot on; "" if that is too long for an extension or has
// other characters than letters and digits.
func extension(s string) string {
	i := strings.LastIndexByte(s, '.')
	if i < 0 || len(s)-i > 16 || strings.ContainsFunc(s[i+1:], func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		return ""
	}
	return s[i:]
}

// percentEncode encodes every byte but those of attr-char (RFC 8187).
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

package server

import (
	"mime"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxFilenameBytes bounds a file name in a header. What a user called a file he
// gets back whole, up to maxUploadNameBytes: file systems that count characters
// let names grow that long. Both of its spellings still fit in the 4 KiB that many
// proxies take for all headers together.
const (
	maxFilenameBytes   = 255
	maxUploadNameBytes = 1024
)

// disposition returns a Content-Disposition (RFC 6266) of the kind, "attachment"
// or "inline", for a file called filename, whatever that holds: it is one line,
// and mime.ParseMediaType reads the clean name back. Clients that know RFC 8187
// get that from filename*, the others an ASCII fallback.
func disposition(kind, filename string) string {
	return dispositionUpTo(maxFilenameBytes, kind, filename)
}

// dispositionUpTo is disposition with a bound of its own.
func dispositionUpTo(limit int, kind, filename string) string {
	clean := cleanFilename(filename, limit)
	if clean == "" {
		return kind
	}
	// FormatMediaType would emit only one of the two for a filename that is not
	// ASCII. A key that ends in a star it takes as it is.
	return mime.FormatMediaType(kind, map[string]string{
		"filename":  asciiFilename(cleanFilename(clean, maxFilenameBytes)),
		"filename*": "UTF-8''" + percentEncode(clean),
	})
}

// cleanFilename takes out of a name what could break a header, move a cursor or
// make the name look like another, and what a client might take for a path. It
// cuts what is over limit bytes out, before the extension.
func cleanFilename(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError, unicode.IsControl(r), r == '\u2028', r == '\u2029', r == '\ufeff',
			unicode.Is(unicode.Bidi_Control, r):
			return -1
		case r == '/', r == '\\':
			return '_'
		}
		return r
	}, s)
	if len(s) <= limit {
		return s
	}
	ext := extension(s)
	stem := s[:limit-len(ext)]
	for !utf8.ValidString(stem) {
		stem = stem[:len(stem)-1]
	}
	return stem + ext
}

// asciiFilename returns what an old client is to call the file: letters lose
// their accents, other characters turn into "_". It has no percent sign, quote
// or backslash, about which clients disagree, and it is never empty or only an
// extension.
func asciiFilename(s string) string {
	ext := extension(s)
	stem := toASCII(strings.TrimSuffix(s, ext))
	if strings.Trim(stem, "._ ") == "" {
		stem = "file"
	}
	if ext = toASCII(ext); strings.Trim(ext, "._") == "" {
		ext = ""
	}
	// A lone accent before a dot leaves a name that Unix hides.
	if stem[0] == '.' && s[0] != '.' {
		stem = "file" + stem
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

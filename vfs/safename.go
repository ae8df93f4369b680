package vfs

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// SafeNameOptions are the options of SafeName.
type SafeNameOptions struct {
	// MaxBytes bounds the result; 0 is MaxElementBytes. Less than 16 is 16.
	MaxBytes int
	// Fallback is the stem to use if nothing of the user's stem remains; "" means
	// "file".
	Fallback string
}

// SafeName makes a Name of one element from the file name that a user's browser sent.
// It serves the purpose of werkzeug's secure_filename, but keeps what a person would
// recognize: letters of all scripts, spaces, case. The result can be created on every
// system: it is in normal form C, within MaxBytes, never empty or invisible, and never
// a dotfile, a device name or a path. It keeps the extension, even if nothing else
// remains: ".jpg" becomes "file.jpg".
//
// Two files can have the same SafeName. To store uploads, let the server make the names
// and store the user's names separately.
func SafeName(filename string, opts SafeNameOptions) Name {
	limit := opts.MaxBytes
	if limit <= 0 || limit > MaxElementBytes {
		limit = MaxElementBytes
	}
	limit = max(limit, 16)
	fallback := cleanElement(opts.Fallback)
	if !isVisible(fallback) || strings.ContainsAny(fallback, `/\`) {
		fallback = "file"
	}

	// Some browsers have sent whole paths: use the last element.
	s := filename[strings.LastIndexAny(filename, `/\`)+1:]
	stem, ext := splitExtension(cleanCharacters(s))
	if !isVisible(stem) {
		stem = fallback
	}
	s = boundElement(trimElement(stem+ext), limit)
	if isDeviceName(s) || isDisguised(s) {
		s = boundElement("_"+s, limit)
	}
	return Name{s}
}

// cleanElement drops or replaces what a created name must not contain.
func cleanElement(s string) string { return trimElement(cleanCharacters(s)) }

func cleanCharacters(s string) string {
	s = norm.NFC.String(strings.ToValidUTF8(s, ""))
	s = strings.Map(func(r rune) rune {
		switch {
		case strings.ContainsRune(`:*?"<>|`, r):
			return '_'
		case r < 0x20, 0x7f <= r && r <= 0x9f, isBidiControl(r), isNoncharacter(r),
			r == 0xfeff, r == 0x2028, r == 0x2029:
			return -1
		}
		return r
	}, s)
	// Dropping a character can join two others that compose.
	return norm.NFC.String(s)
}

// trimElement trims dots and spaces from both ends, which also disposes of "..", ".env"
// and "con. ". From the start it trims every invisible character as well: some file
// systems ignore them, so that a dot after them would make a dotfile.
func trimElement(s string) string {
	s = strings.TrimRight(s, ". ")
	return strings.TrimLeftFunc(s, isBlank)
}

// splitExtension splits s at its last dot, which begins the extension. Something that
// contains a space, or nothing visible, is not an extension.
func splitExtension(s string) (stem, ext string) {
	s = strings.TrimRight(s, ". ")
	i := strings.LastIndexByte(s, '.')
	if i < 0 || strings.ContainsFunc(s[i:], unicode.IsSpace) || !isVisible(s[i:]) {
		return s, ""
	}
	return s[:i], s[i:]
}

// isVisible reports whether s contains a visible character other than a dot.
func isVisible(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return !isBlank(r) })
}

// isBlank reports whether r is a dot, a space or invisible.
func isBlank(r rune) bool {
	switch {
	case r == '.', unicode.IsSpace(r), r == '\u2800': // U+2800 is the blank Braille pattern
		return true
	case unicode.Is(unicode.Prepended_Concatenation_Mark, r): // visible, although a format character
		return false
	}
	return isIgnorable(r)
}

// boundElement shortens s by cutting its stem and keeps the extension. An extension
// that would leave no room for a stem is not treated as one. s begins with a visible
// character, so the stem does not become empty.
func boundElement(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	ext := ""
	if i := strings.LastIndexByte(s, '.'); i > 0 && len(s)-i <= limit/2 {
		s, ext = s[:i], s[i:]
	}
	cut := limit - len(ext)
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return strings.TrimRight(s[:cut], ". ") + ext
}

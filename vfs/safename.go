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
	// Fallback is the stem of the result where nothing of the user's is left;
	// "" is "file".
	Fallback string
}

// SafeName makes a Name of one element out of what a user's browser sent as a
// file's name. It is what werkzeug's secure_filename is for, and keeps what a
// person would recognise: letters of all scripts, spaces, case. The result may
// be created on every system: it is in normal form C, within MaxBytes, never
// empty or invisible, never a dotfile, a device name or a path. The extension is
// kept, also where it is all that can be kept: ".jpg" becomes "file.jpg".
//
// Two files can have one SafeName. To store uploads, let the server make the
// names and keep the user's beside them.
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

	// Some browsers have sent whole paths; what counts is the last element.
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

// cleanElement drops or replaces what no created name may hold.
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
	// Dropping a character can bring two others together that compose.
	return norm.NFC.String(s)
}

// trimElement takes off the dots and spaces at both ends, without which "..", ".env"
// and "con. " are gone, too. At the beginning it takes all that nobody can see: some
// file systems pass over it, so that a dot behind it would make a dotfile.
func trimElement(s string) string {
	s = strings.TrimRight(s, ". ")
	return strings.TrimLeftFunc(s, isBlank)
}

// splitExtension splits s at its last dot, which begins the extension. What holds
// a space or nothing that can be seen is none.
func splitExtension(s string) (stem, ext string) {
	s = strings.TrimRight(s, ". ")
	i := strings.LastIndexByte(s, '.')
	if i < 0 || strings.ContainsFunc(s[i:], unicode.IsSpace) || !isVisible(s[i:]) {
		return s, ""
	}
	return s[:i], s[i:]
}

// isVisible reports whether s holds anything besides dots that a person can see.
func isVisible(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return !isBlank(r) })
}

// isBlank reports a dot, a space, or a character that shows nothing.
func isBlank(r rune) bool {
	switch {
	case r == '.', unicode.IsSpace(r), r == '\u2800': // U+2800 is an empty pattern of Braille
		return true
	case unicode.Is(unicode.Prepended_Concatenation_Mark, r): // drawn, though it counts as a format character
		return false
	}
	return isIgnorable(r)
}

// boundElement cuts the stem, so that the extension stays; an extension that
// would leave no room for a stem is not one. What s begins with can be seen, so
// something is left of the stem.
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

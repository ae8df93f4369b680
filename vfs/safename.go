package vfs

import (
	"strings"
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
// be created on every system: it is in normal form C, within MaxBytes with the
// extension kept, never empty, never a dotfile, a device name or a path.
//
// Two files can have one SafeName. To store uploads, let the server make the
// names and keep the user's beside them.
func SafeName(filename string, opts SafeNameOptions) Name {
	limit := opts.MaxBytes
	if limit <= 0 || limit > MaxElementBytes {
		limit = MaxElementBytes
	}
	limit = max(limit, 16)

	// Some browsers have sent whole paths; what counts is the last element.
	s := filename[strings.LastIndexAny(filename, `/\`)+1:]
	s = cleanElement(s)
	if s == "" {
		if s = cleanElement(opts.Fallback); s == "" || strings.ContainsAny(s, `/\`) {
			s = "file"
		}
	}
	s = boundElement(s, limit)
	// What some file systems pass over before a dot would make a dotfile.
	if isDeviceName(s) || isDisguised(s) {
		s = boundElement("_"+s, limit)
	}
	return Name{s}
}

// cleanElement drops or replaces what no created name may hold. Without the
// leading and trailing dots and spaces, "..", ".env" and "con. " are gone, too.
func cleanElement(s string) string {
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
	return norm.NFC.String(strings.Trim(s, ". "))
}

// boundElement cuts the stem, so that the extension stays; an extension that
// would leave no room for a stem is not one.
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
	stem := strings.TrimRight(s[:cut], ". ")
	if stem == "" {
		stem = "file"
	}
	return stem + ext
}

package httpheader

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Disposition is a parsed Content-Disposition of a file that a client sends.
type Disposition struct {
	Kind     string // in lower case: "form-data", "attachment"
	Field    string // the name of the form's field, as it was sent
	Filename string // as it was sent
	IsFile   bool   // there is a filename, which may be empty
}

// ParseDisposition parses a Content-Disposition as browsers and other clients send it.
// mime.ParseMediaType refuses names without quotes, and multipart.Part.FileName cuts off
// whatever looks like a path on the server's system. ParseDisposition accepts anything.
func ParseDisposition(header string) Disposition {
	kind, rest, _ := strings.Cut(header, ";")
	o := Disposition{Kind: strings.ToLower(strings.TrimSpace(kind))}
	var extended, named bool
	for rest != "" {
		var key, value string
		var quoted bool
		key, value, quoted, rest = nextParameter(rest)
		switch {
		case strings.EqualFold(key, "filename*"):
			// RFC 6266 section 4.3: it overrides filename, in any order.
			if name, ok := decodeExtended(value); ok && !extended {
				o.Filename, o.IsFile, extended = name, true, true
			}
		case strings.EqualFold(key, "name") && !named:
			o.Field, named = value, true
		case strings.EqualFold(key, "filename") && !o.IsFile:
			if quoted {
				value = unescapeQuotes(value)
			}
			o.Filename, o.IsFile = value, true
		}
	}
	return o
}

// nextParameter cuts one "key=value" off the front of s.
func nextParameter(s string) (key, value string, quoted bool, rest string) {
	i := strings.IndexAny(s, "=;")
	if i < 0 {
		return strings.TrimSpace(s), "", false, ""
	}
	key = strings.TrimSpace(s[:i])
	if s[i] == ';' {
		return key, "", false, s[i+1:]
	}
	s = strings.TrimLeft(s[i+1:], " \t")
	if s == "" || s[0] != '"' {
		value, rest, _ = strings.Cut(s, ";")
		return key, strings.TrimSpace(value), false, rest
	}
	end := closingQuote(s)
	value, rest = s[1:end], s[min(end+1, len(s)):]
	_, rest, _ = strings.Cut(rest, ";")
	return key, value, true, rest
}

// closingQuote returns the index of the quote that closes the one at the start of s. A
// backslash escapes a quote, except the last quote of all: there a browser has sent a name
// that ends in a backslash.
func closingQuote(s string) int {
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return i
		case s[i] == '\\' && i+1 < len(s) && (s[i+1] == '\\' || s[i+1] == '"' && strings.Contains(s[i+2:], `"`)):
			i++
		}
	}
	return len(s)
}

// unescapeQuotes decodes quotes and line ends in a quoted filename: browsers send %22, %0A
// and %0D (the multipart/form-data encoding of the WHATWG), other clients backslashes. Any
// other backslash stands for itself.
var unescapeQuotes = strings.NewReplacer(`\\`, `\`, `\"`, `"`, "%22", `"`, "%0A", "\n", "%0D", "\r").Replace

// decodeExtended decodes charset'language'value (RFC 8187).
func decodeExtended(s string) (string, bool) {
	charset, rest, ok := strings.Cut(s, "'")
	_, value, ok2 := strings.Cut(rest, "'")
	if !ok || !ok2 {
		return "", false
	}
	name, err := url.PathUnescape(value)
	if err != nil {
		return "", false
	}
	switch strings.ToLower(charset) {
	case "utf-8":
		return name, utf8.ValidString(name)
	case "iso-8859-1":
		runes := make([]rune, len(name))
		for i := range len(name) {
			runes[i] = rune(name[i])
		}
		return string(runes), true
	}
	return "", false
}

// noFilename is the name of a file whose own name is empty once it is cleaned.
const noFilename = "file"

// maxFilenameBytes bounds a cleaned name: file systems that count characters allow names of
// that size.
const maxFilenameBytes = 1024

// CleanFilename returns a client's filename in the form in which it is stored and
// displayed. It is never empty. Do not save a file under this name: FormatDisposition
// converts it to one that is safe.
func CleanFilename(name string) string {
	// Internet Explorer sends the whole path.
	if len(name) > 3 && name[1] == ':' && name[2] == '\\' && (name[0]|0x20) >= 'a' && (name[0]|0x20) <= 'z' {
		name = name[strings.LastIndexByte(name, '\\')+1:]
	}
	if name = withoutTricks(name); name == "" {
		return noFilename
	}
	return name
}

// withoutTricks removes from a name the characters that could break a header, move a cursor
// or make the name look like another one, and replaces those that make a path. It shortens
// the name to maxFilenameBytes and keeps the extension.
func withoutTricks(s string) string {
	s = noSlashes(strings.Map(func(r rune) rune {
		if r == utf8.RuneError || unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || r == '\ufeff' ||
			unicode.Is(unicode.Bidi_Control, r) {
			return -1
		}
		return r
	}, s))
	if len(s) <= maxFilenameBytes {
		return s
	}
	ext := extension(s)
	stem := s[:maxFilenameBytes-len(ext)]
	for !utf8.ValidString(stem) {
		stem = stem[:len(stem)-1]
	}
	return stem + ext
}

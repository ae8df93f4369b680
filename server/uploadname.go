package server

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// An original is what a Content-Disposition says of a file that is sent to the
// server.
type original struct {
	kind     string // in lower case: "form-data", "attachment"
	filename string // what the user called the file, as it was sent
	isFile   bool   // there was a filename, if only an empty one
}

// parseOriginal reads a Content-Disposition as browsers and other clients send
// it, which mime.ParseMediaType and multipart.Part.FileName do not: the first
// refuses names that are not quoted, the second cuts off whatever looks like a
// path on the server's own system. It takes anything, and never fails.
func parseOriginal(header string) original {
	kind, rest, _ := strings.Cut(header, ";")
	o := original{kind: strings.ToLower(strings.TrimSpace(kind))}
	var extended bool
	for rest != "" {
		var key, value string
		var quoted bool
		key, value, quoted, rest = nextParameter(rest)
		switch {
		case strings.EqualFold(key, "filename*"):
			// RFC 6266 section 4.3: it beats the other, wherever it stands.
			if name, ok := decodeExtended(value); ok && !extended {
				o.filename, o.isFile, extended = name, true, true
			}
		case strings.EqualFold(key, "filename") && !o.isFile:
			if quoted {
				value = unescapeQuotes(value)
			}
			o.filename, o.isFile = value, true
		}
	}
	return o
}

// nextParameter takes one "key=value" off the front of s.
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

// closingQuote returns where the string that s begins with ends. A backslash
// escapes a quote; before the last quote of all it cannot, for there a browser
// has sent a name that ends in one.
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

// unescapeQuotes undoes how clients write quotes and line ends in a quoted
// filename: browsers as %22, %0A and %0D (the WHATWG's multipart/form-data
// encoding), others with backslashes. A backslash before anything else is one.
var unescapeQuotes = strings.NewReplacer(`\\`, `\`, `\"`, `"`, "%22", `"`, "%0A", "\n", "%0D", "\r").Replace

// decodeExtended reads RFC 8187's charset'language'value.
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

// noFilename is what a file is called whose user gave it no name that is left
// once it is clean.
const noFilename = "file"

// maxOriginalBytes bounds what is kept of a name: file systems that count characters
// let names grow that long.
const maxOriginalBytes = 1024

// cleanOriginal makes of what the user called a file what is kept of that. It is never
// empty, and is for showing to people alone: disposition makes of it what a client can
// save.
func cleanOriginal(name string) string {
	// Internet Explorer sends the whole path.
	if len(name) > 3 && name[1] == ':' && name[2] == '\\' && (name[0]|0x20) >= 'a' && (name[0]|0x20) <= 'z' {
		name = name[strings.LastIndexByte(name, '\\')+1:]
	}
	if name = cleanFilename(name); name == "" {
		return noFilename
	}
	return name
}

// cleanFilename takes out of a name what could break a header, move a cursor or
// make the name look like another, and what a client might take for a path. It
// cuts what is over maxOriginalBytes out, before the extension.
func cleanFilename(s string) string {
	s = noSlashes(strings.Map(func(r rune) rune {
		if r == utf8.RuneError || unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || r == '\ufeff' ||
			unicode.Is(unicode.Bidi_Control, r) {
			return -1
		}
		return r
	}, s))
	if len(s) <= maxOriginalBytes {
		return s
	}
	ext := extension(s)
	stem := s[:maxOriginalBytes-len(ext)]
	for !utf8.ValidString(stem) {
		stem = stem[:len(stem)-1]
	}
	return stem + ext
}

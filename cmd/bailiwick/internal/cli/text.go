package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Printable returns s unchanged, or in Go's quoted form if it has unprintable characters. A
// file name such as "\x1b]0;…" would otherwise control the terminal.
func Printable(s string) string {
	if !utf8.ValidString(s) {
		return strconv.Quote(s)
	}
	for _, r := range s {
		if !strconv.IsPrint(r) {
			return strconv.Quote(s)
		}
	}
	return s
}

// JSONText returns s unchanged if it is UTF-8, else in Go's quoted form. JSON strings
// cannot hold other bytes, and replacing them could give two names one spelling.
func JSONText(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return strconv.Quote(s)
}

// jsonLine returns v as printable JSON. It also escapes what encoding/json leaves alone and
// a terminal may interpret: C1 controls and bidirectional controls.
func jsonLine(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	text := bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
	line := make([]byte, 0, len(text))
	for _, r := range string(text) {
		switch {
		case strconv.IsPrint(r):
			line = utf8.AppendRune(line, r)
		case r > 0xffff:
			hi, lo := utf16.EncodeRune(r)
			line = fmt.Appendf(line, `\u%04x\u%04x`, hi, lo)
		default:
			line = fmt.Appendf(line, `\u%04x`, r)
		}
	}
	return line, nil
}

// Count returns "1 name", "2 names".
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

// ByteCount returns "12 bytes", "3.4 MB".
func ByteCount(n int64) string {
	if n < 1000 {
		return Count(int(n), "byte")
	}
	size := float64(n)
	for _, unit := range [...]string{"kB", "MB", "GB", "TB"} {
		size /= 1000
		// A size that rounds to 1000.0 belongs to the next unit.
		if size < 999.95 || unit == "TB" {
			return strconv.FormatFloat(size, 'f', 1, 64) + " " + unit
		}
	}
	return ""
}

// OneLine returns the text of err with everything unprintable replaced by spaces. The text
// may quote a user's input, which may hold line ends and escape sequences.
func OneLine(err error) string {
	return strings.Map(func(r rune) rune {
		if !strconv.IsPrint(r) {
			return ' '
		}
		return r
	}, err.Error())
}

// ShellWord quotes s so that a shell reads it as one word.
func ShellWord(s string) string {
	plain := func(r rune) bool {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("._/-+:,@%=", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return Printable("'" + strings.ReplaceAll(s, "'", `'\''`) + "'")
}

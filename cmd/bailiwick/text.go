package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// printable returns s as it is, or in Go's quoted form if it holds anything
// that does not print: a file may be called "\x1b]0;…", and a terminal must not
// be the one to find out.
func printable(s string) string {
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

// jsonText is s as a JSON string can hold it: JSON has no way to write bytes
// that are no UTF-8, and replacing them would make two names one.
func jsonText(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return strconv.Quote(s)
}

// jsonLine returns v as JSON that prints: what encoding/json leaves as it is
// and a terminal may act upon (C1 controls, controls of writing direction) is
// escaped, too.
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

// count returns "1 name", "2 names".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

// byteCount returns "12 bytes", "3.4 MB".
func byteCount(n int64) string {
	if n < 1000 {
		return count(int(n), "byte")
	}
	size := float64(n)
	for _, unit := range [...]string{"kB", "MB", "GB", "TB"} {
		size /= 1000
		// What would be rounded to 1000.0 belongs to the next unit.
		if size < 999.95 || unit == "TB" {
			return strconv.FormatFloat(size, 'f', 1, 64) + " " + unit
		}
	}
	return ""
}

// oneLine is the text of an error about something that a user wrote, which may
// hold line ends and worse.
func oneLine(err error) string {
	return strings.Map(func(r rune) rune {
		if !strconv.IsPrint(r) {
			return ' '
		}
		return r
	}, err.Error())
}

// shellWord writes s so that a shell reads it as one word.
func shellWord(s string) string {
	plain := func(r rune) bool {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("._/-+:,@%=", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return printable("'" + strings.ReplaceAll(s, "'", `'\''`) + "'")
}

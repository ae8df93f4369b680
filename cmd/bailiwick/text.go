package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
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

// A lineWriter writes lines of data to standard output. The first failure
// stays and comes back from close.
type lineWriter struct {
	w   *bufio.Writer
	err error
}

func newLineWriter(w io.Writer) *lineWriter { return &lineWriter{w: bufio.NewWriter(w)} }

// columns writes a line of tab-separated columns, each made printable.
func (l *lineWriter) columns(cols ...string) {
	for i, c := range cols {
		cols[i] = printable(c)
	}
	l.line(strings.Join(cols, "\t"))
}

// json writes v as one line of JSON.
func (l *lineWriter) json(v any) { l.line(l.quoted(v)) }

// quoted returns v as JSON.
func (l *lineWriter) quoted(v any) string {
	line, err := jsonLine(v)
	if err != nil && l.err == nil {
		l.err = err
	}
	return string(line)
}

func (l *lineWriter) line(s string) { l.text(s + "\n") }

func (l *lineWriter) text(s string) {
	if l.err == nil {
		_, l.err = l.w.WriteString(s)
	}
}

// close writes what is still held back.
func (l *lineWriter) close() error {
	if l.err == nil {
		l.err = l.w.Flush()
	}
	if l.err != nil {
		return failf("standard output: %s", cause(l.err))
	}
	return nil
}

// count returns "1 name", "2 names".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

package main

import (
	"bufio"
	"io"
	"strings"
)

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

// output makes a failed write to standard output end the command, where a
// failed read is only about one name.
type output struct{ w io.Writer }

func (o output) Write(p []byte) (int, error) {
	n, err := o.w.Write(p)
	if err != nil {
		err = failf("standard output: %s", cause(err))
	}
	return n, err
}

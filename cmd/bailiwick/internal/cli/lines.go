package cli

import (
	"bufio"
	"io"
	"strings"
)

// A LineWriter writes results to standard output, line by line. It buffers; Close flushes
// and returns the first error of all calls.
type LineWriter struct {
	w   *bufio.Writer
	err error
}

// NewLineWriter returns a LineWriter to w.
func NewLineWriter(w io.Writer) *LineWriter { return &LineWriter{w: bufio.NewWriter(w)} }

// Columns writes a line of tab-separated columns, each made printable.
func (l *LineWriter) Columns(cols ...string) {
	for i, c := range cols {
		cols[i] = Printable(c)
	}
	l.Line(strings.Join(cols, "\t"))
}

// JSON writes v as one line of JSON.
func (l *LineWriter) JSON(v any) { l.Line(l.Quoted(v)) }

// Quoted returns v as JSON, for Text.
func (l *LineWriter) Quoted(v any) string {
	line, err := jsonLine(v)
	if err != nil && l.err == nil {
		l.err = err
	}
	return string(line)
}

// Line writes s and a line end.
func (l *LineWriter) Line(s string) { l.Text(s + "\n") }

// Text writes s as it is.
func (l *LineWriter) Text(s string) {
	if l.err == nil {
		_, l.err = l.w.WriteString(s)
	}
}

// Flush writes the buffered lines, so that a reader of the output gets them now.
func (l *LineWriter) Flush() error { return l.Close() }

// Close flushes the buffer. It does not close the underlying writer.
func (l *LineWriter) Close() error {
	if l.err == nil {
		l.err = l.w.Flush()
	}
	if l.err != nil {
		return Failf("standard output: %s", Cause(l.err))
	}
	return nil
}

// Output returns a writer to w, the standard output, whose errors end the command. Copying
// an object to it can then tell a failed write from a failed read, which concerns one name.
func Output(w io.Writer) io.Writer { return output{w} }

type output struct{ w io.Writer }

func (o output) Write(p []byte) (int, error) {
	n, err := o.w.Write(p)
	if err != nil {
		err = Failf("standard output: %s", Cause(err))
	}
	return n, err
}

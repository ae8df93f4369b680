package main

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/term"
)

// streams are the standard input, output and error of one run of the command. Results go
// to standard output, diagnostics to standard error. A server writes to standard error
// from several goroutines.
type streams struct {
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
}

// say writes a line to standard error.
func (s streams) say(format string, args ...any) {
	fmt.Fprintf(s.stderr, format+"\n", args...)
}

// print writes text to standard output.
func (s streams) print(text string) error {
	out := newLineWriter(s.stdout)
	out.text(text)
	return out.close()
}

// isTerminal reports whether w is a terminal.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

package cli

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/term"
)

// Streams are the standard input, output and error of one run of the command. Results go
// to standard output, diagnostics to standard error. A server writes to standard error
// from several goroutines.
type Streams struct {
	In  io.Reader
	Out io.Writer
	Err io.Writer
}

// Say writes a line to standard error.
func (s Streams) Say(format string, args ...any) {
	fmt.Fprintf(s.Err, format+"\n", args...)
}

// Print writes text to standard output.
func (s Streams) Print(text string) error {
	out := NewLineWriter(s.Out)
	out.Text(text)
	return out.Close()
}

// IsTerminal reports whether w is a terminal.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

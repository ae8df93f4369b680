package config

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/spelling"
)

// An Error is one problem in the configuration, with advice on how to fix it.
type Error struct {
	Where string // FILE:LINE, or the flag or variable
	Text  string // one line
}

// Error returns "FILE:LINE: …".
func (e *Error) Error() string { return e.Where + ": " + e.Text }

// InFile reports whether the error is about a file, rather than a flag, a variable or an
// argument.
func (e *Error) InFile() bool {
	return !strings.HasPrefix(e.Where, "--") && !strings.HasPrefix(e.Where, "BAILIWICK_") && e.Where != "SOURCE"
}

// Errors holds all problems, in file order.
type Errors []*Error

// Error returns one line for each problem.
func (es Errors) Error() string {
	lines := make([]string, len(es))
	for i, e := range es {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap makes the errors available to errors.As and errors.Is.
func (es Errors) Unwrap() []error {
	errs := make([]error, len(es))
	for i, e := range es {
		errs[i] = e
	}
	return errs
}

// A position is where a value came from.
type position struct {
	file   string
	line   int
	origin string // the flag or variable, instead of file and line
}

func (p position) String() string {
	if p.origin != "" {
		return p.origin
	}
	return printable(p.file) + ":" + strconv.Itoa(p.line)
}

// oneLine replaces every non-printing character of s, which a terminal could interpret,
// by a space.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if !strconv.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
}

// printable returns s shortened to a reasonable length, in Go's quoted form if it holds
// non-printing characters.
func printable(s string) string {
	const most = 200
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	if !utf8.ValidString(s) || oneLine(s) != s {
		return strconv.Quote(s)
	}
	return s
}

// suggestion returns " (did you mean X?)" if s looks like a misspelling of one of the words.
func suggestion(s string, words []string) string {
	if len(s) > 40 {
		return ""
	}
	if near := spelling.Nearest(s, words); near != "" {
		return " (did you mean " + near + "?)"
	}
	return ""
}

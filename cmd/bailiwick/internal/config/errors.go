package config

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/spelling"
)

// An Error is one thing that is wrong, and what to do about it.
type Error struct {
	Where string // FILE:LINE, or the flag or variable
	Text  string // one line
}

// Error returns "FILE:LINE: …".
func (e *Error) Error() string { return e.Where + ": " + e.Text }

// InFile reports whether the error is about a file, and not about a flag, a variable
// or an argument.
func (e *Error) InFile() bool {
	return !strings.HasPrefix(e.Where, "--") && !strings.HasPrefix(e.Where, "BAILIWICK_") && e.Where != "SOURCE"
}

// Errors is everything that is wrong, in the order of the file.
type Errors []*Error

// Error returns a line for each.
func (es Errors) Error() string {
	lines := make([]string, len(es))
	for i, e := range es {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets errors.As find each of them.
func (es Errors) Unwrap() []error {
	errs := make([]error, len(es))
	for i, e := range es {
		errs[i] = e
	}
	return errs
}

// A place is where a value came from.
type place struct {
	file   string
	line   int
	origin string // the flag or variable, in the place of file and line
}

func (p place) String() string {
	if p.origin != "" {
		return p.origin
	}
	return printable(p.file) + ":" + strconv.Itoa(p.line)
}

// oneLine is s without what a terminal would act upon.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if !strconv.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
}

// printable returns s as it is, or in Go's quoted form if it holds anything that
// does not print, and not more of it than a line bears.
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

// suggestion returns " (is it X?)" if s looks like one of the words misspelled.
func suggestion(s string, words []string) string {
	if len(s) > 40 {
		return ""
	}
	if near := spelling.Nearest(s, words); near != "" {
		return " (is it " + near + "?)"
	}
	return ""
}

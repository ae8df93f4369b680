package server

import (
	"errors"
	"strconv"
	"strings"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// cause prints an error together with the errors inside a vfs.Error, which does not print
// them itself. It is for operators only.
type cause struct{ err error }

func (c cause) String() string {
	text := c.err.Error()
	var e *vfs.Error
	for err := c.err; errors.As(err, &e) && e.Err != nil; err = e.Err {
		// A vfs.Error inside another one of the same kind adds nothing.
		if inner, ok := e.Err.(*vfs.Error); ok && strings.HasSuffix(text, ": "+kindOf(inner)) {
			continue
		}
		text = continued(text, e.Err.Error())
	}
	return text
}

// kindOf returns the text of an error without its operation and name.
func kindOf(e *vfs.Error) string {
	return strings.TrimPrefix(e.Error(), e.Op+" "+strconv.QuoteToASCII(e.Name)+": ")
}

// continued appends a cause to a text, without the words that both share: a vfs.Error ends
// with the kind of failure, and its cause begins with it.
func continued(text, cause string) string {
	words := strings.Split(text, ": ")
	for i := range words {
		end := strings.Join(words[i:], ": ")
		rest, ok := strings.CutPrefix(cause, end)
		if !ok {
			continue
		}
		// errors.Join separates errors by line feeds.
		if more, ok := strings.CutPrefix(rest, "\n"); ok {
			rest = ": " + more
		}
		if rest == "" || strings.HasPrefix(rest, ": ") {
			return text + rest
		}
	}
	return text + ": " + cause
}

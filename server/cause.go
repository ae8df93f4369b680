package server

import (
	"errors"
	"strconv"
	"strings"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// cause prints an error with what lies behind a vfs.Error, which prints none of it: for
// operators only.
type cause struct{ err error }

func (c cause) String() string {
	text := c.err.Error()
	var e *vfs.Error
	for err := c.err; errors.As(err, &e) && e.Err != nil; err = e.Err {
		// A vfs.Error in another one that is of its kind says nothing new.
		if inner, ok := e.Err.(*vfs.Error); ok && strings.HasSuffix(text, ": "+kindOf(inner)) {
			continue
		}
		text = continued(text, e.Err.Error())
	}
	return text
}

// kindOf is what an error says behind its operation and its name.
func kindOf(e *vfs.Error) string {
	return strings.TrimPrefix(e.Error(), e.Op+" "+strconv.QuoteToASCII(e.Name)+": ")
}

// continued adds to a text what the cause says, without what both say where they meet: a
// vfs.Error ends with the kind of failure, and its cause begins with that.
func continued(text, cause string) string {
	words := strings.Split(text, ": ")
	for i := range words {
		end := strings.Join(words[i:], ": ")
		rest, ok := strings.CutPrefix(cause, end)
		if !ok {
			continue
		}
		// errors.Join puts a line end between its errors.
		if more, ok := strings.CutPrefix(rest, "\n"); ok {
			rest = ": " + more
		}
		if rest == "" || strings.HasPrefix(rest, ": ") {
			return text + rest
		}
	}
	return text + ": " + cause
}

package userfile

import (
	"bytes"
	"errors"
	"strings"
)

// CheckName returns an error if no line can be for a user called name. Names that only
// another namespace refuses are no error; see [Parse].
func CheckName(name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	switch {
	case strings.Contains(name, ":"):
		return errors.New("the name holds a colon, which ends the name in the file")
	case name[0] == '#':
		return errors.New("the name begins with #, like a comment")
	}
	return nil
}

// Append returns data with a line for name at its end. It ends as the first line does. If
// the last line has no end, it gets one.
func Append(data []byte, name, value string) []byte {
	end := "\n"
	if first, _, found := bytes.Cut(data, []byte("\n")); found && bytes.HasSuffix(first, []byte("\r")) {
		end = "\r\n"
	}
	edited := bytes.Clone(data)
	if len(data) > 0 && !bytes.HasSuffix(data, []byte("\n")) {
		edited = append(edited, end...)
	}
	return append(edited, name+":"+value+end...)
}

// Replace returns data with value in the line of e, an entry of data. The line keeps its
// end.
func Replace(data []byte, e Entry, value string) []byte {
	return edit(data, e, func(line []byte) []byte {
		ending := bytes.TrimPrefix(line, []byte(e.Name+":"+e.Value))
		return append([]byte(e.Name+":"+value), ending...)
	})
}

// Remove returns data without the line of e, an entry of data.
func Remove(data []byte, e Entry) []byte {
	return edit(data, e, func([]byte) []byte { return nil })
}

func edit(data []byte, e Entry, change func(line []byte) []byte) []byte {
	edited := make([]byte, 0, len(data))
	n := 0
	for line := range bytes.Lines(data) {
		if n++; n == e.Line {
			line = change(line)
		}
		edited = append(edited, line...)
	}
	return edited
}

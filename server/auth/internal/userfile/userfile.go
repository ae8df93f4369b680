// Package userfile reads files of users: lines of NAME:VALUE, blank lines, and comments
// that begin with #.
package userfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/bailiwick-fs/bailiwick/server/auth"
)

// MaxBytes limits a file. It is enough for about 100,000 users.
const MaxBytes = 16 << 20

// An Entry is a line for a user. The name is printable but need not be a path element:
// access rules with {user} match nothing for a name such as CORP\user, which cannot be
// one.
type Entry struct {
	Line        int // from 1
	Name, Value string
}

// Read reads and parses the file at path. others are the suffixes of other namespaces: a
// name that looks like one of theirs, see [auth.InNamespace], is an error.
func Read(path string, others []string) ([]Entry, error) {
	data, err := Bytes(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, data, others)
}

// Bytes reads the whole file at path. An error names path.
func Bytes(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fileError(path, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, MaxBytes+1))
	switch {
	case err != nil:
		return nil, fileError(path, err)
	case len(data) > MaxBytes:
		return nil, fmt.Errorf("%s: over %d MiB", path, MaxBytes>>20)
	}
	return data, nil
}

// Parse returns the entries of data in order. An error names path and the line, and
// never quotes the line: a misplaced password must not end up in a log.
func Parse(path string, data []byte, others []string) ([]Entry, error) {
	var entries []Entry
	if bytes.HasPrefix(data, []byte("\ufeff")) {
		return nil, Errorf(path, 1, "the file begins with a byte order mark; save it without")
	}
	n := 0
	for raw := range bytes.Lines(data) {
		n++
		line := strings.TrimSuffix(strings.TrimSuffix(string(raw), "\n"), "\r")
		if strings.TrimSpace(line) == "" || line[0] == '#' {
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return nil, Errorf(path, n, "not of the form NAME:VALUE")
		}
		if err := checkName(name); err != nil {
			return nil, Errorf(path, n, "%v", err)
		}
		for _, suffix := range others {
			if auth.InNamespace(name, suffix) {
				return nil, Errorf(path, n, "%+q ends in @%s, the suffix of users of another authentication method; rename the user, or change that suffix", name, suffix)
			}
		}
		entries = append(entries, Entry{n, name, value})
	}
	return entries, nil
}

// Errorf returns an error about a line. The text must not contain a secret.
func Errorf(path string, line int, format string, args ...any) error {
	return fmt.Errorf("%s:%d: %s", path, line, fmt.Sprintf(format, args...))
}

// checkName refuses names that cannot be used to log in, and reserved ones.
func checkName(name string) error {
	switch {
	case name == "":
		return errors.New("the name is empty")
	case auth.Reserved(name):
		return errors.New("the name is reserved: anyone stands for anonymous requests, and link: begins the name of a signed link")
	case !utf8.ValidString(name):
		return errors.New("the name is not UTF-8")
	case strings.TrimSpace(name) != name:
		return errors.New("the name has a space at its end or beginning")
	case len(name) > auth.MaxNameBytes:
		return fmt.Errorf("the name is over %d bytes", auth.MaxNameBytes)
	case strings.ContainsFunc(name, unicode.IsControl):
		return errors.New("the name holds a control character")
	}
	return nil
}

func fileError(path string, err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	return fmt.Errorf("%s: %w", path, err)
}

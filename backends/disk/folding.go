package disk

import (
	"errors"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// foldNotes finds out, only by reading, whether the file system accepts other spellings
// of a name. If so, a request can reach a file by a spelling that an allow pattern
// matches although it does not match the file's own name. Deny patterns match all
// spellings anyway.
func foldNotes(t tree) []string {
	d, err := t.openDir(vfs.Root)
	if err != nil {
		return nil
	}
	defer d.close()
	var names []string
	enough := errors.New("enough")
	err = d.each(func(elem []byte, _ vfs.Kind) error {
		if names = append(names, string(elem)); len(names) == 256 {
			return enough
		}
		return nil
	})
	if err != nil && err != enough {
		return nil
	}
	var notes []string
	if folds(d, names, swapCase) {
		notes = append(notes, "the file system folds case: names that differ only in case refer to the same file")
	}
	if folds(d, names, swapForm) {
		notes = append(notes, "the file system folds Unicode normal forms: names that differ only in form refer to the same file")
	}
	return notes
}

// folds reports whether one of the names is also found under another spelling.
func folds(d dirReader, names []string, respell func(string) string) bool {
	for _, name := range names {
		other := respell(name)
		if other == name {
			continue
		}
		a, err := d.lstat(name)
		if err != nil {
			continue
		}
		b, err := d.lstat(other)
		if err == nil && a.ino == b.ino && a.dev == b.dev && a.mtime.Equal(b.mtime) && !slices.Contains(names, other) {
			return true
		}
	}
	return false
}

func swapCase(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsUpper(r) {
			return unicode.ToLower(r)
		}
		return unicode.ToUpper(r)
	}, s)
}

func swapForm(s string) string {
	if t := norm.NFD.String(s); t != s {
		return t
	}
	return norm.NFC.String(s)
}

package userfile_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/bailiwick-fs/bailiwick/server/auth/internal/userfile"
)

func TestParse(t *testing.T) {
	text := "# users\n\nalice:one:two\r\n  \t\nzoë:\n.hidden:x\n#bob:x\nlast name:x\nCORP\\user:x\na/b:x\n..:x\n\u202ealice:x"
	got, err := userfile.Parse("users", []byte(text), nil)
	want := []userfile.Entry{{3, "alice", "one:two"}, {5, "zoë", ""}, {6, ".hidden", "x"}, {8, "last name", "x"},
		// These are not path elements, but can log in.
		{9, `CORP\user`, "x"}, {10, "a/b", "x"}, {11, "..", "x"}, {12, "\u202ealice", "x"}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	for name, want := range map[string]string{
		"":         "empty",
		"anyone":   "anyone",
		"a\x00b":   "control character",
		"a\x1b[2J": "control character",
		"a\u0085b": "control character",

		strings.Repeat("a", 256): "over 255 bytes",
		"\xff":                   "UTF-8",
		" alice":                 "space",
		"alice ":                 "space",
	} {
		_, err := userfile.Parse("users", []byte("alice:x\n"+name+":hunter2\n"), nil)
		if err == nil || !strings.HasPrefix(err.Error(), "users:2: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", name, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v reveals a secret", name, err)
		}
	}
	if _, err := userfile.Parse("users", []byte("\nhunter2\n"), nil); err == nil || err.Error() != "users:2: not of the form NAME:VALUE" {
		t.Errorf("no colon: %v", err)
	}
	if _, err := userfile.Parse("users", []byte("\ufeff# users\n"), nil); err == nil || !strings.HasPrefix(err.Error(), "users:1: the file begins with a byte order mark") {
		t.Errorf("byte order mark: %v", err)
	}
}

func TestRead(t *testing.T) {
	dir := t.TempDir()
	if _, err := userfile.Read(filepath.Join(dir, "none"), nil); !errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(err.Error(), filepath.Join(dir, "none")+": ") {
		t.Errorf("%v", err)
	}
	if _, err := userfile.Read(dir, nil); err == nil {
		t.Error("a directory was read")
	}
	big := filepath.Join(dir, "big")
	if err := os.WriteFile(big, make([]byte, userfile.MaxBytes+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := userfile.Read(big, nil); err == nil || !strings.Contains(err.Error(), "over 16 MiB") {
		t.Errorf("%v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("# c\nalice:x\r\n\n"))
	f.Add([]byte("a:b\na/b:c"))
	f.Fuzz(func(t *testing.T, data []byte) {
		entries, err := userfile.Parse("users", data, nil)
		if err != nil && (!strings.HasPrefix(err.Error(), "users:") || strings.ContainsAny(err.Error(), "\n\x00\x1b")) {
			t.Errorf("%q", err)
		}
		line := 0
		for _, e := range entries {
			if e.Line <= line {
				t.Errorf("line %d after %d", e.Line, line)
			}
			line = e.Line
			if e.Name == "" || strings.Contains(e.Name, ":") || !utf8.ValidString(e.Name) || strings.ContainsFunc(e.Name, unicode.IsControl) {
				t.Errorf("accepted the name %q", e.Name)
			}
		}
	})
}

package sqlite_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/bailiwick-fs/bailiwick/server/catalog/catalogtest"
)

// FuzzName stores a name, which must be refused or returned byte for byte.
func FuzzName(f *testing.F) {
	for _, name := range append(catalogtest.Names(100), "a\x00b", "\xff", strings.Repeat("n", 1025)) {
		f.Add(name)
	}
	s := open(f, newFile(f))
	f.Fuzz(func(t *testing.T, name string) {
		rec := catalogtest.NewRecord(name)
		err := s.Begin(t.Context(), rec)
		if legal := len(name) <= 1024 && utf8.ValidString(name) && !strings.Contains(name, "\x00"); legal != (err == nil) {
			t.Fatalf("%q: %v", name, err)
		}
		if err != nil {
			return
		}
		got, err := s.Commit(t.Context(), rec)
		if err != nil || got.Name != name {
			t.Errorf("%q came back as %q, %v", name, got.Name, err)
		}
	})
}

package vfs_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/bailiwick-fs/bailiwick/testdata/length"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// hostileNames returns names of maximum length that are costly: folding makes them
// longer, decomposes them or has to reorder them.
func hostileNames(t testing.TB) map[string]vfs.Name {
	t.Helper()
	names := map[string]vfs.Name{}
	for what, unit := range map[string]string{
		"ligatures that fold to 18 letters": "\ufdfa", "the square of a company": "\u32cf\u33c4", "capital sharp s": "\u1e9e", "marks out of order": "a\u0301\u0327\u0323\u0302",
		"Hangul": "\u1112\u1161\u11ab", "Greek with three marks": "\u1f82\u1fb7", "plain": "a", "fractions": "\u00bd", "mathematical letters": "\U0001d51e",
		"nothing but marks": "\u0301", "dotted capital I": "\u0130",
	} {
		// Include the bytes that the patterns look for.
		b, elem := strings.Builder{}, 0
		b.WriteString("abcdefghijklmnopqrstuvwxyz0123456789/")
		for b.Len()+len(unit)+1 <= 1024 {
			if elem+len(unit) > 250 {
				b.WriteByte('/')
				elem = 0
			}
			b.WriteString(unit)
			elem += len(unit)
		}
		n, err := vfs.ParseName(b.String())
		if err != nil || !utf8.ValidString(n.String()) {
			t.Fatalf("%s: %v", what, err)
		}
		names[what] = n
	}
	return names
}

// hostilePatterns returns many patterns that have to read the whole name.
func hostilePatterns(t testing.TB) []vfs.Pattern {
	t.Helper()
	var all []string
	for i := range 50 {
		all = append(all, fmt.Sprintf("**/*%dx*", i), fmt.Sprintf("**/s?cr[a-f]t%d/**/*a*a*b", i), fmt.Sprintf("*/*/*[!a-z]%d", i), fmt.Sprintf("**/\u00e4*ss*%d", i))
	}
	return vfs.Patterns(all...)
}

// Clients choose the name, so a verdict must not allocate per pattern and character.
func TestHostileNames(t *testing.T) {
	j, err := vfs.New(vfs.FromFS(nil), vfs.Policy{Allow: vfs.Patterns("**"), Deny: hostilePatterns(t)})
	if err != nil {
		t.Fatal(err)
	}
	most := 3000.0
	if length.RaceDetector {
		most = 10_000 // it makes sync.Pool drop what is put back
	}
	for what, n := range hostileNames(t) {
		if allocs := testing.AllocsPerRun(3, func() { j.Explain(t.Context(), vfs.OpRead, n) }); allocs > most {
			t.Errorf("%s: %.0f allocations", what, allocs)
		}
	}
}

// BenchmarkHostileNames judges the worst names by 200 deny patterns.
func BenchmarkHostileNames(b *testing.B) {
	j, err := vfs.New(vfs.FromFS(nil), vfs.Policy{Allow: vfs.Patterns("**"), Deny: hostilePatterns(b)})
	if err != nil {
		b.Fatal(err)
	}
	for what, n := range hostileNames(b) {
		b.Run(what, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				j.Explain(b.Context(), vfs.OpRead, n)
			}
		})
	}
}

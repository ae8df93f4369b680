package vfs_test

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/bmatcuk/doublestar/v4"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/bailiwick-fs/bailiwick/testdata/length"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// foldedForms returns the ways to read a character: as is, case-folded,
// compatibility-folded. A slash that folding makes is not a separator.
func foldedForms(r rune) []string {
	c := string(r)
	cased := cases.Fold().String(c)
	compat := norm.NFKC.String(cases.Fold().String(norm.NFKC.String(c)))
	if norm.NFKC.String(c) == c && isBlank(r) && !strings.ContainsRune("\u00a0\u3000\u2800", r) {
		compat = "" // characters without a glyph are removed
	}
	return []string{c, cased, strings.ReplaceAll(compat, "/", "\x02")}
}

// trickyCharacters returns all characters that fold to more than one character, or to a
// separator or a dot.
func trickyCharacters() (all []rune) {
	for r := rune(0xa0); r < 0x323b0; r++ {
		if !utf8.ValidRune(r) {
			continue
		}
		if _, err := vfs.ParseName("x" + string(r)); err != nil {
			continue
		}
		for _, f := range foldedForms(r) {
			if utf8.RuneCountInString(f) > 1 || r > 0x7f && strings.ContainsAny(f, "\x02/\\.") {
				all = append(all, r)
				break
			}
		}
	}
	return all
}

// readAll returns all readings of a name whose characters can each be read in three
// ways.
func readAll(s string) []string {
	all := []string{""}
	for _, r := range s {
		forms := []string{string(r)}
		if r > 0x7f || 'A' <= r && r <= 'Z' {
			forms = foldedForms(r)
			slices.Sort(forms)
			forms = slices.Compact(forms)
		}
		var next []string
		for _, before := range all {
			for _, f := range forms {
				next = append(next, before+f)
			}
		}
		all = next
	}
	// A sequence that composes is read as one character.
	var whole []string
	for elem := range strings.SplitSeq(s, "/") {
		whole = append(whole, strings.ReplaceAll(norm.NFKC.String(cases.Fold().String(norm.NFKC.String(elem))), "/", "\x02"))
	}
	return append(all, strings.Join(whole, "/"))
}

// matchesReading matches a pattern, element by element, with one reading or with a
// directory above it.
func matchesReading(pattern, reading string) bool {
	if !strings.Contains(pattern, "/") {
		// In doublestar, a negated class can match a slash.
		first, _, _ := strings.Cut(reading, "/")
		return doublestar.MatchUnvalidated(pattern, first)
	}
	for end := len(reading); end > 0; end = strings.LastIndexByte(reading[:end], '/') {
		if doublestar.MatchUnvalidated(pattern, reading[:end]) {
			return true
		}
	}
	return false
}

// A deny pattern matches a name if and only if it matches one of the name's readings.
// The characters tested are all those for which the two have ever differed.
func TestDenyAgainstAllReadings(t *testing.T) {
	tricky := trickyCharacters()
	if len(tricky) < 1000 || !slices.Contains(tricky, '½') || !slices.Contains(tricky, '／') || !slices.Contains(tricky, '．') || !slices.Contains(tricky, 'ß') || !slices.Contains(tricky, '℅') {
		t.Fatalf("%d characters: the test is void", len(tricky))
	}
	if length.Short() {
		tricky = slices.DeleteFunc(tricky, func(r rune) bool { return r > 0x3000 && r < 0xfb00 || r > 0xfffd })
	}
	patterns := []string{"x?y", "x[^a]y", "x[!0-9]?", "x*y", "?y", "x?", "*/private", "**/private", "x??y", "x[a-z]y", "x*[^q]y", "x1*", "*.y", "x?/y", "[^x]*", "x???y"}
	compiled := map[string]*vfs.Jail{}
	for _, p := range patterns {
		compiled[p] = mustJail(t, &everything{}, vfs.Policy{Allow: vfs.Patterns("**", "**/.*/**", "**/.*"), Deny: vfs.Patterns(p)})
	}
	denied, failed := 0, 0
	for _, r := range tricky {
		c := string(r)
		for _, s := range []string{"X" + c + "y", "x" + c, c + "Y", c + "/Private/z", "a" + c + "b/Private", "x" + c + "/y"} {
			n, err := vfs.ParseName(s)
			if err != nil {
				t.Fatalf("%q: %v", s, err)
			}
			readings := readAll(s)
			for _, p := range patterns {
				want := slices.ContainsFunc(readings, func(reading string) bool { return matchesReading(p, reading) })
				v := compiled[p].Explain(t.Context(), vfs.OpRead, n)
				got := v.Reason == reason.PolicyDeny
				if got != want {
					if failed++; failed < 20 {
						t.Errorf("deny %q, %+q: denied %t, want %t; readings %+q", p, s, got, want, readings)
					}
				}
				if want {
					denied++
				}
			}
		}
		// A pattern that spells a character denies it and what it folds to.
		for _, pattern := range []string{"x" + doubleEscape(c), "x" + doubleEscape(c) + "*"} {
			p, err := vfs.ParsePattern(pattern)
			if err != nil {
				t.Fatal(err)
			}
			j := mustJail(t, &everything{}, vfs.Policy{Allow: vfs.Patterns("**"), Deny: []vfs.Pattern{p}})
			for _, s := range readAll("X" + c) {
				n, err := vfs.ParseName(strings.ReplaceAll(s, "\x02", "／"))
				if err != nil {
					continue
				}
				if v := j.Explain(t.Context(), vfs.OpRead, n); v.Reason != reason.PolicyDeny {
					t.Errorf("deny %q lets %+q through: %s", pattern, n, v.Reason)
				}
			}
		}
	}
	if denied < 1000 || failed > 0 {
		t.Errorf("%d denied, %d differ", denied, failed)
	}
}

func doubleEscape(c string) string {
	if strings.ContainsAny(c, `*?[]{}\,`) {
		return `\` + c
	}
	return c
}

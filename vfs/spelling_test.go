package vfs

import (
	"math/rand/v2"
	"slices"
	"testing"

	"golang.org/x/text/unicode/norm"
)

func TestSpelling(t *testing.T) {
	same := [][]string{
		{"Report.TXT", "report.txt", "REPORT.txt"},
		{"caf\u00e9", "cafe\u0301", "CAF\u00c9", "CAFE\u0301"},
		{"\u1ebfa", "\u00ea\u0301A", "e\u0302\u0301a", "E\u0302\u0301a"},
		{"stra\u00dfe", "STRASSE", "stra\u1e9ee", "straSse"},
		{"k", "K", "\u212a"},
		{"\u03c3\u03b1\u03c2", "\u03a3\u0391\u03a3", "\u03c2\u03b1\u03c3"},
		{"\uac00", "\u1100\u1161"},
		{"\ufb01le", "FILE", "file"},
	}
	for _, names := range same {
		for _, a := range names {
			for _, b := range names {
				if !newSpelling(a).is(b) {
					t.Errorf("%+q and %+q are not treated as the same name", a, b)
				}
			}
		}
	}
	for _, pair := range [][2]string{{"x2", "x\u00b2"}, {"a", "b"}, {"a", "aa"}, {"i", "\u0131"}, {"a", "\uff41"}} {
		if newSpelling(pair[0]).is(pair[1]) {
			t.Errorf("%+q and %+q are treated as the same name", pair[0], pair[1])
		}
	}
}

// TestSpellingNext compares next with an exhaustive search over the spellings of short
// names.
func TestSpellingNext(t *testing.T) {
	for _, name := range []string{"a", "ab.c", "k1", "\u00e9x", "o\u0308k", "ss", "\u00df", "\ufb01t", "\uac00", "\u1ebf", "0a", "\ud7ff"} {
		want := newSpelling(name)
		all := spellingsOf(want)
		if !slices.Contains(all, name) && !slices.Contains(all, norm.NFD.String(name)) {
			t.Fatalf("%+q is not among its own spellings %+q", name, all)
		}
		keys := append([]string{"", "\U0010ffff", "/", "~"}, all...)
		for _, s := range all {
			keys = append(keys, s+"/", s+"x", s+"-x", s+".", s[:len(s)-1], justBelow(s))
		}
		// As a directory, each sorts after names that continue its element with a
		// character below the slash.
		for _, s := range slices.Clone(all) {
			all = append(all, s+"/")
		}
		slices.Sort(all)
		r := rand.New(rand.NewPCG(1, 2))
		for range 200 {
			s := []rune(all[r.IntN(len(all))])
			s[r.IntN(len(s))] += rune(r.IntN(5) - 2)
			keys = append(keys, string(s))
		}
		for _, key := range keys {
			i, found := slices.BinarySearch(all, key)
			if found {
				i++
			}
			bound, ok := want.next(key)
			switch {
			case i == len(all):
				if ok && slices.ContainsFunc(all, func(s string) bool { return s >= bound && s > key }) {
					t.Errorf("%+q: next(%+q) is %+q, but no spelling comes after it", name, key, bound)
				}
			case !ok:
				t.Errorf("%+q: next(%+q) finds none, but %+q comes after it", name, key, all[i])
			case bound > all[i] || bound <= key:
				t.Errorf("%+q: next(%+q) is %+q, but the next spelling is %+q", name, key, bound, all[i])
			case justBelow(bound) >= all[i]:
				t.Errorf("%+q: a listing after %+q leaves out %+q", name, justBelow(bound), all[i])
			}
		}
	}
}

// spellingsOf returns all spellings in byte order, found by trying every character at
// every position.
func spellingsOf(want spelling) []string {
	var all []string
	var extend func(s string, left []rune)
	extend = func(s string, left []rune) {
		if len(left) == 0 {
			all = append(all, s)
			return
		}
		for r := rune(' '); r < 0x20000; r++ {
			if 0xD800 <= r && r <= 0xDFFF {
				continue
			}
			if f := foldRunes[r]; hasPrefix(left, f) {
				extend(s+string(r), left[len(f):])
			}
		}
	}
	extend("", want.runes)
	slices.Sort(all)
	return all
}

var foldRunes = func() (folds [0x20000][]rune) {
	for r := rune(' '); r < 0x20000; r++ {
		folds[r] = foldRune(r)
	}
	return folds
}()

package vfs_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// indexWords are elements of names and patterns: few, so that they meet, in both cases and
// with several dots.
var indexWords = []string{"a", "A", "b", "ab", "a.x", "a.X", "b.tar.x", ".x", "x.", "K", "k", "ſ", "\u212a", "ß", "日", "b.日", "a.y", "c.d.rare", "e.f.seldom", "g.Odd", "hk/i.odd", "HK/j"}

func randomName(r *rand.Rand) string {
	elems := make([]string, 1+r.IntN(3))
	for i := range elems {
		elems[i] = indexWords[r.IntN(len(indexWords))]
	}
	return strings.Join(elems, "/")
}

func randomPattern(r *rand.Rand) string {
	elems := make([]string, 1+r.IntN(3))
	for i := range elems {
		word := indexWords[r.IntN(len(indexWords))]
		elems[i] = []string{word, word, word, "*", "**", []string{"*.rare", "*.seldom", "*.odd", "*d.rare"}[r.IntN(4)], "*" + word, word + "*", "{" + word + ",b}", "?", "[ab]", "a*.x"}[r.IntN(12)]
	}
	glob := strings.Join(elems, "/")
	if r.IntN(3) > 0 {
		return glob
	}
	return "re:" + []string{"a/.*", "A/[a-z.]+", "(a|b)/x", "(?i)a/.*", "^a/.*", "a/b|b/a", "k/.+", "K", `b\.tar\.x/?.*`, "日/.*", "hK/.*", "c[.]d.*", "Ab/.*", "A/b.*"}[r.IntN(14)]
}

// Many patterns are searched by an index, few are not. So a pattern has to decide the same
// alone and among many that match none of the names.
func TestPatternAmongMany(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var others []vfs.Pattern
	for i := range 20 {
		others = append(others, vfs.Patterns(fmt.Sprintf("zz%d/**/*", i), fmt.Sprintf("zz%d/*.x", i), fmt.Sprintf("re:zz%d/.+", i))...)
	}
	everything := func(allow, deny []vfs.Pattern) *vfs.Jail {
		if allow == nil {
			allow = vfs.Patterns("**", "**/.*", "**/.*/**")
		}
		return mustJail(t, &everything{}, vfs.Policy{Allow: allow, Deny: deny})
	}
	for src, raw := range map[string]string{"re:A/.*": "a/x", "re:a/.*": "A/x", "re:ſ/.*": "s/x", "re:\u212a/x": "k/x", "re:日/.*": "日/x", "A/*": "a/x", "ſ/*": "s/x"} {
		for _, deny := range [][]vfs.Pattern{vfs.Patterns(src), append(vfs.Patterns(src), others...)} {
			if v := everything(nil, deny).Explain(t.Context(), vfs.OpRead, mustName(t, raw)); v.Reason != reason.PolicyDeny {
				t.Errorf("%d patterns: %s does not deny %s", len(deny), src, raw)
			}
		}
	}
	verdicts := map[vfs.Reason]int{}
	for range 200 {
		p, err := vfs.ParsePattern(randomPattern(r))
		if err != nil {
			continue
		}
		alone := []vfs.Pattern{p}
		many := slices.Concat(others[:30], alone, others[30:])
		jails := [][2]*vfs.Jail{{everything(alone, nil), everything(many, nil)}, {everything(nil, alone), everything(nil, many)}}
		for range 60 {
			n, err := vfs.ParseName(randomName(r))
			if err != nil {
				continue
			}
			for _, op := range []vfs.Op{vfs.OpRead, vfs.OpList} {
				for _, pair := range jails {
					want, got := pair[0].Explain(t.Context(), op, n), pair[1].Explain(t.Context(), op, n)
					if got.Reason != want.Reason || got.Rule != want.Rule {
						t.Fatalf("%s: %s %q: %s %q, alone %s %q", p, op, n, got.Reason, got.Rule, want.Reason, want.Rule)
					}
					verdicts[got.Reason]++
				}
			}
		}
	}
	for _, why := range []vfs.Reason{"", reason.PolicyDeny, reason.PolicyNoAllow, reason.PolicyDotfile} {
		if verdicts[why] < 50 {
			t.Errorf("%q: %d verdicts: the test is void", why, verdicts[why])
		}
	}
}

// The rule that is shown is the first one that matches, wherever the index finds it.
func TestFirstOfManyPatterns(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 3 {
		var patterns []vfs.Pattern
		var jails []*vfs.Jail
		for len(patterns) < 60 {
			p, err := vfs.ParsePattern(randomPattern(r))
			if err != nil {
				continue
			}
			patterns = append(patterns, p)
			jails = append(jails, mustJail(t, &everything{}, vfs.Policy{Allow: []vfs.Pattern{p}}))
		}
		all := mustJail(t, &everything{}, vfs.Policy{Allow: patterns})
		for range 100 {
			n, err := vfs.ParseName(randomName(r))
			if err != nil {
				continue
			}
			want := ""
			if i := slices.IndexFunc(jails, func(j *vfs.Jail) bool { return j.Explain(t.Context(), vfs.OpRead, n).Allowed }); i >= 0 {
				want = patterns[i].String()
			}
			if got := all.Explain(t.Context(), vfs.OpRead, n); got.Allowed != (want != "") || got.Allowed && got.Rule != want {
				t.Fatalf("%q: %t %q, want %q", n, got.Allowed, got.Rule, want)
			}
		}
	}
}

package vfs_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/testdata/length"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// A directory exists for clients if some allowed name can lie below it.
func TestDirectoriesVisible(t *testing.T) {
	for _, c := range []struct {
		allow   string
		yes, no []string
	}{
		{"**", []string{".", "a", "a/b/c"}, []string{".git", "a/.git", "a/.git/b"}},
		{"docs/**", []string{".", "docs", "docs/a"}, []string{"doc", "docs2", "a/docs", "docs/.x"}},
		{"docs/*.html", []string{".", "docs"}, []string{"docs/a", "docs/a.html"}},
		{"a/b/c", []string{".", "a", "a/b"}, []string{"a/b/c", "b", "a/c"}},
		{"*.txt", []string{"."}, []string{"a", "a.txt"}},
		{"*/x", []string{".", "a"}, []string{"a/b", ".a"}},
		{"**/.well-known/*", []string{".", "a", ".well-known", "a/.well-known"}, []string{".well-known/a", ".other"}},
		{"a/**/z", []string{".", "a", "a/b/c", "a/z"}, []string{"b"}},
		{"{a,b}/c/d", []string{".", "a", "b", "a/c"}, []string{"c", "a/d"}},
		{`re:x/[a-c]+/.*\.txt`, []string{".", "x", "x/ab", "x/ab/anything"}, []string{"y", "x/d", "xx"}},
		{`re:x`, []string{"."}, []string{"x", "y"}},
		{`re:(a|bc)/d`, []string{".", "a", "bc"}, []string{"b", "ab", "a/d"}},
		{`re:a/\.b/c`, []string{".", "a", "a/.b"}, []string{"a/xb"}},
		{`re:.*/c`, []string{".", "a", "a/b"}, []string{".a", "a/.b"}},
	} {
		j := mustJail(t, &everything{}, vfs.Policy{Allow: vfs.Patterns(c.allow)})
		for _, d := range c.yes {
			if v := j.Explain(t.Context(), vfs.OpList, mustName(t, d)); !v.Allowed || v.Rule != c.allow {
				t.Errorf("allow %s: %s is not shown (%s)", c.allow, d, v.Reason)
			}
		}
		for _, d := range c.no {
			if v := j.Explain(t.Context(), vfs.OpList, mustName(t, d)); v.Allowed {
				t.Errorf("allow %s: %s is shown", c.allow, d)
			}
		}
	}
	if v := mustJail(t, &everything{}, vfs.Policy{Allow: vfs.Patterns("**")}).Explain(t.Context(), vfs.OpList, vfs.Name{}); v.Allowed {
		t.Error("the zero Name is shown")
	}
}

// If a caller may read a name, it can list all directories above it. The test uses
// random policies.
func TestAllowedNamesCanBeWalkedTo(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	pick := func(from []string) string { return from[rng.IntN(len(from))] }
	elems := []string{"a", "b", "ab", ".a", "é", "A", "a.b", "x*", "ａ", "\u00ad", "a\u200d", "b／a"}
	parts := []string{"a", "b", "*", "**", "a*", "?", "[ab]", "{a,b}", ".a", "[^a]", "{a,b/a}", "é", "*b", "a**b", ".*"}
	exprs := []string{`a`, `.`, `.*`, `/`, `[ab]+`, `(a|b/)*`, `\.a`, `(?i)a`, `\b`, `[^/]+`, `a{1,2}`, `$`, `^`, `x?`, `(.*/)?`}
	join := func(from []string, sep string) string {
		var picked []string
		for range 1 + rng.IntN(4) {
			picked = append(picked, pick(from))
		}
		return strings.Join(picked, sep)
	}
	var names []vfs.Name
	for len(names) < 300 {
		names = append(names, mustName(t, join(elems, "/")))
	}
	patterns := func(most int) (ps []vfs.Pattern) {
		for range rng.IntN(most + 1) {
			var p vfs.Pattern
			var err error
			switch rng.IntN(4) {
			case 0:
				p, err = vfs.ParsePattern("re:" + join(exprs, ""))
			case 1:
				p, err = vfs.NameSet("set", names[rng.IntN(len(names))], names[rng.IntN(len(names))])
			default:
				p, err = vfs.ParsePattern(join(parts, "/"))
			}
			if err == nil {
				ps = append(ps, p)
			}
		}
		return ps
	}
	rounds := 300
	if length.Short() {
		rounds = 30
	}
	allowed, denied := 0, 0
	for range rounds {
		p := vfs.Policy{Allow: patterns(4), Deny: patterns(2)}
		j := mustJail(t, &everything{}, p)
		for _, n := range names {
			v := j.Explain(t.Context(), vfs.OpRead, n)
			if v.Reason == reason.PolicyDeny {
				denied++
			}
			if !v.Allowed {
				continue
			}
			allowed++
			for d := n; !d.IsRoot(); {
				d = d.Dir()
				if v := j.Explain(t.Context(), vfs.OpList, d); !v.Allowed {
					t.Fatalf("allow %q, deny %q: %q may be read, but %q may not be listed: %s by %q", p.Allow, p.Deny, n, d, v.Reason, v.Rule)
				}
			}
		}
	}
	if allowed < rounds || denied < rounds {
		t.Errorf("only %d names were allowed, %d denied: the test is void", allowed, denied)
	}
}

package vfs_test

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/bailiwick-fs/bailiwick/testdata/length"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

func allows(t testing.TB, pattern, name string) bool {
	t.Helper()
	p, err := vfs.ParsePattern(pattern)
	if err != nil {
		t.Fatal(err)
	}
	return judge(t, vfs.Policy{Allow: []vfs.Pattern{p}}, name).Allowed
}

func TestGlob(t *testing.T) {
	for _, c := range []struct {
		pattern string
		yes, no []string
	}{
		{"a.txt", []string{"a.txt"}, []string{"A.txt", "a.txt/b", "b/a.txt", "axtxt"}},
		{"*", []string{"a", "a.b", "é", "a b"}, []string{"a/b"}},
		{"**", []string{"a", "a/b", "a/b/c.d"}, nil},
		{"**/*.jpg", []string{"a.jpg", "x/a.jpg", "x/y/a.jpg"}, []string{"a.JPG", "a.jpg/x", "ajpg", "a.jpgx"}},
		{"*.jpg", []string{"a.jpg"}, []string{"x/a.jpg"}},
		{"docs/**", []string{"docs", "docs/a", "docs/a/b"}, []string{"docsa", "docs2/a", "adocs/a", "a/docs/b"}},
		{"docs/*", []string{"docs/a"}, []string{"docs", "docs/a/b"}},
		{"a/**/b", []string{"a/b", "a/x/b", "a/x/y/b"}, []string{"ab", "a/xb", "a/b/x"}},
		{"**/a/**", []string{"a", "a/x", "x/a", "x/a/y"}, []string{"b", "x/b/y", "ab"}},
		{"**/**/a", []string{"a", "x/a", "x/y/a"}, []string{"x/b"}},
		{"a**b", []string{"ab", "axb"}, []string{"a/b", "ax/yb"}},
		{"**.txt", []string{"a.txt"}, []string{"x/a.txt"}},
		{"a***", []string{"a", "ab"}, []string{"a/b"}},
		{"a?***/[ab]***", []string{"ab/a", "abc/bc"}, []string{"ab", "ab/c"}},
		{`\***`, []string{"*", "*a"}, []string{"a", "*/a"}},
		{"a?c", []string{"abc", "aéc"}, []string{"ac", "abbc", "a/c"}},
		{"[a-c]x", []string{"ax", "cx"}, []string{"dx", "x", "-x"}},
		{"[^a]x", []string{"bx", "éx"}, []string{"ax", "x"}},
		{"[!a]x", []string{"bx"}, []string{"ax"}},
		{"a[^b]c", []string{"axc"}, []string{"a/c", "abc"}},
		{"[é-ü]", []string{"ö"}, []string{"a"}},
		{"*.{jpg,png}", []string{"a.jpg", "a.png"}, []string{"a.gif", "a.{jpg,png}"}},
		{"{a,b/c}/x", []string{"a/x", "b/c/x"}, []string{"b/x", "c/x"}},
		{"{a,{b,c}d}e", []string{"ae", "bde", "cde"}, []string{"be", "de"}},
		{"x{,y}", []string{"x", "xy"}, []string{"xx"}},
		{"{a,a*}", []string{"a", "ab"}, []string{"b"}},
		{"{a,*}{b,*}", []string{"ab", "xy", "x"}, []string{"x/y", "x/y/z"}},
		{"*{,a}*", []string{"a", "x"}, []string{"x/y"}},
		{"docs/{*,a}*", []string{"docs/x"}, []string{"docs", "docs/x/y"}},
		{"{**,a}/x", []string{"x", "a/x", "b/c/x"}, []string{"x/b"}},
		{"[{,]x", []string{"{x", ",x"}, []string{"x"}},
		{`\*`, []string{"*"}, []string{"a"}},
		{`a\{b,c\}`, []string{"a{b,c}"}, []string{"ab"}},
		{`\[a]`, []string{"[a]"}, []string{"a"}},
		{`a\/b`, []string{"a/b"}, nil},
		{"a,b", []string{"a,b"}, []string{"a", "b"}},
		{"a*b*c", []string{"abc", "a-b-c", "abbcc"}, []string{"ab", "a/b/c"}},
		{"*a", []string{"a", "ba", "aa"}, []string{"ab"}},
		{"a*a", []string{"aa", "aba"}, []string{"a"}},
		{"résumé/*", []string{"résumé/a"}, []string{"re\u0301sume\u0301/a"}},
		{"100%/*", []string{"100%/a"}, []string{"100/a"}},
	} {
		for _, n := range c.yes {
			if !allows(t, c.pattern, n) {
				t.Errorf("%s does not match %q", c.pattern, n)
			}
		}
		for _, n := range c.no {
			if allows(t, c.pattern, n) {
				t.Errorf("%s matches %q", c.pattern, n)
			}
		}
	}
}

func TestRegexp(t *testing.T) {
	for _, c := range []struct {
		pattern string
		yes, no []string
	}{
		{`re:a|b`, []string{"a", "b"}, []string{"ab", "xa", "bx"}},
		{`re:[0-9]{4}/.*\.pdf`, []string{"2026/a.pdf", "2026/x/y.pdf"}, []string{"x/2026/a.pdf", "2026/a.pdf/x", "26/a.pdf"}},
		{`re:(?i)readme\.md`, []string{"README.md", "readme.MD"}, []string{"xreadme.md"}},
		{`re:^a$`, []string{"a"}, []string{"ab"}},
		{`re:\Qa.b\E`, []string{"a.b"}, []string{"axb"}},
		{`re:(?-s:.)+`, []string{"abc"}, nil},
		{`re:\p{Cyrillic}+`, []string{"фото"}, []string{"photo"}},
	} {
		for _, n := range c.yes {
			if !allows(t, c.pattern, n) {
				t.Errorf("%s does not match %q", c.pattern, n)
			}
		}
		for _, n := range c.no {
			if allows(t, c.pattern, n) {
				t.Errorf("%s matches %q", c.pattern, n)
			}
		}
	}
}

// A pattern has to spell a leading dot; no wildcard matches it. In this test, the
// pattern alone decides whether a dot file is served.
func TestLeadingDots(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		reason        vfs.Reason
	}{
		{"**", ".env", reason.PolicyDotfile},
		{"**", "a/.git/config", reason.PolicyDotfile},
		{"**", ".git/config", reason.PolicyDotfile},
		{"**", "...", reason.PolicyDotfile},
		{"*", ".env", reason.PolicyDotfile},
		{"?env", ".env", reason.PolicyDotfile},
		{"[.]env", ".env", reason.PolicyDotfile},
		{"[^a]env", ".env", reason.PolicyDotfile},
		{"*.env", ".env", reason.PolicyDotfile},
		{"**/config", ".git/config", reason.PolicyDotfile},
		{"a/**", "a/.b", reason.PolicyDotfile},
		{"**/.well-known/*", ".well-known/.x", reason.PolicyDotfile},
		{".well-known/**", ".well-known/a/.x", reason.PolicyDotfile},
		{"*.txt", ".env", reason.PolicyNoAllow},
		{".*", "\u200c.env", reason.PolicyNoAllow},
		{"**", "a/\u200d\u2060.git/config", reason.PolicyDotfile},
		{".*", "\u200c.env", reason.PolicyNoAllow},
		{`re:.*`, "a/\u200c.env", reason.PolicyDotfile},
		{"**", "\u200cenv", ""},
		{"**", "é.env", ""},
		{`re:.*`, "é/a\u200c.env", ""},
		{"\u200c.env", "\u200c.env", ""},
		{"\u200c.env/*", "\u200c.env/a", ""},
		{".*", ".env", ""},
		{`\.env`, ".env", ""},
		{".env", ".env", ""},
		{"{.env,x}", ".env", ""},
		{".[a-z]*", ".env", ""},
		{".?nv", ".env", ""},
		{"**/.env", "a/.env", ""},
		{".well-known/**", ".well-known/acme/a", ""},
		{"**/.well-known/**", "x/.well-known/a", ""},
		{"**", "a.b/c..d/e.", ""},
		{`re:.*`, ".env", reason.PolicyDotfile},
		{`re:[\w.-]+`, ".env", reason.PolicyDotfile},
		{`re:[\w.-]+(/[\w.-]+)*`, "a/.env", reason.PolicyDotfile},
		{`re:(?s).+`, "a/.env", reason.PolicyDotfile},
		{`re:\W.*`, ".env", reason.PolicyDotfile},
		{`re:\x01?.env`, ".env", reason.PolicyDotfile},
		{`re:[^a]env`, ".env", reason.PolicyDotfile},
		{`re:\.env`, ".env", ""},
		{`re:\.[a-z]+`, ".env", ""},
		{`re:\x2eenv`, ".env", ""},
		{`re:(.*/)?\.well-known/[\w.-]+`, "a/.well-known/x", ""},
		{`re:(.*/)?\.well-known/[\w.-]+`, "a/.well-known/.x", reason.PolicyDotfile},
		{`re:(?i)\.ENV`, ".env", ""},
		{`re:a\.b`, "a.b", ""},
		{`re:[\w.]+`, "a.b", ""},
	} {
		v := judge(t, vfs.Policy{Allow: vfs.Patterns(c.pattern)}, c.name)
		if v.Reason != c.reason || v.Allowed != (c.reason == "") {
			t.Errorf("%s, %q: %q, want %q", c.pattern, c.name, v.Reason, c.reason)
		}
	}
}

func TestParsePatternErrors(t *testing.T) {
	for _, c := range []struct{ pattern, help string }{
		{"", `"**" matches every name`},
		{"/a", "leading"},
		{"a/", "dir/**"},
		{"a//b", "doubled slash"},
		{"{a,/b}", "leading"},
		{"{,a}", "leading"},
		{"..", `".."`},
		{"../*.txt", `".."`},
		{"a/./b*", `"."`},
		{"a\x00", "NUL"},
		{"a\xff", "UTF-8"},
		{"[a", `\[`},
		{"{a", "unclosed"},
		{"a}", "unclosed"},
		{`a\`, "unclosed"},
		{"[a/b]", "slash"},
		{`[a\/b]`, "slash"},
		{"[]", "unclosed"},
		{strings.Repeat("{a,b}", 11), "more than 1000"},
		{strings.Repeat("{a,b}", 800), "more than 1000"},
		{strings.Repeat("a*/", 63) + "b", "more than 63 segments"},
		{strings.Repeat("a", 5000), "4096"},
		{strings.Repeat("e", 256), "255"},
		{"re:(", "missing closing"},
		{"re:a)|(b", "unexpected )"},
		{"re:(?=a)", "invalid"},
		{`re:(a)\1`, "invalid escape"},
		{"re:a{1001}", "invalid repeat"},
	} {
		p, err := vfs.ParsePattern(c.pattern)
		if !errors.Is(err, vfs.ErrPattern) || !strings.Contains(err.Error(), c.help) || p.String() != "" {
			t.Errorf("ParsePattern(%.30q) = %q, %v, want an error with %q", c.pattern, p, err, c.help)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("Patterns took a bad pattern")
		}
	}()
	vfs.Patterns("a", "[")
}

// The matcher works on elements, with braces expanded; doublestar works on the whole
// name. They agree except for documented differences in leading dots, for classes,
// which in this test never meet a slash, and for patterns such as "a*/**" and "a***",
// which doublestar fails to match with "a".
func TestGlobAgreesWithDoublestar(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	pieces := []string{"a", "b", "é", "*", "**", "?", "/", "/", "[ab]", "[^b]", "[b-é]", "{a,b}", "{a/b,*c}", "{b,ab}", `\a`, `\*`, "**/", "/**", ".a", ","}
	letters := []string{"a", "b", "é", "/", "c", "*", ","}
	random := func(from []string, n int) string {
		var b strings.Builder
		for range 1 + rng.IntN(n) {
			b.WriteString(from[rng.IntN(len(from))])
		}
		return b.String()
	}
	var names []vfs.Name
	for len(names) < 400 {
		n, err := vfs.ParseName(random(letters, 7))
		if err == nil {
			names = append(names, n)
		}
	}
	rounds := 4000
	if length.Short() {
		rounds = 400
	}
	matches, patterns := 0, 0
	for range rounds {
		src := random(pieces, 6)
		p, err := vfs.ParsePattern(src)
		if err != nil || strings.Contains(src, "***") {
			continue
		}
		patterns++
		j := mustJail(t, &everything{}, vfs.Policy{Allow: []vfs.Pattern{p}})
		for _, n := range names {
			want := doublestarMatches(t, src, n.String())
			if got := j.Explain(t.Context(), vfs.OpRead, n).Allowed; got != want {
				t.Errorf("%q, %q: %t, doublestar says %t", src, n, got, want)
			}
			if want {
				matches++
			}
		}
	}
	if patterns < rounds/5 || matches < patterns {
		t.Errorf("only %d patterns and %d matches: the test is void", patterns, matches)
	}
}

func doublestarMatches(t *testing.T, pattern, name string) bool {
	strict := strings.ReplaceAll(pattern, "[^b]", "[^b/]")
	for {
		ok, err := doublestar.Match(strict, name)
		if err != nil {
			t.Fatalf("doublestar refuses %q: %v", pattern, err)
		}
		rest, more := strings.CutSuffix(strict, "/**")
		if ok || !more {
			return ok
		}
		strict = rest
	}
}

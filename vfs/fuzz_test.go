package vfs_test

import (
	"errors"
	"io/fs"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

var attackSeeds = []string{
	"a", "docs/guide.html", "..", "../a", "a/../b", "%2e%2e/a", "%252e%252e", "..%2fa", `..\a`, "%5c", "a%00b", "\x00", "/a", "a//b", "a/", "%", "%zz", "%u002e",
	"\xc0\xae", "%c0%ae", "\u202egpj", "\ufeff", ".env", "a.", "CON", "фото.jpg", "cafe\u0301", "\u212a", "ａ／b", "\u00ad", strings.Repeat("a/", 600), strings.Repeat("%61", 1100),
}

// checkParsed checks the properties of every parsed Name.
func checkParsed(t *testing.T, n vfs.Name) {
	t.Helper()
	s := n.String()
	if !utf8.ValidString(s) || !fs.ValidPath(s) || s == "." || len(s) > vfs.MaxNameBytes || strings.ContainsAny(s, "\\\x00\n\r\x7f") {
		t.Errorf("%q is a Name", s)
	}
	for elem := range n.Elements() {
		if elem == ".." || elem == "." || elem == "" || len(elem) > vfs.MaxElementBytes {
			t.Errorf("%q has the element %q", s, elem)
		}
	}
	if again, err := vfs.ParseName(s); again != n || err != nil {
		t.Errorf("ParseName(%q) = %q, %v", s, again, err)
	}
	if again, err := vfs.ParseEscapedPath(n.EscapedPath()); again != n || err != nil {
		t.Errorf("ParseEscapedPath(%q) = %q, %v", n.EscapedPath(), again, err)
	}
	if again, err := n.Dir().Child(n.Base()); again != n || err != nil {
		t.Errorf("%q joined again is %q, %v", s, again, err)
	}
}

func checkRefused(t *testing.T, n vfs.Name, err error) {
	t.Helper()
	if !n.IsZero() || !errors.Is(err, fs.ErrNotExist) || vfs.ReasonOf(err).Step() != "name" || vfs.ReasonOf(err).Detail() == "" {
		t.Errorf("%q, %v, reason %q", n, err, vfs.ReasonOf(err))
	}
}

func FuzzParseName(f *testing.F) {
	for _, s := range attackSeeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := vfs.ParseName(s)
		if err != nil {
			checkRefused(t, n, err)
			return
		}
		if n.String() != s {
			t.Errorf("ParseName(%q) = %q", s, n)
		}
		checkParsed(t, n)
	})
}

func FuzzParseEscapedPath(f *testing.F) {
	for _, s := range attackSeeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := vfs.ParseEscapedPath(s)
		if err != nil {
			checkRefused(t, n, err)
			return
		}
		checkParsed(t, n)
		if strings.Count(n.String(), "/") != strings.Count(s, "/") {
			t.Errorf("%q has other elements than %q", n, s)
		}
		if !strings.Contains(s, "%") && n.String() != s {
			t.Errorf("%q, which has no escape, became %q", s, n)
		}
	})
}

func FuzzPattern(f *testing.F) {
	for _, src := range []string{"**", "a/**/b", "*.{jpg,png}", "[^a-c]x", `\*`, "{a,{b,c}d}/**", "re:.*", `re:[\w.-]+(/\.x)?`, "re:(?i)straße|ſ", "Ａ*", "[Ａ-Ｚ]", "***/a", "{*,a}*", "re:\u00ad", "[]", "{", `a\`, strings.Repeat("*/", 62) + "*a", "{,a}{,b}x"} {
		for _, name := range []string{"a", "a/b/.c", "STRASSE", "ａ／b", "\u00ad/a", strings.Repeat("a/", 511) + "b"} {
			f.Add(src, name)
		}
	}
	f.Fuzz(func(t *testing.T, src, name string) {
		p, err := vfs.ParsePattern(src)
		if err != nil {
			if !errors.Is(err, vfs.ErrPattern) {
				t.Errorf("ParsePattern(%q): %v", src, err)
			}
			return
		}
		n, err := vfs.ParseName(name)
		if err != nil {
			return
		}
		all := vfs.Patterns("**", "**/.*/**", "**/.*")
		allow, err := vfs.New(&everything{}, vfs.Policy{Allow: []vfs.Pattern{p}})
		if err != nil {
			t.Fatalf("%q cannot allow: %v", src, err)
		}
		deny, err := vfs.New(&everything{}, vfs.Policy{Allow: all, Deny: []vfs.Pattern{p}})
		if err != nil {
			t.Fatalf("%q cannot deny: %v", src, err)
		}
		a, d := allow.Explain(t.Context(), vfs.OpRead, n), deny.Explain(t.Context(), vfs.OpRead, n)
		if a.Allowed && d.Allowed {
			t.Errorf("%q allows %q, but does not deny it", src, n)
		}
		for dir := n.Dir(); !dir.IsRoot(); dir = dir.Dir() {
			if !deny.Explain(t.Context(), vfs.OpRead, dir).Allowed && d.Allowed {
				t.Errorf("%q denies %q, but not %q below it", src, dir, n)
			}
		}
		if a.Allowed && !allow.Explain(t.Context(), vfs.OpList, n.Dir()).Allowed {
			t.Errorf("%q allows %q, but not its directory", src, n)
		}
		if d.Allowed && !deny.Explain(t.Context(), vfs.OpList, n.Dir()).Allowed {
			t.Errorf("a deny of %q does not cover %q, but hides its directory", src, n)
		}
	})
}

var plainExtension = regexp.MustCompile(`\.[0-9A-Za-z]{1,7}\z`)

// isBlank reports whether a character is invisible, by other tables than SafeName's.
func isBlank(r rune) bool {
	return unicode.In(r, unicode.Zs, unicode.Zl, unicode.Zp, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point) ||
		unicode.Is(unicode.Cf, r) && !unicode.Is(unicode.Prepended_Concatenation_Mark, r) || r == 0x2800
}

func FuzzSafeName(f *testing.F) {
	for _, s := range attackSeeds {
		f.Add(s, "", 0)
		f.Add(s, s, 20)
		f.Add(s+".jpg", s, 0)
	}
	j := mustJail(f, &everything{}, vfs.Policy{Allow: vfs.Patterns("**")})
	f.Fuzz(func(t *testing.T, s, fallback string, limit int) {
		opts := vfs.SafeNameOptions{MaxBytes: limit, Fallback: fallback}
		n := vfs.SafeName(s, opts)
		checkParsed(t, n)
		most := vfs.MaxElementBytes
		if limit > 0 {
			most = min(max(limit, 16), most)
		}
		if strings.Contains(n.String(), "/") || len(n.String()) > most {
			t.Errorf("SafeName(%q, %+v) = %q", s, opts, n)
		}
		if v := j.Explain(t.Context(), vfs.OpWrite, n); !v.Allowed {
			t.Errorf("SafeName(%q, %+v) = %q may not be created: %s", s, opts, n, v.Reason)
		}
		if again := vfs.SafeName(n.String(), opts); again != n {
			t.Errorf("SafeName(%q, %+v) = %q; applied again: %q", s, opts, n, again)
		}
		if stem, _, _ := strings.Cut(n.String(), "."); strings.TrimFunc(stem, isBlank) == "" {
			t.Errorf("SafeName(%q, %+v) = %+q, which is invisible", s, opts, n)
		}
		// A short extension of plain characters is kept, whatever precedes it.
		if ext := plainExtension.FindString(s); ext != "" && !strings.HasSuffix(n.String(), ext) {
			t.Errorf("SafeName(%q, %+v) = %q, which lost the extension %s", s, opts, n, ext)
		}
	})
}

// FuzzVerdict uses a backend in which every object exists. Explain must agree with Get,
// Head and the file system, and a refused name must never reach the backend.
func FuzzVerdict(f *testing.F) {
	for _, s := range attackSeeds {
		f.Add(s)
	}
	for _, s := range append(servedNames, refusedNames...) {
		f.Add(s)
	}
	b := &everything{}
	j := mustJail(f, b, twentyPatterns())
	f.Fuzz(func(t *testing.T, s string) {
		n, err := vfs.ParseEscapedPath(s)
		if err != nil {
			n = vfs.Name{}
		}
		v := j.Explain(t.Context(), vfs.OpRead, n)
		before := b.calls.Load()
		_, getErr := j.Get(t.Context(), n, vfs.Request{})
		info, headErr := j.Head(t.Context(), n, vfs.Request{})
		_, readErr := j.ReadFile(n.String())
		for _, err := range []error{getErr, headErr, readErr} {
			if v.Allowed != (err == nil) || v.Reason != vfs.ReasonOf(err) || err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%q: Explain says %t %q, then %v (%s)", n, v.Allowed, v.Reason, err, vfs.ReasonOf(err))
			}
		}
		if v.Allowed && info.Rule != v.Rule {
			t.Errorf("%q: Explain says %q, Head %q", n, v.Rule, info.Rule)
		}
		if !v.Allowed && b.calls.Load() != before {
			t.Errorf("%q is refused, but the backend was called", n)
		}
	})
}

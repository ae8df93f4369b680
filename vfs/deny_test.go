package vfs_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// A deny has to hold for every spelling that some file system treats as the same file.
// Without the deny, every name in refused is served.
func TestDenyFolds(t *testing.T) {
	for _, c := range []struct {
		deny            string
		refused, served []string
	}{
		{"secret.txt", []string{"secret.txt", "SECRET.TXT", "Secret.txt", "ſecret.txt", "sec\u200dret.txt", "secret\u00ad.txt", "ｓｅｃｒｅｔ.txt", "secret．txt", "sec\u034fret.txt", "secret.txt\ufe0f"}, []string{"secrets.txt", "secret.txt2", "a/secret.txt"}},
		{"SECRET.TXT", []string{"secret.txt", "SECRET.TXT", "ＳＥＣＲＥＴ.txt"}, []string{"secret"}},
		{"**/*.key", []string{"a.key", "a.KEY", "x/a.\u212aey", "x/y/A.Key"}, []string{"a.keys", "key"}},
		{"straße/*", []string{"straße/a", "STRASSE/a", "strasse/A", "STRAẞE/a"}, []string{"strase/a"}},
		{"strasse/*", []string{"straße/a"}, nil},
		{"ΣΊΣΥΦΟΣ", []string{"σίσυφος", "σίσυφοσ", "Σίσυφος"}, nil},
		{"café", []string{"café", "cafe\u0301", "CAFE\u0301", "CAFÉ"}, []string{"cafe"}},
		{"cafe\u0301", []string{"café", "cafe\u0301"}, []string{"cafe"}},
		{"ﬁle", []string{"file", "ﬁle", "FILE"}, nil},
		{"k*", []string{"\u212aelvin", "K", "k"}, []string{"ak"}},
		{"[a-c]x", []string{"ax", "Bx", "CX"}, []string{"dx"}},
		{"[A-C]X", []string{"ax", "bX", "Cx"}, []string{"dx"}},
		{"[Ä]x", []string{"äx", "Äx", "A\u0308x"}, []string{"ax"}},
		{"[^a]x", []string{"bx", "BX"}, []string{"ax"}},
		{`a\*b`, []string{"a*b", "A*B", "a＊b"}, []string{"axb"}},
		{"a＊b", []string{"a*b", "a＊b"}, []string{"axb"}},
		{"re:private/.*", []string{"private/a", "PRIVATE/a", "Private/x", "ｐrivate/a"}, []string{"privat/a"}},
		{"re:PRIVATE/.*", []string{"private/a"}, nil},
		{"re:[A-Z]+/straße", []string{"abc/STRASSE", "ABC/straße"}, []string{"1/strasse"}},
		{"re:(?i)a", []string{"a", "A", "ａ"}, []string{"b"}},
		{"re:\u00adx\u00ad", []string{"x", "X", "\u00adx"}, []string{"y"}},
		// Folding neither makes nor removes a separator.
		{"drafts/a", []string{"drafts/a/b", "DRAFTS/ａ"}, []string{"drafts", "drafts／a", "DRAFTS／A"}},
		{"drafts", []string{"drafts/x"}, []string{"a/drafts", "drafts／x", "drafts／x／y"}},
		{"*/private", []string{"2024／03/Private/x.txt", "℅/PRIVATE", "a/ｐrivate"}, []string{"2024/03/private"}},
		{"a／b", []string{"a／b", "A／B/c"}, []string{"a/b"}},
		{"c／o", []string{"℅", "C／O"}, []string{"c/o"}},
		{"a", nil, []string{"\u00ad/a"}},
		// A wildcard matches one character as written, whatever that folds to.
		{"secret?.txt", []string{"SECRET½.txt", "secret½.txt", "secretﬁ.txt", "secret℅.txt", "secretß.txt", "secret\u00ad.txt"}, []string{"secret12.txt", "secret.txt"}},
		{"x[^a]y", []string{"x½y", "X℅Y", "xAy", "xßy"}, []string{"xay", "x12y"}},
		{"x[½]y", []string{"x½y", "X½Y"}, []string{"x1y"}},
		{"[^a]b", []string{"AB", "xB"}, []string{"ab"}},
		{"??", []string{"ß", "ab"}, []string{"abc"}},
		{"e\u0302?", []string{"e\u0302\u0301", "E\u0302\u0301", "ê1"}, []string{"e1"}},
		{"E\u0302?", []string{"e\u0302\u0301"}, nil},
		{"caf*", []string{"cafe\u0301", "CAFÉ"}, nil},
		{"cafe*", []string{"cafe\u0301x"}, []string{"caféx"}},
		{"*é?", []string{"xe\u0301½", "XÉ℅"}, []string{"xe½"}},
		{"x*\u0301\u0323y", []string{"xe\u0323\u0301y", "xe\u0301\u0323y"}, []string{"xey"}},
		{"re:secret.\\.txt", []string{"SECRET½.txt", "ｓecret½.txt", "secret℅.txt"}, []string{"secret12.txt"}},
		{"re:ﬁle[^0-9]x", []string{"file½x", "FILE℅X", "ﬁleßx"}, []string{"file1x"}},
		{"re:[^/]+/private", []string{"2024／03/Private", "℅/PRIVATE/x"}, []string{"a/b/private"}},
		{"re:[^A]b", []string{"ab", "Ab", "AB", "xB"}, nil},
		{"re:[Ａ-Ｃ]x", []string{"ax", "Bx", "ｃX"}, []string{"dx"}},
		{`re:.*\bsecret\b.*`, []string{"Ж-secret.txt", "Ж-SECRET.txt"}, []string{"Жsecrets.txt", "Ж-secrets.txt"}},
	} {
		without := mustJail(t, &everything{}, vfs.Policy{Allow: vfs.Patterns("**")})
		with := mustJail(t, &everything{}, vfs.Policy{Allow: vfs.Patterns("**"), Deny: vfs.Patterns(c.deny)})
		for _, s := range c.refused {
			n := mustName(t, s)
			if v := without.Explain(t.Context(), vfs.OpRead, n); !v.Allowed {
				t.Errorf("%q is refused without a deny: %s", s, v.Reason)
			}
			if v := with.Explain(t.Context(), vfs.OpRead, n); v.Reason != reason.PolicyDeny || v.Rule != c.deny {
				t.Errorf("deny %q, %q: %q by %q", c.deny, s, v.Reason, v.Rule)
			}
		}
		for _, s := range c.served {
			if v := with.Explain(t.Context(), vfs.OpRead, mustName(t, s)); !v.Allowed {
				t.Errorf("deny %q, %q: %s by %q", c.deny, s, v.Reason, v.Rule)
			}
		}
	}
}

// An allow pattern matches only the bytes that it spells: a name that a disk treats as
// the same file is a different name.
func TestAllowComparesBytes(t *testing.T) {
	for pattern, names := range map[string][]string{
		"secret.txt":   {"SECRET.TXT", "ſecret.txt", "sec\u200dret.txt", "secret．txt"},
		"café/*":       {"cafe\u0301/a", "CAFÉ/a"},
		"docs/**":      {"DOCS/a", "docs／a"},
		`re:docs/.*`:   {"DOCS/a"},
		"*.k":          {"a.\u212a", "a.K"},
		"[a-c]":        {"A"},
		"{a.txt,b.md}": {"A.txt"},
	} {
		for _, n := range names {
			if allows(t, pattern, n) {
				t.Errorf("%s allows %q", pattern, n)
			}
		}
	}
}

// A deny of a directory covers everything below it, for objects and for directories. An
// allow covers only what it matches.
func TestDenyCoversBelow(t *testing.T) {
	for _, c := range []struct {
		deny                string
		refused, served     []string
		refusedDirs, listed []string
	}{
		{"drafts", []string{"drafts", "drafts/a", "drafts/a/b", "Drafts/a"}, []string{"x/drafts", "drafts2/a"}, []string{"drafts", "drafts/x", "DRAFTS"}, []string{".", "x"}},
		{"drafts/**", []string{"drafts/a", "drafts/a/b"}, []string{"x/drafts/a"}, []string{"drafts", "drafts/x"}, []string{".", "drafts2"}},
		{"drafts/*", []string{"drafts/a", "drafts/a/b"}, []string{"drafts"}, []string{"drafts", "drafts/x"}, []string{"."}},
		{"**/private", []string{"private/a", "x/private/a/b"}, []string{"privates/a"}, []string{"private", "x/y/private"}, []string{"x"}},
		{"drafts/*.txt", []string{"drafts/a.txt", "drafts/a.txt/b"}, []string{"drafts/a"}, []string{"drafts/a.txt"}, []string{"drafts"}},
		{"re:x/y[0-9]", []string{"x/y1", "x/y1/z"}, []string{"x/y", "x/y10"}, []string{"x/y1", "x/y1/z"}, []string{"x", "x/y"}},
		{"*", []string{"a", "a/b"}, nil, []string{".", "a"}, nil},
		{"**", []string{"a", "a/b"}, nil, []string{".", "a"}, nil},
		{"*/**", []string{"a", "a/b"}, nil, []string{".", "a"}, nil},
		{"re:x*", []string{"xx", "xx/a"}, []string{"a", "a/xx"}, []string{"xx"}, []string{".", "a"}},
		{".*", []string{".git", ".git/config"}, []string{"a"}, []string{".git"}, []string{"."}},
	} {
		j := mustJail(t, &everything{}, vfs.Policy{Allow: vfs.Patterns("**", "**/.*/**"), Deny: vfs.Patterns(c.deny)})
		for _, group := range []struct {
			op      vfs.Op
			names   []string
			allowed bool
		}{
			{vfs.OpRead, c.refused, false}, {vfs.OpRead, c.served, true},
			{vfs.OpList, c.refusedDirs, false}, {vfs.OpList, c.listed, true},
		} {
			for _, n := range group.names {
				if v := j.Explain(t.Context(), group.op, mustName(t, n)); v.Allowed != group.allowed {
					t.Errorf("deny %s: %s %q: allowed %t (%s by %q)", c.deny, group.op, n, v.Allowed, v.Reason, v.Rule)
				}
			}
		}
	}
	for _, n := range []string{"docs/a", "docs/a/b"} {
		if allows(t, "docs", n) {
			t.Errorf("allowing docs allows %s", n)
		}
	}
}

// A set of names denies as patterns do.
func TestDenyNameSet(t *testing.T) {
	set, err := vfs.NameSet("gone.txt", mustName(t, "Old/Secret"), mustName(t, "straße"), mustName(t, "c／o/½"))
	if err != nil {
		t.Fatal(err)
	}
	p := vfs.Policy{Allow: vfs.Patterns("**"), Deny: []vfs.Pattern{set}}
	for name, allowed := range map[string]bool{
		"Old/Secret": false, "old/secret": false, "OLD/SECRET/below": false, "STRASSE": false,
		"℅/1⁄2": false, "C／O/½/x": false, "c/o/½": true,
		"Old": true, "Old/Secret2": true, "old": true,
	} {
		if v := judge(t, p, name); v.Allowed != allowed || !allowed && v.Rule != "gone.txt" {
			t.Errorf("%s: allowed %t by %q", name, v.Allowed, v.Rule)
		}
	}
}

// Fold maps look-alikes to one text, and accepts any bytes.
func TestFold(t *testing.T) {
	for _, s := range []string{"alice@cert", "ALICE@Cert", "alice＠ｃｅｒｔ", "al\u200dice@cert", "ali\u00adce@cert"} {
		if got := vfs.Fold(s); got != "alice@cert" {
			t.Errorf("%q folds to %q", s, got)
		}
	}
	if got := vfs.Fold("a\xffB"); got != "a\ufffdb" {
		t.Errorf("invalid UTF-8 folds to %q", got)
	}
}

// A caller that ignores ParsePattern's error gets the zero Pattern, which would deny
// nothing. So a policy with it is invalid.
func TestZeroPatternDenies(t *testing.T) {
	broken, err := vfs.ParsePattern("secret[")
	if err == nil {
		t.Fatal("accepted")
	}
	if _, err := vfs.New(&everything{}, vfs.Policy{Allow: vfs.Patterns("**"), Deny: []vfs.Pattern{broken}}); !errors.Is(err, vfs.ErrPattern) {
		t.Errorf("no deny patterns: %v", err)
	}
}

// A Jail that New did not make lets nobody in.
func TestZeroJailRefuses(t *testing.T) {
	var j vfs.Jail
	n := mustName(t, "a")
	_, getErr := j.Get(t.Context(), n, vfs.Request{})
	_, putErr := j.Put(t.Context(), n, strings.NewReader("x"), vfs.PutOptions{})
	_, listErr := j.ListPage(t.Context(), vfs.Root, "", 1)
	for _, err := range []error{getErr, putErr, listErr} {
		if vfs.ReasonOf(err) != reason.PolicyNoAllow {
			t.Errorf("%v", err)
		}
	}
}

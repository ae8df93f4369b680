package vfs_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

var longElement = strings.Repeat("e", vfs.MaxElementBytes)

// longName has exactly MaxNameBytes.
var longName = strings.Repeat(longElement+"/", 4)[:vfs.MaxNameBytes-2] + "/n"

func TestParseNameRefuses(t *testing.T) {
	for _, c := range []struct {
		reason vfs.Reason
		names  []string
	}{
		{reason.NameEmpty, []string{""}},
		{reason.NameTooLong, []string{longName + "n", strings.Repeat("a/", 1<<20), strings.Repeat("../", 1000)}},
		{reason.NameElementTooLong, []string{longElement + "e", "a/" + longElement + "e", longElement + "e/a", strings.Repeat("é", 128)}},
		{reason.NameSlash, []string{"/", "//", "/a", "a/", "a//b", "//a", "a/b//", "//host/share"}},
		{reason.NameDot, []string{".", "./a", "a/.", "a/./b"}},
		{reason.NameDotDot, []string{"..", "../a", "a/..", "a/../b", "a/b/../../../c"}},
		{reason.NameBackslash, []string{`\`, `a\b`, `..\a`, `\\host\share`, `C:\a`, `a/..\b`}},
		{reason.NameNUL, []string{"\x00", "a\x00", "\x00a", "a/b\x00.jpg"}},
		{reason.NameControl, []string{"\x01", "a\tb", "a\nb", "a\r", "\x1b[2J", "a\x7f", "a\u0080", "a\u0085b", "\u009f"}},
		{reason.NameUTF8, []string{"\xff", "a\x80", "\xc0\xae", "\xc0\xaf", "\xe0\x80\xaf", "a/\xed\xa0\x80", "\xf4\x90\x80\x80", "é\xc3"}},
		{reason.NameBidi, []string{"a\u061cb", "\u200e", "\u200f", "a\u202agpj.exe", "\u202b", "\u202c", "\u202d", "a\u202egpj.exe", "\u2066", "\u2067", "\u2068", "\u2069"}},
		{reason.NameUnicode, []string{"\ufeffa", "a\u2028b", "a\u2029b", "\ufdd0", "\ufdef", "\ufffe", "\uffff", "\U0001fffe", "\U0010ffff"}},
	} {
		for _, s := range c.names {
			n, err := vfs.ParseName(s)
			if !n.IsZero() || vfs.ReasonOf(err) != c.reason || !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("ParseName(%.40q) = %q, %v (%s), want %s", s, n, err, vfs.ReasonOf(err), c.reason)
			}
		}
		if c.reason.Step() != "name" || c.reason.Detail() == "" {
			t.Errorf("%s: step %q, detail %q", c.reason, c.reason.Step(), c.reason.Detail())
		}
	}
}

func TestParseNameAccepts(t *testing.T) {
	for _, s := range []string{
		"a", "a/b", "docs/guide.html", "a b", " a", "a ", "a.", "...", "....", "a..b", "..a", "a..", ".env", ".../a",
		"a+b", "100%", "%2e%2e", "%2f", "a%00", "~", "~root", "C:", "C:x", "aux.txt", "10:30.log", "a*b?", `"<>|`, "-rf", "--", "$HOME", "'",
		"é", "e\u0301", "фото.jpg", "日本/語", "😀", "👩\u200d👩", "\u00a0", "\ufffd", "\ufdf0", "\U0001fffd", "\u200b", "a／b", "．．",
		longElement, longName, strings.Repeat("é", 127), strings.Repeat("a/", 511) + "b",
	} {
		n, err := vfs.ParseName(s)
		if err != nil || n.String() != s {
			t.Errorf("ParseName(%.40q) = %.40q, %v", s, n, err)
			continue
		}
		back, err := vfs.ParseEscapedPath(n.EscapedPath())
		if err != nil || back != n {
			t.Errorf("ParseEscapedPath(%.40q) = %.40q, %v, want %.40q", n.EscapedPath(), back, err, n)
		}
		if esc := n.EscapedPath(); strings.ContainsFunc(esc, func(r rune) bool { return r > '~' || r <= ' ' || strings.ContainsRune(`"<>&'\`, r) }) {
			t.Errorf("EscapedPath of %.40q holds a reserved character: %.60q", s, esc)
		}
	}
}

func TestParseEscapedPath(t *testing.T) {
	for _, c := range []struct {
		path, want string
		reason     vfs.Reason
	}{
		{path: "a", want: "a"},
		{path: "%61", want: "a"},
		{path: "a%20b", want: "a b"},
		{path: "a+b", want: "a+b"},
		{path: "a%2Bb", want: "a+b"},
		{path: "100%25", want: "100%"},
		{path: "%252e", want: "%2e"},
		{path: "%252e%252e/a", want: "%2e%2e/a"},
		{path: "a%252fb", want: "a%2fb"},
		{path: "%25252f", want: "%252f"},
		{path: "%C3%A9", want: "é"},
		{path: "%c3%a9", want: "é"},
		{path: "\xc3%a9", want: "é"},
		{path: "é", want: "é"},
		{path: "a;b=c", want: "a;b=c"},
		{path: strings.Repeat("%65", 255), want: longElement},
		{reason: reason.NameEmpty, path: ""},
		{reason: reason.NameDot, path: "%2e"},
		{reason: reason.NameDotDot, path: "%2e%2e"},
		{reason: reason.NameDotDot, path: ".%2E/a"},
		{reason: reason.NameDotDot, path: "a/%2e./b"},
		{reason: reason.NameEncodedSlash, path: "a%2fb"},
		{reason: reason.NameEncodedSlash, path: "..%2Fa"},
		{reason: reason.NameBackslash, path: "..%5ca"},
		{reason: reason.NameBackslash, path: "a%5C"},
		{reason: reason.NameBackslash, path: `a\%61`},
		{reason: reason.NameNUL, path: "a%00.jpg"},
		{reason: reason.NameControl, path: "a%0d%0aSet-Cookie:x"},
		{reason: reason.NameControl, path: "%7f"},
		{reason: reason.NameControl, path: "%c2%80"},
		{reason: reason.NameUTF8, path: "%c0%ae%c0%ae/a"},
		{reason: reason.NameUTF8, path: "%ff"},
		{reason: reason.NameBidi, path: "%e2%80%ae"},
		{reason: reason.NameUnicode, path: "%ef%bb%bfa"},
		{reason: reason.NameEscape, path: "%"},
		{reason: reason.NameEscape, path: "a%2"},
		{reason: reason.NameEscape, path: "%zz"},
		{reason: reason.NameEscape, path: "%u002e"},
		{reason: reason.NameEscape, path: "%%32e"},
		{reason: reason.NameEscape, path: "% 2e"},
		{reason: reason.NameEscape, path: "%2\u00b2"},
		{reason: reason.NameSlash, path: "/a%20b"},
		{reason: reason.NameSlash, path: "a%20b/"},
		{reason: reason.NameTooLong, path: strings.Repeat("%61", vfs.MaxNameBytes+1)},
		{reason: reason.NameTooLong, path: strings.Repeat("%61/", vfs.MaxNameBytes)},
		{reason: reason.NameElementTooLong, path: strings.Repeat("%65", 256)},
	} {
		n, err := vfs.ParseEscapedPath(c.path)
		if n.String() != c.want || vfs.ReasonOf(err) != c.reason || (err == nil) != (c.reason == "") {
			t.Errorf("ParseEscapedPath(%.50q) = %.50q, %v (%s), want %.50q %s", c.path, n, err, vfs.ReasonOf(err), c.want, c.reason)
		}
	}
}

func TestNameParts(t *testing.T) {
	for _, c := range []struct {
		name, dir, base string
		elems           []string
	}{
		{".", ".", ".", nil},
		{"a", ".", "a", []string{"a"}},
		{"a/b", "a", "b", []string{"a", "b"}},
		{"a/b/c.d", "a/b", "c.d", []string{"a", "b", "c.d"}},
	} {
		n := mustName(t, c.name)
		if n.Dir().String() != c.dir || n.Base() != c.base || !slices.Equal(slices.Collect(n.Elements()), c.elems) {
			t.Errorf("%s: dir %s, base %s, elements %q", n, n.Dir(), n.Base(), slices.Collect(n.Elements()))
		}
		if !n.IsRoot() {
			again, err := n.Dir().Child(n.Base())
			if err != nil || again != n {
				t.Errorf("%s: its directory's Child(%q) is %s, %v", n, n.Base(), again, err)
			}
		}
	}
	for range mustName(t, "a/b/c").Elements() {
		break // an iteration may stop early
	}
	zero := vfs.Name{}
	if !zero.IsZero() || vfs.Root.IsZero() || zero.IsRoot() || len(slices.Collect(zero.Elements())) != 0 {
		t.Error("the zero Name and Root are mixed up")
	}
	if vfs.Root.EscapedPath() != "" {
		t.Errorf("Root as a path is %q", vfs.Root.EscapedPath())
	}
	if got, err := json.Marshal(mustName(t, "a/é")); err != nil || string(got) != `"a/é"` {
		t.Errorf("as JSON: %s, %v", got, err)
	}
}

func TestChildRefuses(t *testing.T) {
	deep := mustName(t, longName)
	for _, c := range []struct {
		dir    vfs.Name
		elem   string
		reason vfs.Reason
	}{
		{vfs.Root, "", reason.NameEmpty},
		{vfs.Root, ".", reason.NameDot},
		{vfs.Root, "..", reason.NameDotDot},
		{vfs.Root, "a/b", reason.NameSlash},
		{vfs.Root, "../b", reason.NameSlash},
		{mustName(t, "a"), "", reason.NameSlash},
		{mustName(t, "a"), "..", reason.NameDotDot},
		{mustName(t, "a"), "/", reason.NameSlash},
		{mustName(t, "a"), "b\x00", reason.NameNUL},
		{mustName(t, "a"), "\xff", reason.NameUTF8},
		{mustName(t, "a"), longElement + "e", reason.NameElementTooLong},
		{deep, "x", reason.NameTooLong},
		{vfs.Name{}, "a", reason.NameEmpty},
		{vfs.Name{}, "../a", reason.NameEmpty},
	} {
		if n, err := c.dir.Child(c.elem); !n.IsZero() || vfs.ReasonOf(err) != c.reason {
			t.Errorf("Child(%.20q, %q) = %q, %s, want %s", c.dir, c.elem, n, vfs.ReasonOf(err), c.reason)
		}
	}
}

// Clients and logs see errors: all refusals have the same text, and the quoted name
// cannot break a line.
func TestErrorText(t *testing.T) {
	_, err := vfs.ParseName("../\n\u202e")
	if got, want := err.Error(), `parse "../\n\u202e": file does not exist`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	hidden := &vfs.Error{Op: "get", Name: "a", Reason: reason.PolicyDeny, Rule: "secret", Err: errors.New("/srv/secret")}
	absent := &vfs.Error{Op: "get", Name: "a", Reason: reason.Missing, Err: fs.ErrNotExist}
	if hidden.Error() != absent.Error() {
		t.Errorf("hidden %q, absent %q", hidden, absent)
	}
	failed := &vfs.Error{Op: "get", Name: "a", Err: errors.New("open /srv/a: disk on fire")}
	if got, want := failed.Error(), `get "a": input/output error`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if errors.Is(failed, fs.ErrNotExist) {
		t.Error("a failure that is not a refusal matches fs.ErrNotExist")
	}
}

// TestJoin: Join and Within are inverse, split only at slashes, and respect the limit.
func TestJoin(t *testing.T) {
	parse := func(s string) vfs.Name {
		if s == "." {
			return vfs.Root
		}
		n, err := vfs.ParseName(s)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	for _, c := range []struct{ dir, below, whole string }{
		{"a", "b", "a/b"}, {"a/b", "c/d", "a/b/c/d"}, {".", "a/b", "a/b"}, {"a/b", ".", "a/b"}, {".", ".", "."},
	} {
		dir, below, whole := parse(c.dir), parse(c.below), parse(c.whole)
		if n, err := dir.Join(below); n != whole || err != nil {
			t.Errorf("Join(%q, %q) = %q, %v, want %q", dir, below, n, err, whole)
		}
		if n, ok := whole.Within(dir); n != below || !ok {
			t.Errorf("%q within %q = %q, %v, want %q", whole, dir, n, ok, below)
		}
	}
	for _, c := range []struct{ n, dir string }{{"ab", "a"}, {"a-b/c", "a"}, {"a", "a/b"}, {"b/a", "a"}, {".", "a"}, {"a.b", "a"}} {
		if n, ok := parse(c.n).Within(parse(c.dir)); ok || !n.IsZero() {
			t.Errorf("%q within %q = %q, want no", c.n, c.dir, n)
		}
	}
	long := parse(strings.Repeat("d/", 511) + "d") // 1023 bytes
	if n, err := long.Join(parse("b")); !n.IsZero() || vfs.ReasonOf(err) != reason.NameTooLong {
		t.Errorf("Join beyond the limit = %q, %v", n, err)
	}
	if n, err := parse(long.String()[2:]).Join(parse("bb")); err != nil || len(n.String()) != vfs.MaxNameBytes {
		t.Errorf("Join up to the limit: %d bytes, %v", len(n.String()), err)
	}
	var zero vfs.Name
	for _, pair := range [][2]vfs.Name{{zero, parse("a")}, {parse("a"), zero}, {zero, vfs.Root}, {vfs.Root, zero}} {
		if n, err := pair[0].Join(pair[1]); !n.IsZero() || vfs.ReasonOf(err) != reason.NameEmpty {
			t.Errorf("Join(%q, %q) = %q, %v", pair[0], pair[1], n, err)
		}
		if n, ok := pair[0].Within(pair[1]); ok || !n.IsZero() {
			t.Errorf("%q within %q = %q", pair[0], pair[1], n)
		}
	}
}

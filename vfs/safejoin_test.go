package vfs_test

import (
	"testing"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// The inputs are those that werkzeug's safe_join decides about. Each case that it
// accepts and ParseName does not gives the reason.
func TestSafeJoinCases(t *testing.T) {
	for _, c := range []struct {
		in     string
		joins  bool // werkzeug joins it
		want   vfs.Reason
		differ string
	}{
		{"b/c", true, "", ""},
		{"a..b", true, "", ""},
		{"..c", true, "", ""},
		{"a/b.c", true, "", ""},
		{"..", false, reason.NameDotDot, ""},
		{"../b/c", false, reason.NameDotDot, ""},
		{"a/../../b", false, reason.NameDotDot, ""},
		{"b/../../c", false, reason.NameDotDot, ""},
		{"/a", false, reason.NameSlash, ""},
		{"//a", false, reason.NameSlash, ""},
		{"//host/share", false, reason.NameSlash, ""},
		{"", true, reason.NameEmpty, "the directory itself is vfs.Root, and no object"},
		{".", true, reason.NameDot, "a name has one spelling"},
		{"./a", true, reason.NameDot, "a name has one spelling"},
		{"a//b", true, reason.NameSlash, "a name has one spelling"},
		{"a/", true, reason.NameSlash, "a name has one spelling"},
		{"a/./b", true, reason.NameDot, "a name has one spelling"},
		{"a/../b", true, reason.NameDotDot, "refused, never cleaned"},
		{`a\b`, true, reason.NameBackslash, "a separator on Windows, so refused on every system"},
		{`..\..\secret`, true, reason.NameBackslash, "the same"},
		{"a\x00b", true, reason.NameNUL, "ends the name for the system"},
		{"a\nb", true, reason.NameControl, "breaks logs and headers"},
		{"a\xffb", true, reason.NameUTF8, "no text"},
		{"CON", true, "", "legal to read on Unix and S3; the disk backend refuses it on Windows"},
		{"CON.txt.html", true, "", "the same"},
		{"COM¹", true, "", "the same"},
		{"C:x", true, "", "the same"},
	} {
		n, err := vfs.ParseName(c.in)
		if got := vfs.ReasonOf(err); got != c.want || err == nil && n.String() != c.in {
			t.Errorf("ParseName(%q) = %q, reason %q, want %q", c.in, n, got, c.want)
		}
		if c.joins != (c.want == "") && c.differ == "" {
			t.Errorf("%q: the difference has no reason", c.in)
		}
	}

	// safe_join accepts ".env", too; in this package the policy decides.
	jail := mustJail(t, &everything{}, vfs.Policy{Allow: vfs.Patterns("**")})
	n, err := vfs.ParseName(".env")
	if err != nil {
		t.Fatal(err)
	}
	if v := jail.Explain(t.Context(), vfs.OpRead, n); v.Reason != reason.PolicyDotfile {
		t.Errorf("%s: %+v", n, v)
	}
	// A name that Windows cannot create must not be created on any system.
	for _, s := range []string{"CON", "CON.txt.html", "COM¹", "C:x"} {
		n, err := vfs.ParseName(s)
		if err != nil {
			t.Fatal(err)
		}
		if v := jail.Explain(t.Context(), vfs.OpWrite, n); v.Allowed {
			t.Errorf("%s may be created", s)
		}
	}
}

package vfs_test

import (
	"testing"

	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// Without adds to the deny patterns of a policy and changes nothing else.
func TestWithout(t *testing.T) {
	j, err := vfs.New(mem.New(), vfs.Policy{Allow: vfs.Patterns("**", "**/.*/**"), Deny: vfs.Patterns("secret")})
	if err != nil {
		t.Fatal(err)
	}
	less, err := j.Without(vfs.Patterns("**/.own")...)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][2]vfs.Reason{
		"a": {"", ""}, "secret/a": {reason.PolicyDeny, reason.PolicyDeny}, ".own/a": {"", reason.PolicyDeny}, "a/.OWN/b": {"", reason.PolicyDeny}, ".owner/a": {"", ""},
	} {
		n, err := vfs.ParseName(name)
		if err != nil {
			t.Fatal(err)
		}
		for i, j := range []*vfs.Jail{j, less} {
			if v := j.Explain(t.Context(), vfs.OpRead, n); v.Reason != want[i] {
				t.Errorf("%s: jail %d: %q, want %q", name, i, v.Reason, want[i])
			}
		}
	}
	// A policy that has the pattern already must not pay for it twice.
	if again, err := less.Without(vfs.Patterns("**/.own")...); err != nil || again != less {
		t.Errorf("the same pattern again: another jail, %v", err)
	}
	if _, err := j.Without(vfs.Pattern{}); err == nil {
		t.Error("the zero Pattern was accepted")
	}
	if zero, err := (&vfs.Jail{}).Without(vfs.Patterns("a")...); err != nil || zero.Explain(t.Context(), vfs.OpRead, vfs.Root).Allowed {
		t.Error("the zero Jail allows something")
	}
}

// Without compares what patterns match: sets with the same label, or with the text of a glob
// or an expression as their label, must not be taken for one another.
func TestWithoutEqualLabels(t *testing.T) {
	set := func(label string, names ...string) vfs.Pattern {
		t.Helper()
		var parsed []vfs.Name
		for _, s := range names {
			parsed = append(parsed, mustName(t, s))
		}
		p, err := vfs.NameSet(label, parsed...)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	glob := vfs.Patterns
	for _, tt := range []struct {
		has, adds []vfs.Pattern
		denies    []string
	}{
		{[]vfs.Pattern{set("own", "a")}, []vfs.Pattern{set("own", "b")}, []string{"a", "b"}},
		{nil, []vfs.Pattern{set("own", "a"), set("own", "b")}, []string{"a", "b"}},
		{[]vfs.Pattern{set("own", "a")}, []vfs.Pattern{set("own", "a", "b", "c", "d")}, []string{"a", "b", "c", "d"}},
		{[]vfs.Pattern{set("own")}, []vfs.Pattern{set("own", "a")}, []string{"a"}},
		{glob("own"), []vfs.Pattern{set("own", "a")}, []string{"own", "a"}},
		{glob("*.x"), []vfs.Pattern{set("*.x", "a")}, []string{"b.x", "a"}},
		{glob("{a,*.x}"), []vfs.Pattern{set("{a,*.x}", "a")}, []string{"b.x", "a"}},
		{[]vfs.Pattern{set("{a,*.x}", "a")}, glob("{a,*.x}"), []string{"b.x", "a"}},
		{[]vfs.Pattern{set("re:a|b")}, glob("re:a|b"), []string{"a", "b"}},
	} {
		j := mustJail(t, mem.New(), vfs.Policy{Allow: vfs.Patterns("**"), Deny: tt.has})
		less, err := j.Without(tt.adds...)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range tt.denies {
			if v := less.Explain(t.Context(), vfs.OpRead, mustName(t, name)); v.Reason != reason.PolicyDeny {
				t.Errorf("%v without %v: %s is %q, want %q", tt.has, tt.adds, name, v.Reason, reason.PolicyDeny)
			}
		}
		if again, err := less.Without(tt.adds...); err != nil || again != less {
			t.Errorf("%v without %v twice: another jail, %v", tt.has, tt.adds, err)
		}
	}
}

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

package vfs_test

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// The audit record names the rule that allowed a name, even if the request transferred
// no bytes.
func TestErrorsOfAllowedNamesHoldTheRule(t *testing.T) {
	j, err := vfs.New(vfs.FromFS(fstest.MapFS{"a.txt": {Data: []byte("abc"), ModTime: modified}}), vfs.Policy{Allow: vfs.Patterns("*.txt")})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		req  vfs.Request
	}{
		{"a.txt", vfs.Request{Cond: vfs.Cond{IfNoneMatch: vfs.Tags{Any: true}}}},
		{"a.txt", vfs.Request{Cond: vfs.Cond{IfMatch: tags(vfs.Tag{Value: "v2", Set: true})}}},
		{"a.txt", vfs.Request{Range: vfs.RangeFrom(3)}},
		{"missing.txt", vfs.Request{}},
	} {
		n, err := vfs.ParseName(c.name)
		if err != nil {
			t.Fatal(err)
		}
		_, err = j.Get(t.Context(), n, c.req)
		var e *vfs.Error
		if !errors.As(err, &e) || e.Rule != "*.txt" || e.Info != nil && e.Info.Rule != e.Rule {
			t.Errorf("%s: %v, without its rule", c.name, err)
		}
	}
}

// Folding can make a pattern longer than maxPatternBytes; it must still be usable in
// Deny.
func TestLongPatternCanDeny(t *testing.T) {
	long := strings.Repeat("\ufdfa", 1300) // eighteen characters each, once folded
	p, err := vfs.ParsePattern("a/*" + long + "*/b")
	if err != nil {
		t.Fatal(err)
	}
	mustJail(t, &everything{}, vfs.Policy{Deny: []vfs.Pattern{p}})
	for _, src := range []string{"a/*\x9f*/b", "re:\x9f", strings.Repeat("a", 4097), "re:" + strings.Repeat("a", 5000)} {
		if _, err := vfs.ParsePattern(src); !errors.Is(err, vfs.ErrPattern) {
			t.Errorf("ParsePattern(%.20q): %v", src, err)
		}
	}
}

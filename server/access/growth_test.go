package access_test

import (
	"fmt"
	"testing"

	"github.com/bailiwick-fs/bailiwick/server/access"
	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// members returns the names of n users, not in order.
func members(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("user%06d", i*7919%n)
	}
	return names
}

// The rules of a user are found by name, but the first rule of all is the one that counts.
func TestFirstRule(t *testing.T) {
	read := []vfs.Op{vfs.OpRead}
	l := compile(t, map[string][]string{"all": members(1000), "none": nil},
		access.Rule{Who: "user:user000001", Can: []vfs.Op{vfs.OpList}},
		access.Rule{Who: "group:none", Can: read},
		access.Rule{Who: "user:user000001", Can: read, Names: []string{"a"}},
		access.Rule{Who: "group:all", Can: read, Names: []string{"a", "b"}},
		access.Rule{Who: "user:user000001", Can: read, Names: []string{"b", "c"}},
		access.Rule{Who: "authenticated", Can: read, Names: []string{"c"}},
	)
	for _, tt := range []struct{ user, name, rule string }{
		{"user000001", "a", "user:user000001 can read a"},
		{"user000001", "b", "group:all can read a b"},
		{"user000001", "c", "user:user000001 can read b c"},
		{"user000001", "d", ""},
		{"user000999", "a", "group:all can read a b"},
		{"user000999", "c", "authenticated can read c"},
		{"user001000", "a", ""},
		{"", "a", ""},
		{"user000001x", "a", ""},
	} {
		p := auth.Principal{Name: tt.user, Method: "basic", Groups: []string{"all", "none"}}
		if tt.user == "" {
			p = auth.Principal{}
		}
		if rule, ok := l.Decide(p, vfs.OpRead, name(t, tt.name), nil); rule != tt.rule || ok != (tt.rule != "") {
			t.Errorf("%s, %s: %q, %t; want %q", tt.user, tt.name, rule, ok, tt.rule)
		}
	}
}

// BenchmarkDecide measures few and many rules for a user each, and small and large groups.
func BenchmarkDecide(b *testing.B) {
	n, err := vfs.ParseName("docs/a.html")
	if err != nil {
		b.Fatal(err)
	}
	measure := func(name string, l *access.List, p auth.Principal) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, ok := l.Decide(p, vfs.OpRead, n, nil); !ok {
					b.Fatal("refused")
				}
			}
		})
	}
	for _, count := range []int{10, 1000} {
		var rules []access.Rule
		for _, user := range members(count) {
			rules = append(rules, access.Rule{Who: "user:" + user, Can: []vfs.Op{vfs.OpRead}, Names: []string{"docs/**"}})
		}
		measure(fmt.Sprintf("rules/%d", count), compile(b, nil, rules...), auth.Principal{Name: members(count)[count-1], Method: "basic"})
	}
	for _, count := range []int{10, 100_000} {
		l := compile(b, map[string][]string{"all": members(count)}, access.Rule{Who: "group:all", Can: []vfs.Op{vfs.OpRead}})
		measure(fmt.Sprintf("group/%d", count), l, auth.Principal{Name: members(count)[count-1], Method: "basic"})
	}
}

package vfs_test

import (
	"fmt"
	"testing"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// BenchmarkRules measures a verdict under few and many rules, half of which allow and half
// deny. In a directory of its own for each rule, only one rule can match a name. Without
// one, every rule can match names anywhere.
func BenchmarkRules(b *testing.B) {
	for _, kind := range []struct{ name, allow, deny string }{
		{"directories", "dir%d/**/*.html", "dir%d/private/**"},
		{"extensions", "**/*.ext%d", "**/*.bak%d"},
		{"expressions", `re:dir%d/[a-z]+\.html`, `re:dir%d/x[a-z]+\.html`},
		{"names", "dir%d/page.html", "dir%d/secret.html"},
	} {
		for _, n := range []int{10, 1000} {
			p := vfs.Policy{}
			for i := range n / 2 {
				p.Allow = append(p.Allow, vfs.Patterns(fmt.Sprintf(kind.allow, i))...)
				p.Deny = append(p.Deny, vfs.Patterns(fmt.Sprintf(kind.deny, i))...)
			}
			j := mustJail(b, &everything{}, p)
			last := n/2 - 1
			for _, raw := range []string{fmt.Sprintf("dir%d/page.html", last), fmt.Sprintf("dir%d/page.ext%d", last, last), "other/page.txt"} {
				name := mustName(b, raw)
				b.Run(fmt.Sprintf("%s/%d/%s", kind.name, n, raw), func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						j.Explain(b.Context(), vfs.OpRead, name)
					}
				})
			}
		}
	}
}

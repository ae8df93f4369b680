package vfs_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/testdata/length"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// twentyPatterns is a realistic policy of a site: thirteen allow patterns and seven
// deny patterns.
func twentyPatterns() vfs.Policy {
	return vfs.Policy{
		Allow: vfs.Patterns("index.html", "favicon.ico", "robots.txt", ".well-known/security.txt",
			"docs/**/*.html", "docs/**/*.{png,svg}", "assets/*/*.css", "assets/*/*.js", "downloads/v[0-9]*/**",
			"img/**", "fonts/*.woff2", "feeds/?.xml", `re:20[0-9]{2}/[a-z0-9-]+/[\w-]+\.html`),
		Deny: vfs.Patterns("drafts", "**/private/**", "**/*.key", "**/*.bak", "docs/internal/**", "img/raw-*", "**/node_modules"),
	}
}

var (
	servedNames  = []string{"index.html", "docs/guide/install.html", "docs/a/b/c/diagram.svg", "assets/main/site.css", "downloads/v2/linux/tool.tar.gz", "img/2026/photo.jpg", "fonts/Inter.woff2"}
	refusedNames = []string{"secret.txt", "docs/guide/notes.md", "drafts/new.html", "a/b/private/c", "img/raw-1.png", ".git/config", "wp-admin/setup.php"}
)

func verdict(j *vfs.Jail, b testing.TB, raw string) bool {
	n, err := vfs.ParseEscapedPath(raw)
	if err != nil {
		b.Fatal(err)
	}
	v := j.Explain(b.Context(), vfs.OpRead, n)
	return v.Allowed
}

// BenchmarkVerdict measures the cost of a name before the backend is called: parsing
// and policy.
func BenchmarkVerdict(b *testing.B) {
	j := mustJail(b, &everything{}, twentyPatterns())
	set := mustJail(b, &everything{}, vfs.Policy{Allow: []vfs.Pattern{millionNames(b, 1000)}})
	upper := make([]string, len(servedNames))
	for i, s := range servedNames {
		upper[i] = strings.ToUpper(s[:1]) + s[1:]
	}
	for _, c := range []struct {
		name  string
		jail  *vfs.Jail
		names []string
	}{
		{"served", j, servedNames}, {"refused", j, refusedNames}, {"upper", j, upper}, {"regexp", j, []string{"2026/release-notes/first.html"}}, {"set", set, []string{"dir5/file500.txt"}},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				verdict(c.jail, b, c.names[i%len(c.names)])
			}
		})
	}
	b.Run("malformed", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := vfs.ParseEscapedPath("docs/%2e%2e/secret.txt"); err == nil {
				b.Fatal("accepted")
			}
		}
	})
}

// millionNames makes a set of n names, a hundred per directory.
func millionNames(tb testing.TB, n int) vfs.Pattern {
	var list strings.Builder
	for i := range n {
		fmt.Fprintf(&list, "dir%d/file%d.txt\n", i/100, i)
	}
	p, err := vfs.ReadNameSet("names.txt", strings.NewReader(list.String()))
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// BenchmarkMillionNames measures a verdict among a million exact names against one
// among ten. The two alternate, so that a busy machine slows both. Only a few different
// names are looked up, as caches would see in practice.
func BenchmarkMillionNames(b *testing.B) {
	few := mustJail(b, &everything{}, vfs.Policy{Allow: []vfs.Pattern{millionNames(b, 10)}})
	many := mustJail(b, &everything{}, vfs.Policy{Allow: []vfs.Pattern{millionNames(b, 1e6)}})
	names := []string{"dir0/file1.txt", "dir0/file9.txt", "dir9/none.txt", "dir0/file5.txt"}
	var cost [2]time.Duration
	const turn = 1000
	for b.Loop() {
		for i, j := range []*vfs.Jail{few, many} {
			start := time.Now()
			for k := range turn {
				verdict(j, b, names[k%len(names)])
			}
			cost[i] += time.Since(start)
		}
	}
	b.ReportMetric(float64(cost[0].Nanoseconds())/float64(b.N*turn), "ns/10-names")
	b.ReportMetric(float64(cost[1].Nanoseconds())/float64(b.N*turn), "ns/1M-names")
	b.ReportMetric(float64(cost[1])/float64(cost[0]), "1M/10")
}

func BenchmarkReadNameSet(b *testing.B) {
	var list strings.Builder
	for i := range int(1e6) {
		fmt.Fprintf(&list, "dir%d/file%d.txt\n", i/100, i)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := vfs.ReadNameSet("names.txt", strings.NewReader(list.String())); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1e6, "ns/name")
}

// BenchmarkSafeName measures the cost of an upload's name.
func BenchmarkSafeName(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		vfs.SafeName("My cool movie – фото.mov", vfs.SafeNameOptions{})
	}
}

// A verdict on a name does not allocate, whether the name is served or refused, and in
// whatever case it is written.
func TestVerdictAllocatesNothing(t *testing.T) {
	if length.RaceDetector {
		t.Log("allocations are not checked under the race detector, which allocates itself; verdicts are")
	}
	j := mustJail(t, &everything{}, twentyPatterns())
	ctx := t.Context()
	for allowed, names := range map[bool][]string{true: servedNames, false: append(refusedNames, "Docs/guide.html", "img/RAW-1.png", "DRAFTS/x")} {
		for _, s := range names {
			n := mustName(t, s)
			allocs := testing.AllocsPerRun(100, func() {
				if v := j.Explain(ctx, vfs.OpRead, n); v.Allowed != allowed {
					t.Errorf("%s: allowed %t", s, v.Allowed)
				}
			})
			if allocs != 0 && !length.RaceDetector {
				t.Errorf("%s: %v allocations", s, allocs)
			}
			parse := testing.AllocsPerRun(100, func() { vfs.ParseEscapedPath(s) })
			if parse != 0 && !length.RaceDetector {
				t.Errorf("parsing %s: %v allocations", s, parse)
			}
		}
	}
}

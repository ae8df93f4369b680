package browser

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/vfstest"
)

// maxHostile is how many names of the corpus are put on a page.
const maxHostile = 2000

// hostileNames returns names that contain markup, scripts, templates and whatever else a
// corpus has, as far as files can have them.
func hostileNames(t *testing.T) []string {
	t.Helper()
	names := []string{
		`plain name.txt`, `<img src=x onerror=alert(1)>.txt`, `"><script>alert(1)<script>.txt`, `' onmouseover='alert(1)' x='.txt`,
		`javascript:alert(1)`, `&lt;b&gt;&amp;.txt`, `{{printf "x"}}.txt`, `<svg onload=alert(1)>`, `<meta http-equiv=refresh content=0;url=x>`,
		`<base href=x:>`, "`${alert(1)}`", `<b style=color:red>`, `--><!--`, `]]>`, `<iframe srcdoc=x>`, `?q=x#y`, `%3Cscript%3E`, `;.txt`, `a&b=c.txt`,
	}
	taken := map[string]bool{}
	for _, n := range names {
		taken[n] = true
	}
	corpus, err := vfstest.Corpus(os.Getenv(vfstest.CorpusVariable))
	if err != nil {
		t.Fatal(err)
	}
	// Those with markup come first.
	for _, marked := range []bool{true, false} {
		for _, p := range corpus {
			name := strings.ReplaceAll(p.Raw, "/", "_")
			n, err := vfs.ParseName(name)
			if err != nil || n.Base() != name || name[0] == '.' || taken[name] || strings.ContainsAny(name, "<\"'`&{") != marked || len(names) == maxHostile {
				continue
			}
			taken[name] = true
			names = append(names, name)
		}
	}
	return names
}

// skeleton is the elements and attributes of a page, with the number of each: names must
// change none of them but those of the rows.
const skeleton = skeletonOf + "(document)"

const skeletonOf = `((doc) => { const seen = {};
	for (const e of doc.querySelectorAll("*")) for (const k of [e.localName, ...[...e.attributes].map(a => e.localName + " " + a.name)]) seen[k] = (seen[k] || 0) + 1;
	return seen; })`

// Names that contain markup are text, wherever they stand: a page with such names has the
// same elements and attributes as one with as many harmless names.
func TestHostileNames(t *testing.T) {
	names := hostileNames(t)
	t.Logf("%d names", len(names))
	hostile, harmless := onDisk(t), onDisk(t)
	for i, n := range names {
		hostile.put(t, "d/"+n, "x")
		harmless.put(t, fmt.Sprintf("d/harmless-name_%04d-that-is-long_enough-to-break.txt", i), "x")
	}
	for _, v := range []view{desktop, {width: 390, noScript: true}} {
		t.Run(v.String(), func(t *testing.T) {
			var seen []map[string]int
			for _, p := range []*place{harmless, hostile} {
				b := open(t, serve(t, p, readable).url, v)
				b.visit("/d/")
				got := b.names()
				if p == hostile {
					shown := map[string]bool{}
					for _, n := range got {
						shown[n] = true
					}
					for _, n := range names {
						if !shown[n] {
							t.Errorf("%q is not on the page as it is", n)
						}
					}
				}
				if len(got) != len(names) {
					t.Fatalf("the page has %d rows for %d names", len(got), len(names))
				}
				seen = append(seen, eval[map[string]int](b, skeleton))
				if title := eval[string](b, "document.title"); !strings.Contains(title, "d") {
					t.Errorf("the title is %q", title)
				}
			}
			for what, n := range seen[1] {
				if known := seen[0][what]; known == 0 || strings.HasPrefix(what, "script") && n != known {
					t.Errorf("hostile names make %d × %q, harmless ones %d", n, what, known)
				}
			}
		})
	}
}

// The same names as texts to search for.
func TestHostileSearches(t *testing.T) {
	p := onDisk(t)
	p.put(t, "a.txt", "x")
	b := open(t, serve(t, p, readable).url, desktop)
	b.visit("/?q=nothing")
	before := eval[map[string]int](b, skeleton)
	names := hostileNames(t)
	for _, n := range names[:min(len(names), 60)] {
		b.visit("/?q=" + eval[string](b, "encodeURIComponent("+quote(n)+")"))
		if got := eval[string](b, "document.querySelector('input[name=q]').value"); got != n {
			t.Errorf("the search for %q is one for %q", n, got)
		}
		for what, count := range eval[map[string]int](b, skeleton) {
			if count > before[what] && before[what] == 0 && !strings.Contains(what, "tr") {
				t.Errorf("the search for %q makes %d × %q", n, count, what)
			}
		}
	}
}

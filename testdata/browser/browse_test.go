package browser

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// readable serves all files of the place to everyone.
const readable = "mounts: [{source: SOURCE, allow: ['**'], list: true, no_index: true}]\n"

// entries is how many entries the large directory has.
const entries = 10_000

// putMany makes the tree to browse: a large directory, and names to search for.
func putMany(t *testing.T, p *place) {
	t.Helper()
	for i := range entries {
		p.plant(t, fmt.Sprintf("many/entry %05d.txt", i), strings.Repeat("x", i%977))
	}
	p.put(t, "many/largest.bin", strings.Repeat("x", 5000))
	p.put(t, "deep/one/two/needle in a haystack.txt", "found")
	p.put(t, "readme.md", "# hello")
}

// Browse, sort, filter and search, in every view.
func TestBrowse(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		putMany(t, p)
		s := serve(t, p, readable)
		views := []view{desktop, phone, {width: 1280, noScript: true}, {width: 390, noScript: true}}
		if p.kind == "s3" {
			views = []view{phone, {width: 1280, noScript: true}}
		}
		for _, v := range views {
			t.Run(v.String(), func(t *testing.T) { browse(t, s, v) })
		}
	})
}

func browse(t *testing.T, s *server, v view) {
	b := open(t, s.url, v)
	b.visit("/")
	if got, want := b.names(), []string{"deep/", "many/", "readme.md"}; !slices.Equal(got, want) {
		t.Fatalf("the page lists %q, want %q", got, want)
	}
	b.fits()
	b.load(func() { b.click(link("many")) })
	first := b.names()
	if len(first) < 100 || first[0] != "entry 00000.txt" {
		t.Fatalf("the large directory begins with %d names: %.3q", len(first), first)
	}
	b.fits()
	b.load(func() { b.click(named("Next page")) })
	if second := b.names(); second[0] <= first[len(first)-1] {
		t.Errorf("the next page begins with %q, after %q", second[0], first[len(first)-1])
	}

	// Sorting is for directories of up to 10,000 entries, so filter first.
	search := func(text string, deep bool) {
		t.Helper()
		b.fill(css("input[name=q]"), text)
		if deep {
			b.click(css("input[name=deep]"))
		}
		b.load(func() { b.press(kb.Enter) })
	}
	b.visit("/many/")
	search("ENTRY 0123", false)
	if got := b.names(); len(got) != 10 || got[0] != "entry 01230.txt" {
		t.Errorf("the filter shows %q", got)
	}
	b.load(func() { b.click(named("Size")) })
	b.load(func() { b.click(named("Size")) })
	if got := b.names(); len(got) != 10 || got[0] != "entry 01239.txt" {
		t.Errorf("by size, largest first, it shows %q", got)
	}

	b.visit("/")
	search("haystack", true)
	if got := b.names(); len(got) != 1 || !strings.HasSuffix(got[0], "needle in a haystack.txt") {
		t.Errorf("the search found %q", got)
	}
	b.fits()
	search("<script>alert(1)</script>", true)
	if got := b.names(); len(got) != 0 {
		t.Errorf("the search for nothing found %q", got)
	}
}

// The pages for browsing have no barrier that axe-core finds, and fit into 320 px.
func TestBrowseAccessible(t *testing.T) {
	p := onDisk(t)
	p.put(t, "many/one.txt", "1")
	p.put(t, "many/two with a long name that goes on and on and on and on and on and on.txt", "2")
	p.put(t, "empty/.hidden", "")
	for i := range 1200 {
		p.put(t, fmt.Sprintf("pages/%04d", i), "")
	}
	s := serve(t, p, readable)
	for _, c := range []struct {
		view
		paths []string
	}{
		{desktop, []string{"/", "/many/", "/pages/", "/?q=one&deep=1", "/?q=nothing"}},
		{phone, []string{"/many/", "/?q=one&deep=1"}},
		{view{width: 1280, noScript: true}, []string{"/many/"}},
	} {
		t.Run(c.view.String(), func(t *testing.T) {
			b := open(t, s.url, c.view)
			for _, path := range c.paths {
				b.visit(path)
				b.accessible()
				for _, width := range []int{320, c.width} {
					b.resize(width)
					b.fits()
				}
			}
		})
	}
}

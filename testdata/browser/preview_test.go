package browser

import (
	"archive/zip"
	"bytes"
	"io"
	"net/http"
	"slices"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// Each kind of file has a preview that shows it, and HTML and SVG have none.
func TestPreview(t *testing.T) {
	s := start(t, nil, "demo")
	for _, v := range []view{desktop, {width: 390, noScript: true}} {
		t.Run(v.String(), func(t *testing.T) {
			b := open(t, s.url, v)
			for _, c := range []struct{ dir, name, shown string }{
				{"Pictures", "Morning.png", "document.querySelector('.stage img')?.naturalWidth === 640"},
				{"Pictures", "Evening.jpg", "document.querySelector('.stage img')?.naturalWidth === 960"},
				{"Pictures", "Orbit.gif", "document.querySelector('.stage img')?.naturalWidth === 120"},
				{"Pictures", "Logo.svg", shows("no preview") + " && !document.querySelector('.stage img')"},
				{"Sound", "Chime.wav", "document.querySelector('.stage audio')?.duration === 2"},
				{"Documents", "Letter.txt", shows("this file is plain text")},
				{"Documents", "Recipe.md", shows("# Bread")},
				{"Documents", "Page.html", "!document.querySelector('.stage iframe, .stage object, .stage script')"},
				{"Documents", "Report.pdf", "document.querySelector('.stage iframe')"},
				{"Documents", "empty.txt", "document.querySelector('.stage')"},
			} {
				b.visit("/" + c.dir + "/")
				details := row(c.name) + "?.querySelector('a.more')"
				switch {
				case v.noScript:
					b.load(func() { b.click(details) })
				case c.name == "Logo.svg" || c.name == "Page.html": // its name is a link to download it
					b.click(details)
				default:
					b.click(link(c.name))
				}
				b.wait(visible(css(".stage")))
				b.wait(c.shown)
				b.fits()
			}
			b.accessible()
		})
	}
}

// A directory and a part of it arrive as an archive.
func TestZip(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		for _, name := range []string{"d/one.txt", "d/two.txt", "d/sub/ünï 😀.txt", ".hidden"} {
			p.put(t, name, "content of "+name)
		}
		b := open(t, serve(t, p, readable).url, desktop)
		b.visit("/d/")
		b.wait(visible(named("Download all")))
		resp, err := http.Get(eval[string](b, named("Download all")+".href"))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		data, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, f := range r.File {
			names = append(names, f.Name)
		}
		if want := []string{"one.txt", "sub/ünï 😀.txt", "two.txt"}; !slices.Equal(names, want) {
			t.Errorf("the archive has %q, want %q", names, want)
		}
	})
}

// All by keyboard: into a directory, a preview, back out, and a search. What has the focus is
// always marked.
func TestKeyboard(t *testing.T) {
	p := onDisk(t)
	p.put(t, "folder/letter.txt", "dear reader")
	p.put(t, "folder/other.txt", "another")
	b := open(t, serve(t, p, readable).url, desktop)
	b.visit("/")
	// to moves the focus to an element.
	to := func(element string) {
		t.Helper()
		for range 40 {
			b.press(kb.Tab)
			if eval[bool](b, "document.activeElement === "+element) {
				if !eval[bool](b, "getComputedStyle(document.activeElement).outlineStyle !== 'none'") {
					t.Errorf("the focus on %s is not marked", element)
				}
				return
			}
		}
		t.Fatalf("the focus never comes to %s", element)
	}
	to(link("folder"))
	b.load(func() { b.press(kb.Enter) })
	to(link("letter.txt"))
	b.press(kb.Enter)
	b.wait(shows("dear reader"))
	b.press(kb.ArrowRight)
	b.wait(shows("another"))
	b.press(kb.Escape)
	b.wait("!document.querySelector('dialog')")
	b.wait("document.activeElement === " + link("other.txt"))
	b.visit("/folder/")
	to(css("input[name=q]"))
	b.insert("letter")
	b.load(func() { b.press(kb.Enter) })
	if got := b.names(); len(got) != 1 {
		t.Errorf("the search found %q", got)
	}
}

package page

import (
	"image/color"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Links and buttons can be read in each color that a site may have, in both themes.
func TestPaletteIsReadable(t *testing.T) {
	white := color.RGBA{R: 255, G: 255, B: 255}
	for r := 0; r < 256; r += 15 {
		for g := 0; g < 256; g += 15 {
			for b := 0; b < 256; b += 15 {
				c := color.RGBA{R: uint8(r), G: uint8(g), B: uint8(b)}
				for _, paper := range []color.RGBA{lightPaper, white} {
					if s := shade(c, lightPaper, 0); contrast(s, paper) < 4.5 || contrast(inkOn(s), s) < 4.5 {
						t.Fatalf("%s becomes %s, which has too little contrast", hexOf(c), hexOf(s))
					}
				}
				if s := shade(c, darkPaper, 255); contrast(s, darkPaper) < 4.5 || contrast(inkOn(s), s) < 4.5 {
					t.Fatalf("%s becomes %s in the dark, which has too little contrast", hexOf(c), hexOf(s))
				}
			}
		}
	}
	for _, paper := range []color.RGBA{lightPaper, darkPaper} {
		if !strings.Contains(pageCSS, "--tint: "+hexOf(paper)) {
			t.Errorf("page.css has no background %s", hexOf(paper))
		}
	}
}

// The module consists of all of its files, makes no markup out of text, and asks no other
// server. Templates have no style attributes and no handlers.
func TestPartsArePlain(t *testing.T) {
	entries, err := moduleFiles.ReadDir("module")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !slices.Contains(moduleParts, e.Name()) {
			t.Errorf("moduleParts has no %s", e.Name())
		}
	}
	for what, text := range map[string]string{
		"module": string(pageJS), "style": pageCSS, "templates": shellHTML + iconsHTML + listHTML + showHTML + formHTML + uploadHTML + answerHTML + sharesHTML, "icon": iconSVG,
	} {
		for _, bad := range []string{`innerHTML`, `outerHTML`, `insertAdjacentHTML`, `document\.write`, `\beval\b`, `new Function`, `srcdoc`, `DOMParser`, `\sstyle="`, `\son[a-z]+="`, `javascript:`,
			`https?://(?:www\.w3\.org/)?[a-z0-9.]*[^/]*`} {
			for _, found := range regexp.MustCompile(bad).FindAllString(text, -1) {
				if !strings.HasPrefix(found, "http://www.w3.org/") {
					t.Errorf("%s: %q", what, found)
				}
			}
		}
	}
}

// Each icon that is used is in the sprite, and each one there is used.
func TestIcons(t *testing.T) {
	sprite := map[string]bool{}
	for _, m := range regexp.MustCompile(`<symbol id="i-([a-z]+)"`).FindAllStringSubmatch(iconsHTML, -1) {
		sprite[m[1]] = false
	}
	use := func(name string) {
		if _, ok := sprite[name]; !ok {
			t.Errorf("there is no icon %q", name)
		}
		sprite[name] = true
	}
	for _, m := range regexp.MustCompile(`href="#i-([a-z]+)"`).FindAllStringSubmatch(shellHTML+listHTML+showHTML+uploadHTML+answerHTML+sharesHTML, -1) {
		use(m[1])
	}
	for _, m := range regexp.MustCompile(`(?:icon|iconButton)\("([a-z]+)"`).FindAllStringSubmatch(string(pageJS), -1) {
		use(m[1])
	}
	for kind := range icons {
		use(kind)
	}
	for name, used := range sprite {
		if !used {
			t.Errorf("the icon %q is not used", name)
		}
	}
}

func TestKinds(t *testing.T) {
	for media, want := range map[string]string{
		"image/png": kindImage, "image/svg+xml": kindPage, "image/tiff": kindFile, "text/html; charset=utf-8": kindPage, "application/xhtml+xml": kindPage,
		"text/plain; charset=utf-8": kindText, "text/markdown; charset=utf-8": kindText, "text/css": kindCode, "text/xml": kindFile, "application/xml": kindFile,
		"audio/mpeg": kindAudio, "video/mp4": kindVideo, "application/pdf": kindPDF, "application/zip": kindArchive, "application/octet-stream": kindFile, "": kindFile,
	} {
		if got := iconOf(media); got != want {
			t.Errorf("%q: %s, want %s", media, got, want)
		}
	}
}

// What is taken for a logo is a raster image by its first bytes, or has an svg element as its
// root.
func FuzzLogo(f *testing.F) {
	for _, s := range []string{"<svg/>", "<?xml version='1.0'?><!--x--><svg><g/></svg>", "<html><svg/></html>", "<svg>", "\x89PNG\r\n\x1a\n", "GIF89a", "x", "<svg/><svg/>"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		_, media, err := logoType(b)
		if err != nil {
			return
		}

		if media == "image/svg+xml" && !strings.Contains(string(b), "svg") {
			t.Errorf("%q was taken for an SVG", b)
		}
		if _, err := New(Options{Logo: b}); err != nil {
			t.Error(err)
		}
	})
}

func FuzzColor(f *testing.F) {
	for _, s := range []string{"#0b57d0", "#FFFFFF", "red", "#12345", "#+12345", "#12_456", ""} {
		f.Add(s)
	}
	valid := regexp.MustCompile(`^#[0-9A-Fa-f]{6}$`)
	f.Fuzz(func(t *testing.T, s string) {
		if _, err := parseColor(s); (err == nil) != valid.MatchString(s) {
			t.Errorf("%q: %v", s, err)
		}
	})
}

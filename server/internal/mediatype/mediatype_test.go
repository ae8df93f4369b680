package mediatype

import (
	"mime"
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	for ext, value := range types {
		if len(value) != 1 || ext != strings.ToLower(ext) || len(ext) > 15 {
			t.Errorf("%q: %q", ext, value)
		}
		media, params, err := mime.ParseMediaType(value[0])
		if err != nil || strings.HasPrefix(media, "text/") != (params["charset"] == "utf-8") {
			t.Errorf("%q: %q, %v", ext, value, err)
		}
		if got := ByName("a." + strings.ToUpper(ext)); got[0] != value[0] {
			t.Errorf("%q is served as %q", ext, got)
		}
	}
	for _, name := range []string{"", "html", "a.", "a.nosuch", "a." + strings.Repeat("x", 20)} {
		if got := ByName(name); got[0] != OctetStream[0] {
			t.Errorf("%q is served as %q", name, got)
		}
	}
}

// No type that browsers display for untrusted content can run a script.
func TestSafeInline(t *testing.T) {
	for _, name := range []string{"a.html", "a.svg", "a.svgz", "a.xml", "a.xhtml", "a.pdf", "a.js", "a.mhtml", "a.swf", "a.css", "a.md", "a.wasm"} {
		if kind := ByName(name)[0]; SafeInline(kind) || SafeInline(strings.ToUpper(kind)) {
			t.Errorf("%s (%s) is shown", name, kind)
		}
	}
	for _, name := range []string{"a.png", "a.txt", "a.mp4", "a.mp3"} {
		if !SafeInline(ByName(name)[0]) {
			t.Errorf("%s is not shown", name)
		}
	}
}

func TestSetAccepts(t *testing.T) {
	const png, page = "\x89PNG\r\n\x1a\n", "<!doctype html><script>"
	images, err := ParseSet("image/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		set           Set
		name, content string
		want          bool
	}{
		{Set{}, "a.html", page, true},
		{images, "a.png", png, true},
		{images, "a.html", png, false},
		{images, "a.png", page, false},
	} {
		if got := tt.set.Accepts(tt.name, []byte(tt.content)); got != tt.want {
			t.Errorf("%s, %s with %q: %t", tt.set, tt.name, tt.content, got)
		}
	}
	for _, bad := range []string{"", "image", "image/", "/png", "*/*", "image/p*", "a b/c"} {
		if _, err := ParseSet(bad); err == nil {
			t.Errorf("%q is a pattern", bad)
		}
	}
}

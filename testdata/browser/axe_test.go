package browser

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/emulation"

	"github.com/bailiwick-fs/bailiwick/testdata/nodetool"
)

var axe struct {
	mu     sync.Mutex
	source string
}

// axeSource returns the script of axe-core. Without it, it skips t, or fails it.
func axeSource(t *testing.T) string {
	t.Helper()
	axe.mu.Lock()
	defer axe.mu.Unlock()
	if axe.source == "" {
		dir := nodetool.Find(t, "axe", "package.json", "package-lock.json")
		data, err := os.ReadFile(filepath.Join(dir, "node_modules", "axe-core", "axe.min.js"))
		if err != nil {
			t.Fatal(err)
		}
		axe.source = string(data)
	}
	return axe.source
}

// accessible fails the test for each violation that axe-core finds on the page, by all its
// rules, in both themes. Of a long list, the first rows stand for all.
func (b *tab) accessible() {
	b.t.Helper()
	source := axeSource(b.t)
	if b.noScript { // axe-core needs timers
		call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{})
		defer call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	}
	defer b.theme(b.themeName())
	for _, theme := range []string{b.themeName(), b.other().themeName()} {
		b.theme(theme)
		rules := `rules: {"target-size": {enabled: true}}`
		if theme != b.themeName() {
			rules = `runOnly: ["color-contrast", "link-in-text-block"]` // the others are not about colors
		}
		for _, line := range eval[[]string](b, source+`; axe.run({include: [["html"]], exclude: [["#list tbody tr:nth-child(n+10)"]]}, {
			resultTypes: ["violations"], preload: false, `+rules+`,
		}).then(r => r.violations.flatMap(v => v.nodes.map(n => v.id + ": " + n.target.join(" ") + ": " + n.html.slice(0, 200) + " " + n.failureSummary)))`) {
			b.t.Errorf("axe, %s, %s: %s", theme, b.path(), short(line))
		}
	}
}

// barrierFree is accessible and fits, on a desktop and on a phone of 320 px.
func (b *tab) barrierFree() {
	b.t.Helper()
	for _, width := range []int{1280, 320} {
		b.resize(width)
		b.accessible()
		b.fits()
	}
	b.resize(b.width)
}

// fits fails the test if the page is wider than the window.
func (b *tab) fits() {
	b.t.Helper()
	wide := eval[[]string](b, `(() => { const w = document.documentElement.clientWidth;
		if (document.documentElement.scrollWidth <= w) return [];
		return [...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > w + 1).slice(0, 3).map(e => e.outerHTML.slice(0, 150)).concat(["?"]); })()`)
	if len(wide) > 0 {
		b.t.Errorf("%s scrolls sideways at %d px: %q", b.path(), eval[int](b, "innerWidth"), wide)
	}
}

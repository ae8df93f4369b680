package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// A view is how a person looks at a page.
type view struct {
	width    int
	dark     bool
	noScript bool
}

var (
	desktop = view{width: 1280}
	phone   = view{width: 390, dark: true}
)

func (v view) String() string {
	s := fmt.Sprintf("%dpx", v.width)
	if v.dark {
		s += " dark"
	}
	if v.noScript {
		s += " no script"
	}
	return s
}

func (v view) themeName() string {
	if v.dark {
		return "dark"
	}
	return "light"
}

// other is the view in the other theme.
func (v view) other() view {
	v.dark = !v.dark
	return v
}

// A tab is a tab of the browser with cookies of its own. Each of its methods fails the test
// if it cannot do its work.
type tab struct {
	*watcher
	view
	t   *testing.T
	ctx context.Context
	url string // of the server
}

// open opens a tab for the server at url, and checks what the watcher saw at the end of t.
func open(t *testing.T, at string, v view) *tab {
	t.Helper()
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	parent := chromium(t)
	ctx, cancel := chromedp.NewContext(parent, chromedp.WithNewBrowserContext())
	b := &tab{watcher: &watcher{host: u.Host}, view: v, t: t, ctx: ctx, url: at}
	t.Cleanup(func() {
		if t.Failed() {
			b.describe()
		}
		b.check(t)
		cancel()
	})
	dialogs := make(chan struct{}, 16)
	must(b, chromedp.Listen(ctx, func(event any) {
		b.seen(event)
		if _, ok := event.(*page.EventJavascriptDialogOpening); ok {
			dialogs <- struct{}{}
		}
	}))
	go func() { // a dialog blocks the page until it is answered
		for {
			select {
			case <-ctx.Done():
				return
			case <-dialogs:
				_, _ = chromedp.Call(ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{Accept: true})
			}
		}
	}()
	call(b, audits.Enable, cdp.Empty{})
	b.resize(v.width)
	b.theme(v.themeName())
	if v.noScript {
		call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	}
	return b
}

func must(b *tab, err error) {
	if err != nil {
		b.t.Helper()
		b.t.Fatal(err)
	}
}

// call sends a command to the tab.
func call[P, R any](b *tab, c cdp.Command[P, R], params P) R {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	result, err := chromedp.Call(ctx, c, params)
	must(b, err)
	return result
}

func (b *tab) resize(width int) {
	b.t.Helper()
	height := int64(800)
	call(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: int64(width), Height: height, DeviceScaleFactor: 1, Mobile: width < 600,
	})
}

// theme sets the color scheme that the reader prefers.
func (b *tab) theme(name string) {
	b.t.Helper()
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: name}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}})
}

// visit loads a path of the server and waits until it is loaded.
func (b *tab) visit(path string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	must(b, chromedp.Do(ctx, chromedp.Navigate(b.url+path)))
}

// path returns the path and the query of the page.
func (b *tab) path() string {
	b.t.Helper()
	return eval[string](b, "location.pathname + location.search")
}

// status returns the status with which the server answered the page.
func (b *tab) status() int {
	b.t.Helper()
	return eval[int](b, "performance.getEntriesByType('navigation')[0].responseStatus")
}

// eval returns the value of an expression in the page. Promises are awaited.
func eval[T any](b *tab, expression string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%s: %v", short(expression), err)
	}
	return v
}

// waitReloading loads the page again until an expression is true.
func (b *tab) waitReloading(expression string) {
	b.t.Helper()
	b.wait(`document.readyState === "complete" && ((` + expression + `) || (window.reloading ||= (location.reload(), true), false))`)
}

// wait waits until an expression is true. It may fail while a page loads.
func (b *tab) wait(expression string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	var last error
	for tick := time.NewTicker(25 * time.Millisecond); ; {
		ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("!!("+expression+")"))
		if ok && err == nil {
			tick.Stop()
			return
		}
		if !errors.Is(err, context.DeadlineExceeded) {
			last = err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			b.t.Fatalf("this never became true: %s (%v)", short(expression), last)
		}
	}
}

// load does something that loads a page, and waits until that is loaded.
func (b *tab) load(do func()) {
	b.t.Helper()
	eval[bool](b, "window.bailiwickTestOld = true")
	do()
	b.wait("!window.bailiwickTestOld && document.readyState === 'complete'")
}

// click clicks with the mouse at the middle of the element that an expression yields, which
// must be there to be hit.
func (b *tab) click(element string) {
	b.t.Helper()
	b.wait(visible(element))
	var at []float64
	for steady := 0; steady < 3; { // what is scrolled to may move as it comes into view
		now := eval[[]float64](b, `(e => { e.scrollIntoView({block: "center", behavior: "instant"});
			const r = [...e.getClientRects()].find(r => r.width && r.height), x = r.x + r.width / 2, y = r.y + r.height / 2;
			const hit = document.elementFromPoint(x, y);
			return [x, y, hit && (e.contains(hit) || hit.contains(e) || e.control === hit) ? 1 : 0]; })(`+element+`)`)
		if steady++; !slices.Equal(now, at) {
			steady = 0
		}
		at = now
		b.frame()
	}
	if at[2] == 0 {
		b.t.Fatalf("something covers %s", short(element))
	}
	for _, kind := range []input.DispatchMouseEventType{input.DispatchMouseEventTypeMouseMoved, input.DispatchMouseEventTypeMousePressed, input.DispatchMouseEventTypeMouseReleased} {
		p := input.DispatchMouseEventParams{Type: kind, X: at[0], Y: at[1]}
		if kind != input.DispatchMouseEventTypeMouseMoved {
			p.Button, p.ClickCount = input.MouseButtonLeft, 1
		}
		call(b, input.DispatchMouseEvent, p)
	}
}

// frame waits until the browser has painted.
func (b *tab) frame() {
	b.t.Helper()
	call(b, page.CaptureScreenshot, page.CaptureScreenshotParams{Format: page.CaptureScreenshotFormatJpeg, Clip: &page.Viewport{Width: 1, Height: 1, Scale: 1}})
}

// press types keys, such as those of package kb, into what has the focus.
func (b *tab) press(keys string, options ...chromedp.KeyOption) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	must(b, chromedp.Do(ctx, chromedp.KeyEvent(keys, options...)))
}

// insert puts a text into what has the focus, in place of what is selected.
func (b *tab) insert(text string) {
	b.t.Helper()
	call(b, input.InsertText, input.InsertTextParams{Text: text})
}

// fill replaces the value of a field.
func (b *tab) fill(element, text string) {
	b.t.Helper()
	b.wait(visible(element))
	eval[bool](b, "("+element+").focus() || ("+element+").select() || true")
	b.insert(text)
}

// describe logs what the page shows, for a test that failed.
func (b *tab) describe() {
	ctx, cancel := context.WithTimeout(b.ctx, 10*time.Second)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string]("location + '\\n' + document.body.innerText.slice(0, 1500)"))
	b.t.Logf("the page: %s %v", text, err)
}

// Expressions for elements, as a reader finds them.

func quote(s string) string {
	q, _ := json.Marshal(s)
	return string(q)
}

// css is the first visible element that matches a selector.
func css(selector string) string {
	return "[..." + all(selector) + "].find(e => e.checkVisibility() && e.getClientRects().length)"
}

func all(selector string) string { return "document.querySelectorAll(" + quote(selector) + ")" }

// named is the first visible link or button with an accessible name, which may go on after
// text.
func named(text string) string { return namedIn("document", text) }

func namedIn(parent, text string) string {
	return "[...(" + parent + ").querySelectorAll('a, button, summary, label, [role=button], [role=menuitem]')].find(e => " +
		"(e.getAttribute('aria-label') || e.textContent).trim().startsWith(" + quote(text) + ") && e.checkVisibility() && e.getClientRects().length)"
}

// row is the row of an entry in the list.
func row(name string) string {
	return "[..." + all("#list tbody tr") + "].find(r => r.querySelector('a')?.textContent.replace(/[/]$/, '') === " + quote(name) + ")"
}

// link is the link of an entry in the list.
func link(name string) string { return row(name) + "?.querySelector('a')" }

func visible(element string) string {
	return "(e => e && e.checkVisibility() && e.getClientRects().length)(" + element + ")"
}

// shows is whether the page shows a text.
func shows(text string) string { return "document.body.innerText.includes(" + quote(text) + ")" }

// names are the names in the list, in order.
func (b *tab) names() []string {
	b.t.Helper()
	return eval[[]string](b, "[..."+all("#list tbody tr")+"].map(r => r.querySelector('a').textContent)")
}

func short(s string) string {
	if s = strings.Join(strings.Fields(s), " "); len(s) > 300 {
		return s[:300] + "…"
	}
	return s
}

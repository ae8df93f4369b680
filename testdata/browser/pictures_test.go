package browser

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
)

// pictureVariable names the directory to write the pictures of the documents to, relative to
// the top of the repository.
const pictureVariable = "BAILIWICK_SCREENSHOTS"

// picture writes what the window shows to a file, if there is a directory for it.
func (b *tab) picture(name string, height int) {
	b.t.Helper()
	call(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: int64(b.width), Height: int64(height), DeviceScaleFactor: 1})
	b.wait("[...document.images].every(i => i.complete) && document.readyState === 'complete'")
	b.frame()
	shot := call(b, page.CaptureScreenshot, page.CaptureScreenshotParams{})
	dir := os.Getenv(pictureVariable)
	if dir == "" {
		return
	}
	if !filepath.IsAbs(dir) {
		dir = filepath.Join("..", "..", dir)
	}
	if err := os.WriteFile(filepath.Join(dir, name), []byte(shot.Data), 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// The pictures are of the demo, so they show what its readers see. The demo has every kind of
// file and of name, and none of its pages may do what no page may do.
func TestDemo(t *testing.T) {
	s := start(t, nil, "demo")
	b := open(t, s.url, view{width: 1000})
	for _, path := range []string{"/", "/Names/", "/Many/", "/Playground/", "/Sound/", "/Pictures/", "/Documents/"} {
		b.visit(path)
		b.fits()
	}
	b.picture("page.png", 520)
	b = open(t, s.url, view{width: 390, dark: true})
	b.visit("/Playground/")
	b.fits()
	b.picture("page-phone.png", 700)
}

// How long a page of 1,000 entries takes to appear. It is reported and not asserted: it says
// as much about the machine.
func TestFirstPaint(t *testing.T) {
	p := onDisk(t)
	for i := range 1000 {
		p.put(t, fmt.Sprintf("entry %04d.txt", i), "x")
	}
	b := open(t, serve(t, p, readable).url, desktop)
	var times []float64
	for range 5 {
		b.visit("/")
		b.wait("performance.getEntriesByName('first-contentful-paint').length")
		times = append(times, eval[float64](b, "performance.getEntriesByName('first-contentful-paint')[0].startTime"))
	}
	slices.Sort(times)
	t.Logf("first contentful paint of 1,000 entries: %.0f ms (median of %d; %.0f to %.0f)", times[2], len(times), times[0], times[4])
}

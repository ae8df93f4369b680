package browser

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// A page that does all that no page may do is seen to do it: without this, a watcher that
// sees nothing would pass every test.
func TestWatcherSees(t *testing.T) {
	other := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(other.Close)
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'nonce-x'; img-src *; connect-src 'self'")
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		io.WriteString(w, `<!doctype html><html><title>bad</title><p style="color:red">text<p style="color:#aaa;width:3000px" id=wide>pale</p><img src="`+other.URL+`/x.png">
			<script>blocked()</script><script nonce=x>console.error("on the console"); fetch("/missing"); setTimeout(() => alert("hello")); throw new Error("thrown")</script>`)
	}))
	t.Cleanup(site.Close)
	b := open(t, site.URL, desktop)
	b.visit("/")
	b.wait("performance.getEntriesByName('" + site.URL + "/missing').length")
	wants := []string{"csp: ", "console.error", "exception: ", "request to another origin", "log: network", "dialog: alert"}
	for _, want := range wants {
		b.await(want)
	}
	b.mu.Lock()
	b.found = nil
	b.mu.Unlock()
}

// await waits until the watcher has found something.
func (b *tab) await(prefix string) {
	b.t.Helper()
	saw := func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return slices.ContainsFunc(b.found, func(line string) bool { return strings.HasPrefix(line, prefix) })
	}
	for end := time.Now().Add(patience); !saw(); b.wait("true") { // a round trip to the browser, which sends events first
		if time.Now().After(end) {
			b.t.Fatalf("the watcher did not see %q", prefix)
		}
	}
}

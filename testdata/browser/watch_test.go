package browser

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
)

// A watcher counts what no page may do.
type watcher struct {
	host     string
	mu       sync.Mutex
	found    []string
	expected []int // statuses that the browser may report as errors: conflicts, refusals
	requests int
	provider string          // the host of an OpenID provider, whose pages may do what they like
	loaded   map[string]bool // what these pages load
}

// expect makes answers with these statuses no error.
func (w *watcher) expect(statuses ...int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.expected = append(w.expected, statuses...)
}

func (w *watcher) report(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.found = append(w.found, fmt.Sprintf(format, args...))
}

// allowProvider lets the browser go to an OpenID provider.
func (w *watcher) allowProvider(issuer string) {
	u, err := url.Parse(issuer)
	if err != nil {
		panic(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.provider, w.loaded = u.Host, map[string]bool{}
}

// atProvider reports whether a URL is one of the OpenID provider, or was loaded by its pages.
func (w *watcher) atProvider(at string) bool {
	u, err := url.Parse(at)
	w.mu.Lock()
	defer w.mu.Unlock()
	return err == nil && w.provider != "" && u.Host == w.provider || w.loaded[at]
}

// seen takes an event of a tab.
func (w *watcher) seen(event any) {
	switch e := event.(type) {
	case *audits.EventIssueAdded:
		if e.Issue.Code == audits.InspectorIssueCodeContentSecurityPolicyIssue {
			d := e.Issue.Details.ContentSecurityPolicyIssueDetails
			w.report("csp: %s blocked %q", d.ViolatedDirective, d.BlockedURL)
		}
	case *log.EventEntryAdded:
		// The issue above says the same about the policy.
		if e.Entry.Level == log.EntryLevelError && e.Entry.Source != log.EntrySourceSecurity && !w.isExpected(e.Entry) && !w.atProvider(e.Entry.URL) {
			w.report("log: %s: %s %s", e.Entry.Source, e.Entry.Text, e.Entry.URL)
		}
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning || e.Type == runtime.ConsoleAPICalledTypeAssert {
			w.report("console.%s: %s", e.Type, arguments(e.Args))
		}
	case *runtime.EventExceptionThrown:
		text := e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			text += " " + e.ExceptionDetails.Exception.Description
		}
		w.report("exception: %s", text)
	case *network.EventRequestWillBeSent:
		w.mu.Lock()
		w.requests++
		w.mu.Unlock()
		u, err := url.Parse(e.Request.URL)
		switch {
		case err != nil:
			w.report("request: %s", e.Request.URL)
		case u.Scheme == "blob", u.Scheme == "data", u.Scheme == "about":
		case u.Scheme == "chrome-extension": // the browser's own viewer of PDF
		case u.Host == w.host:
		case w.atProvider(e.DocumentURL):
			w.mu.Lock()
			w.loaded[e.Request.URL] = true
			w.mu.Unlock()
		default:
			w.report("request to another origin: %s", e.Request.URL)
		}
	case *page.EventJavascriptDialogOpening:
		if e.Type != page.DialogTypeBeforeunload {
			w.report("dialog: %s %q", e.Type, e.Message)
		}
	}
}

func (w *watcher) isExpected(e *log.Entry) bool {
	if e.Source != log.EntrySourceNetwork {
		// Without TLS, browsers ignore the header and say so.
		return strings.HasPrefix(w.host, networkHost+":") && strings.Contains(e.Text, "Cross-Origin-Opener-Policy header has been ignored")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.ContainsFunc(w.expected, func(status int) bool {
		// 0 stands for a connection that was cut.
		return strings.Contains(e.Text, fmt.Sprintf("status of %d ", status)) || status == 0 && strings.Contains(e.Text, "net::ERR_")
	})
}

func arguments(args []*runtime.RemoteObject) string {
	var words []string
	for _, a := range args {
		words = append(words, string(a.Value)+a.Description)
	}
	return strings.Join(words, " ")
}

// check fails t for all that was found since the last check.
func (w *watcher) check(t *testing.T) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, line := range w.found {
		t.Error(line)
	}
	w.found = nil
}

package server_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

func searchable(t *testing.T) http.Handler {
	return server.New(jail(t, map[string]string{
		"d/Report.txt": "123", "d/report-2.txt": "1", "d/a": "", "d/\u00dcber.txt": "", "d/reports/x": "",
		"d/hidden-report.key": canary, "d/keys/report.key": canary, "d/a&b=c.txt": "",
	}, vfs.Policy{Allow: vfs.Patterns("**"), Deny: vfs.Patterns("**/*.key")}), server.Config{List: true})
}

// TestListingFilter: q keeps the entries whose names contain it, also in another order and in
// pages; it never shows what is hidden, and never makes a directory appear or disappear.
func TestListingFilter(t *testing.T) {
	h := searchable(t)
	for query, want := range map[string]string{
		"q=REPORT":                      "Report.txt report-2.txt reports",
		"q=report&sort=size&order=desc": "Report.txt report-2.txt reports",
		"q=report&sort=name&order=desc": "reports report-2.txt Report.txt",
		"q=%C3%BCBER":                   "\u00dcber.txt",
		"q=%26b%3D":                     "a&b=c.txt",
		"q=hidden":                      "",
		"q=keys":                        "",
		"q=%FF":                         "",
		"q=nothing&deep=":               "",
		"q=":                            "Report.txt a a&b=c.txt report-2.txt reports \u00dcber.txt",
		"q=%zz":                         "Report.txt a a&b=c.txt report-2.txt reports \u00dcber.txt",
	} {
		if _, got := listJSON(t, h, "/d/?"+query); !slices.Equal(got, strings.Fields(want)) {
			t.Errorf("%s: %q, want %s", query, got, want)
		}
		if got := allNames(t, h, "/d/?limit=1&"+query, func() {}); !slices.Equal(got, strings.Fields(want)) {
			t.Errorf("%s, in pages: %q, want %s", query, got, want)
		}
	}
	for _, query := range []string{"?q=report", "?q=x", "?q=report&sort=size", "?q=" + strings.Repeat("x", 8000)} {
		for _, accept := range []string{"text/html", "application/json"} {
			for _, path := range []string{"/d/keys/", "/d/a/", "/d/hidden-report.key/"} {
				same(t, path+query, request(t, h, "GET", path+query, "Accept", accept), request(t, h, "GET", "/missing/"+query, "Accept", accept))
			}
			if r := request(t, h, "GET", "/d/"+query, "Accept", accept); r.Status != 200 {
				t.Errorf("%.40s: %d", query, r.Status)
			}
		}
	}
}

// TestSearchForm: the HTML page has a form that works without scripts and keeps the order, and
// shows the text as text.
func TestSearchForm(t *testing.T) {
	h := searchable(t)
	r := request(t, h, "GET", "/d/?q=REPORT&sort=size&order=desc&limit=1")
	for _, want := range []string{
		`<input type="search" name="q" value="REPORT"`, `<input type="hidden" name="sort" value="size">`, `<input type="hidden" name="order" value="desc">`,
		`<a href="./">All entries</a>`, `href="?limit=1&amp;q=REPORT&amp;sort=name"`,
	} {
		if !strings.Contains(r.Body, want) {
			t.Errorf("no %s in %s", want, r.Body)
		}
	}
	if want := `<?after=%2F3%2FReport.txt&limit=1&order=desc&q=REPORT&sort=size>; rel="next"`; r.Header.Get("Link") != want {
		t.Errorf("Link %q, want %s", r.Header.Get("Link"), want)
	}
	plain, _ := elements(t, request(t, h, "GET", "/d/?q=nothing").Body)
	for _, text := range []string{`"><script>alert(1)</script>`, `" autofocus onfocus="alert(1)`, `</form><img src=x>`, `javascript:alert(1)`, "\x00\xff{{.}}"} {
		body := request(t, h, "GET", "/d/?q="+url.QueryEscape(text)).Body
		got, _ := elements(t, body)
		for key, n := range got {
			if plain[key] != n {
				t.Errorf("%q: %d times %s, want %d", text, n, key, plain[key])
			}
		}
		if !strings.Contains(body, "Nothing found.") {
			t.Errorf("%q: no text in %s", text, body)
		}
	}
}

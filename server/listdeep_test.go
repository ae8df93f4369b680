package server_test

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// TestDeepSearch: deep=1 finds names below the directory, relative to it, in pages and in each
// order, with links that lead there; only what would be served.
func TestDeepSearch(t *testing.T) {
	h := server.New(jail(t, map[string]string{
		"d/Report.txt": "12345", "d/a/report": "123", "d/a/b/x.txt/REPORT": "12", "d/reports/x": "1", "d/report.key": canary, "d/keys/report.key": canary,
		"d/\u00e4 &?#/report%2f.html": "1", "e/report": "",
	}, vfs.Policy{Allow: vfs.Patterns("**"), Deny: vfs.Patterns("**/*.key")}), server.Config{List: true})
	const odd = "\u00e4 &?#/report%2f.html"
	for query, want := range map[string][]string{
		"q=report&deep=1":                      {"Report.txt", "a/b/x.txt/REPORT", "a/report", "reports", odd},
		"q=report&deep=1&sort=size&order=desc": {"Report.txt", "a/report", "a/b/x.txt/REPORT", odd, "reports"},
		"q=report&deep=1&sort=name&order=desc": {odd, "reports", "a/report", "a/b/x.txt/REPORT", "Report.txt"},
		"q=key&deep=1":                         nil,
		"q=%20%26&deep=1":                      {"\u00e4 &?#"},
		"q=report&deep=2":                      {"Report.txt", "reports"},
		"q=&deep=1":                            {"Report.txt", "a", "reports", "\u00e4 &?#"},
	} {
		if _, got := listJSON(t, h, "/d/?"+query); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
		if got := allNames(t, h, "/d/?limit=1&"+query, func() {}); !slices.Equal(got, want) {
			t.Errorf("%s, in pages: %q, want %q", query, got, want)
		}
	}
	r := request(t, h, "GET", "/d/?q=report&deep=1&limit=2", "Accept", "application/json")
	want := `{"dir":"d","can":["zip"],"entries":[{"name":"Report.txt","type":"file","media":"text/plain; charset=utf-8","size":5,"modified":"2026-03-04T05:06:07Z"},` +
		`{"name":"a/b/x.txt/REPORT","type":"file","media":"application/octet-stream","size":2,"modified":"2026-03-04T05:06:07Z"}],"complete":true,"next":"a/b/x.txt/REPORT"}` + "\n"
	if r.Body != want || r.Header.Get("Link") != `<?after=a%2Fb%2Fx.txt%2FREPORT&deep=1&limit=2&q=report>; rel="next"` {
		t.Errorf("%s %v", r.Body, r.Header["Link"])
	}
	page := request(t, h, "GET", "/d/?q=report&deep=1").Body
	_, links := elements(t, page)
	found := 0
	for _, link := range links {
		if strings.HasPrefix(link, "./") && link != "./" {
			found++
			if r := request(t, h, "GET", "/d/"+link[2:]); r.Status != 200 || strings.Contains(r.Body, canary) {
				t.Errorf("%s leads to %d", link, r.Status)
			}
		}
	}
	if found != 5 || !strings.Contains(page, `name="deep" value="1" checked>`) {
		t.Errorf("%d links in %s", found, page)
	}
	for _, path := range []string{"/d/keys/", "/d/a/report/"} {
		same(t, path, request(t, h, "GET", path+"?q=report&deep=1"), request(t, h, "GET", "/missing/?q=report&deep=1"))
	}
}

// stuckList is a backend whose listings do not end by themselves.
type stuckList struct{ vfs.Backend }

func (stuckList) List(ctx context.Context, _ vfs.Name, _ string) iter.Seq2[vfs.Entry, error] {
	return func(yield func(vfs.Entry, error) bool) {
		if yield(vfs.Entry{Elem: "report"}, nil) {
			<-ctx.Done()
			yield(vfs.Entry{}, &vfs.Error{Op: "list", Err: ctx.Err()})
		}
	}
}

// flatCaps makes a backend look like a store without directories.
type flatCaps struct{ vfs.Backend }

func (b flatCaps) Caps() vfs.Caps {
	caps := b.Backend.Caps()
	caps.Directories = false
	return caps
}

// TestSearchSlots: a store without directories takes as many searches of one directory as
// deep ones.
func TestSearchSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := flatCaps{stuckList{jailFS(map[string]string{"report": ""})}}
		h := server.New(jailOver(t, b, allow("report")), server.Config{List: true})
		var running sync.WaitGroup
		for i := range 4 {
			running.Go(func() { from(h, fmt.Sprintf("192.0.2.%d:1", 2+i/2), "/?q=report&deep=1") })
		}
		synctest.Wait()
		if r := request(t, h, "GET", "/?q=report"); r.Status != 503 {
			t.Errorf("a fifth search: %d", r.Status)
		}
		running.Wait()
	})
}

// TestSearchesNobodyReads: a search whose client reads nothing keeps no others from searching.
func TestSearchesNobodyReads(t *testing.T) {
	h := server.New(jail(t, map[string]string{"report": ""}, allow("report")), server.Config{List: true})
	read, begun := make(chan struct{}), make(chan int)
	var clients sync.WaitGroup
	defer clients.Wait()
	defer close(read)
	for i := range 10 {
		clients.Go(func() {
			h.ServeHTTP(&stalled{header: http.Header{}, begun: begun, read: read}, httptest.NewRequest("GET", "/?q=report&deep=1", nil))
		})
		if status := <-begun; status != 200 {
			t.Fatalf("search %d: %d", i, status)
		}
	}
}

// TestDeepSearchEnds: a search that takes too long has what it found, and says that it is not
// complete. Only so many run at a time, fewer of one client, and whether one more can does
// not depend on the name.
func TestDeepSearchEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := server.New(jailOver(t, stuckList{jailFS(map[string]string{"report": ""})}, allow("report")), server.Config{List: true})
		var running sync.WaitGroup
		search := func(peer string) {
			running.Go(func() {
				r := from(h, peer, "/?q=report&deep=1", "Accept", "application/json")
				if r.Status != 200 || !strings.Contains(r.Body, `"name":"report"`) || !strings.Contains(r.Body, `"complete":false`) || r.Header["Link"] != nil {
					t.Errorf("%d %s", r.Status, r.Body)
				}
			})
		}
		search("192.0.2.2:1")
		search("192.0.2.2:2")
		synctest.Wait()
		if r := from(h, "192.0.2.2:3", "/?q=report&deep=1"); r.Status != 503 {
			t.Errorf("a third search of one client: %d", r.Status)
		}
		search("192.0.2.3:1")
		search("192.0.2.3:2")
		synctest.Wait()
		busy := request(t, h, "GET", "/?q=report&deep=1")
		if busy.Status != 503 || busy.Header.Get("Retry-After") == "" {
			t.Errorf("a fifth search: %d %v", busy.Status, busy.Header)
		}
		same(t, "a name that is not there", busy, request(t, h, "GET", "/secret/?q=report&deep=1"))
		running.Wait()
		if body := request(t, h, "GET", "/?q=report&deep=1").Body; !strings.Contains(body, "The search ended early") {
			t.Errorf("the HTML page does not tell: %s", body)
		}
	})
}

package server_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/backends/disk"
	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/access"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// probes are the requests by which a client may try to find out whether a name exists.
var probes = []struct {
	method, suffix string
	headers        []string
}{
	{"GET", "", nil}, {"HEAD", "", nil}, {"GET", "/", nil}, {"HEAD", "/", nil}, {"GET", "/x", nil}, {"GET", "?meta", nil},
	{"GET", "", []string{"Range", "bytes=0-0"}}, {"GET", "", []string{"Range", "bytes=999999-"}}, {"GET", "", []string{"Range", "bytes=0-0", "If-Range", `"x"`}},
	{"GET", "", []string{"If-None-Match", "*"}}, {"GET", "", []string{"If-Match", "*"}}, {"GET", "", []string{"If-Match", `"x"`}},
	{"GET", "", []string{"If-Modified-Since", "Sat, 01 Jan 2050 00:00:00 GMT"}}, {"GET", "", []string{"If-Unmodified-Since", "Sat, 01 Jan 2000 00:00:00 GMT"}},
	{"GET", "", []string{"Accept-Encoding", "br, gzip"}}, {"GET", "/", []string{"Accept", "application/json"}}, {"GET", "/?after=a&limit=1", []string{"Accept", "application/json"}},
	{"GET", "/?sort=size", []string{"Accept", "application/json"}}, {"GET", "/?q=e", []string{"Accept", "application/json"}}, {"GET", "/?q=e&deep=1", []string{"Accept", "application/json"}},
	{"PUT", "", nil}, {"PUT", "", []string{"If-None-Match", "*"}}, {"PUT", "", []string{"If-Match", "*"}}, {"PUT", "", []string{"If-Match", `"x"`}},
	{"PUT", "", []string{"Content-Encoding", "gzip"}}, {"PUT", "", []string{"Content-Range", "bytes 0-0/1"}}, {"PUT", "/", nil}, {"PUT", "/below", nil}, {"PUT", ".", nil}, {"PUT", "%20", nil},
	{"DELETE", "", []string{"If-Match", `"x"`}}, {"DELETE", "", []string{"If-None-Match", "*"}}, {"DELETE", "/", nil}, {"DELETE", "", nil},
	{"POST", "", nil}, {"OPTIONS", "", nil}, {"PATCH", "", nil}, {"TRACE", "", nil}, {"PROPFIND", "", nil},
}

// similarNames are pairs of names of which the first exists and the second does not. The same
// rules apply to both, and both have the same length.
var similarNames = [][2]string{
	{"home/bobby", "home/ghost"}, {"home/bobby/b.txt", "home/bobby/x.txt"}, {"home/bobby/b.txt", "home/ghost/b.txt"}, {"home/alice/secret1", "home/alice/secret9"},
	{"home/alice/drafts", "home/alice/draftx"}, {"law/l.txt", "law/x.txt"}, {"shared", "absent"}, {"top.txt", "not.txt"}, {"home/bobby/deep/er.txt", "home/bobby/deep/un.txt"},
	{"home/ALICE/a.txt", "home/ALICF/a.txt"}, {"public/secret2", "public/secret8"},
}

func enumerationPolicy() vfs.Policy {
	return vfs.Policy{Allow: vfs.Patterns("home/**", "law/**", "shared/**", "top.txt", "not.txt", "public/**"), Deny: vfs.Patterns("**/secret*", "home/*/draft?", "home/*/drafts")}
}

func createSimilarNames(t testing.TB, b vfs.Backend) {
	plant(t, b, "home/alice/a.txt", "home/alice/secret1", "home/alice/drafts/d.txt", "home/bobby/b.txt", "home/bobby/b.txt.gz", "home/bobby/deep/er.txt", "home/bobby/index.html",
		"home/ALICE/a.txt", "law/l.txt", "shared/s.txt", "top.txt", "public/p.txt", "public/secret2")
}

// TestEnumeration requests, as alice and anonymously, existing and missing names outside
// the folder of alice, by every means of HTTP. The responses to a pair must not differ.
func TestEnumeration(t *testing.T) {
	eachWritable(t, func(t *testing.T, inner vfs.Backend) {
		createSimilarNames(t, inner)
		before := contents(t, inner)
		b := counted(inner)
		l := rules(t, nil,
			access.Rule{Who: "anyone", Can: can(vfs.OpRead), Names: []string{"public/**"}},
			access.Rule{Who: "authenticated", Can: can(vfs.OpRead, vfs.OpList, vfs.OpWrite, vfs.OpDelete), Names: []string{"home/{user}/**"}})
		h := guard(t, b, enumerationPolicy(), l, people{"alice": {Name: "alice"}}, server.Config{List: true, Write: true, Sidecars: true, MaxAge: time.Hour})
		b.calls.Store(0)
		for _, pair := range similarNames {
			for _, probe := range probes {
				for _, who := range []string{"alice", ""} {
					headers := append(as(who), probe.headers...)
					there := request(t, h, probe.method, "/"+pair[0]+probe.suffix, headers...)
					missing := request(t, h, probe.method, "/"+pair[1]+probe.suffix, headers...)
					same(t, fmt.Sprintf("%s /%s%s %v as %q", probe.method, pair[0], probe.suffix, probe.headers, who), there, missing)
				}
			}
		}
		if n := b.calls.Load(); n != 0 {
			t.Errorf("the backend saw %d calls", n)
		}
		// The listings of alice show only what alice may read, whatever the query is.
		for _, query := range []string{"", "?limit=1", "?after=a", "?after=alice", "?after=alice/", "?after=bobbx&limit=1", "?after=bobby", "?after=bobby/", "?after=../", "?limit=1&after=home"} {
			for _, dir := range []string{"/home/", "/", "/home/alice/"} {
				r := request(t, h, "GET", dir+query, append(as("alice"), "Accept", "application/json")...)
				if r.Status != 200 && (r.Status != 404 || dir != "/") {
					t.Errorf("%s%s: %d", dir, query, r.Status)
				}
				for _, hidden := range []string{"bobby", "ALICE", "secret", "drafts", "law", "shared", "top", `"next"`} {
					if strings.Contains(r.Body, hidden) {
						t.Errorf("%s%s reveals %s: %s", dir, query, hidden, r.Body)
					}
				}
			}
		}
		if after := contents(t, inner); len(after) != len(before) {
			t.Errorf("%d objects, want %d as before", len(after), len(before))
		}
	})
}

// The control: a server that looks up the object before it authorizes reveals which of a
// pair exists.
func TestEnumerationControl(t *testing.T) {
	b := mem.New()
	createSimilarNames(t, b)
	naive := lookFirst(jailOver(t, b, enumerationPolicy()))
	distinct := 0
	for _, pair := range similarNames {
		if request(t, naive, "GET", "/"+pair[0]).Status != request(t, naive, "GET", "/"+pair[1]).Status {
			distinct++
		}
	}
	if distinct < 4 {
		t.Errorf("only %d pairs can be distinguished", distinct)
	}
}

// lookFirst answers 404 for missing objects, and then 403 for those that are not alice's.
func lookFirst(j *vfs.Jail) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := vfs.ParseEscapedPath(r.URL.EscapedPath()[1:])
		if err == nil {
			_, err = j.Head(r.Context(), n, vfs.Request{})
		}
		switch {
		case err != nil:
			http.Error(w, "not found", http.StatusNotFound)
		case !strings.HasPrefix(n.String(), "home/alice/"):
			http.Error(w, "forbidden", http.StatusForbidden)
		}
	})
}

// TestEnumerationTiming measures, alternating, how long it takes to refuse an existing and
// a missing name, compared to a server that looks up the object first. A refusal does not
// access the disk, so the two differ by noise only. In at least one of ten rounds, the
// difference must be below half of that of the control.
func TestEnumerationTiming(t *testing.T) {
	b := writableDisk(t, disk.Options{})
	deep := "home/bobby/" + strings.Repeat("deep/", 40)
	plant(t, b, deep+"b.txt", "home/alice/a.txt")
	l := rules(t, nil, access.Rule{Who: "authenticated", Can: can(vfs.OpRead, vfs.OpList), Names: []string{"home/{user}/**"}})
	p := enumerationPolicy()
	naive := lookFirst(jailOver(t, b, p))
	p.Authorize = l
	guarded := asPrincipal(server.New(jailOver(t, b, p), server.Config{List: true}))
	// Even the first directory of the second name is missing, so looking it up is fast.
	there, missing := "/"+deep+"b.txt", "/"+strings.Replace(deep, "bobby", "ghost", 1)+"b.txt"
	for range 10 {
		denied, absent := medians(t, guarded, there, missing)
		looked, lookedInVain := medians(t, naive, there, missing)
		apart, control := (denied - absent).Abs(), (looked - lookedInVain).Abs()
		t.Logf("denied %v, missing %v, difference %v; the control %v, %v, difference %v", denied, absent, apart, looked, lookedInVain, control)
		if 2*apart < control {
			return
		}
	}
	t.Error("timing reveals which names exist")
}

// medians returns the median time that h takes for each of two targets, requested
// alternately.
func medians(t *testing.T, h http.Handler, targets ...string) (first, second time.Duration) {
	t.Helper()
	rounds := 2000
	if testing.Short() {
		rounds = 200
	}
	var elapsed [2][]time.Duration
	for range rounds {
		for i, target := range targets {
			begin := time.Now()
			request(t, h, "GET", target, "As", "alice")
			elapsed[i] = append(elapsed[i], time.Since(begin))
		}
	}
	for i := range elapsed {
		slices.Sort(elapsed[i])
	}
	return elapsed[0][len(elapsed[0])/2], elapsed[1][len(elapsed[1])/2]
}

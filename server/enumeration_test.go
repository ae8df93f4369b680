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

// probes are the ways in which somebody may try to find out about a name.
var probes = []struct {
	method, suffix string
	headers        []string
}{
	{"GET", "", nil}, {"HEAD", "", nil}, {"GET", "/", nil}, {"HEAD", "/", nil}, {"GET", "/x", nil}, {"GET", "?meta", nil},
	{"GET", "", []string{"Range", "bytes=0-0"}}, {"GET", "", []string{"Range", "bytes=999999-"}}, {"GET", "", []string{"Range", "bytes=0-0", "If-Range", `"x"`}},
	{"GET", "", []string{"If-None-Match", "*"}}, {"GET", "", []string{"If-Match", "*"}}, {"GET", "", []string{"If-Match", `"x"`}},
	{"GET", "", []string{"If-Modified-Since", "Sat, 01 Jan 2050 00:00:00 GMT"}}, {"GET", "", []string{"If-Unmodified-Since", "Sat, 01 Jan 2000 00:00:00 GMT"}},
	{"GET", "", []string{"Accept-Encoding", "br, gzip"}}, {"GET", "/", []string{"Accept", "application/json"}}, {"GET", "/?after=a&limit=1", []string{"Accept", "application/json"}},
	{"PUT", "", nil}, {"PUT", "", []string{"If-None-Match", "*"}}, {"PUT", "", []string{"If-Match", "*"}}, {"PUT", "", []string{"If-Match", `"x"`}},
	{"PUT", "", []string{"Content-Encoding", "gzip"}}, {"PUT", "", []string{"Content-Range", "bytes 0-0/1"}}, {"PUT", "/", nil}, {"PUT", "/below", nil}, {"PUT", ".", nil}, {"PUT", "%20", nil},
	{"DELETE", "", []string{"If-Match", `"x"`}}, {"DELETE", "", []string{"If-None-Match", "*"}}, {"DELETE", "/", nil}, {"DELETE", "", nil},
	{"POST", "", nil}, {"OPTIONS", "", nil}, {"PATCH", "", nil}, {"TRACE", "", nil}, {"PROPFIND", "", nil},
}

// twins are names of which the first is there and the second is not, for the same
// rules, all of the same length.
var twins = [][2]string{
	{"home/bobby", "home/ghost"}, {"home/bobby/b.txt", "home/bobby/x.txt"}, {"home/bobby/b.txt", "home/ghost/b.txt"}, {"home/alice/secret1", "home/alice/secret9"},
	{"home/alice/drafts", "home/alice/draftx"}, {"law/l.txt", "law/x.txt"}, {"shared", "absent"}, {"top.txt", "not.txt"}, {"home/bobby/deep/er.txt", "home/bobby/deep/un.txt"},
	{"home/ALICE/a.txt", "home/ALICF/a.txt"}, {"public/secret2", "public/secret8"},
}

func enumerationPolicy() vfs.Policy {
	return vfs.Policy{Allow: vfs.Patterns("home/**", "law/**", "shared/**", "top.txt", "not.txt", "public/**"), Deny: vfs.Patterns("**/secret*", "home/*/draft?", "home/*/drafts")}
}

func plantTwins(t testing.TB, b vfs.Backend) {
	plant(t, b, "home/alice/a.txt", "home/alice/secret1", "home/alice/drafts/d.txt", "home/bobby/b.txt", "home/bobby/b.txt.gz", "home/bobby/deep/er.txt", "home/bobby/index.html",
		"home/ALICE/a.txt", "law/l.txt", "shared/s.txt", "top.txt", "public/p.txt", "public/secret2")
}

// TestEnumeration asks as alice, and as anyone, for what is there and what is not
// beyond her own folder, by all means that HTTP has. Nothing in an answer differs.
func TestEnumeration(t *testing.T) {
	eachWritable(t, func(t *testing.T, inner vfs.Backend) {
		plantTwins(t, inner)
		before := contents(t, inner)
		b := counted(inner)
		l := rules(t, nil,
			access.Rule{Who: "anyone", Can: can(vfs.OpRead), Names: []string{"public/**"}},
			access.Rule{Who: "authenticated", Can: can(vfs.OpRead, vfs.OpList, vfs.OpWrite, vfs.OpDelete), Names: []string{"home/{user}/**"}})
		h := guard(t, b, enumerationPolicy(), l, people{"alice": {Name: "alice"}}, server.Config{List: true, Write: true, Sidecars: true, MaxAge: time.Hour})
		b.calls.Store(0)
		for _, pair := range twins {
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
		// Her own listings show hers, whatever is asked for.
		for _, query := range []string{"", "?limit=1", "?after=a", "?after=alice", "?after=alice/", "?after=bobbx&limit=1", "?after=bobby", "?after=bobby/", "?after=../", "?limit=1&after=home"} {
			for _, dir := range []string{"/home/", "/", "/home/alice/"} {
				r := request(t, h, "GET", dir+query, append(as("alice"), "Accept", "application/json")...)
				if r.Status != 200 && (r.Status != 404 || dir != "/") {
					t.Errorf("%s%s: %d", dir, query, r.Status)
				}
				for _, hidden := range []string{"bobby", "ALICE", "secret", "drafts", "law", "shared", "top", `"next"`} {
					if strings.Contains(r.Body, hidden) {
						t.Errorf("%s%s tells of %s: %s", dir, query, hidden, r.Body)
					}
				}
			}
		}
		if after := contents(t, inner); len(after) != len(before) {
			t.Errorf("%d objects, and before %d", len(after), len(before))
		}
	})
}

// The control: a server that looks before it asks tells the two apart.
func TestEnumerationControl(t *testing.T) {
	b := mem.New()
	plantTwins(t, b)
	naive := lookFirst(jailOver(t, b, enumerationPolicy()))
	told := 0
	for _, pair := range twins {
		if request(t, naive, "GET", "/"+pair[0]).Status != request(t, naive, "GET", "/"+pair[1]).Status {
			told++
		}
	}
	if told < 4 {
		t.Errorf("%d pairs can be told apart", told)
	}
}

// lookFirst answers 404 for what is not there, and then 403 for what is not alice's.
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

// TestEnumerationTiming measures, in turns, how long it takes to refuse what is there
// and what is not, against a server that looks first. Refusing comes near no disk, so
// only noise can set the two apart, and in one round of ten it has to be below half
// of what tells them apart in the control.
func TestEnumerationTiming(t *testing.T) {
	b := writableDisk(t, disk.Options{})
	deep := "home/bobby/" + strings.Repeat("deep/", 40)
	plant(t, b, deep+"b.txt", "home/alice/a.txt")
	l := rules(t, nil, access.Rule{Who: "authenticated", Can: can(vfs.OpRead, vfs.OpList), Names: []string{"home/{user}/**"}})
	p := enumerationPolicy()
	naive := lookFirst(jailOver(t, b, p))
	p.Authorize = l
	guarded := asPrincipal(server.New(jailOver(t, b, p), server.Config{List: true}))
	// Missing is the first directory already, so that a look is over soon.
	there, missing := "/"+deep+"b.txt", "/"+strings.Replace(deep, "bobby", "ghost", 1)+"b.txt"
	for range 10 {
		denied, absent := medians(t, guarded, there, missing)
		looked, lookedInVain := medians(t, naive, there, missing)
		apart, control := (denied - absent).Abs(), (looked - lookedInVain).Abs()
		t.Logf("denied %v, missing %v: %v apart; by the control %v, %v: %v apart", denied, absent, apart, looked, lookedInVain, control)
		if 2*apart < control {
			return
		}
	}
	t.Error("what is there can be told by time")
}

// medians returns how long h takes for two targets, asked in turns.
func medians(t *testing.T, h http.Handler, targets ...string) (first, second time.Duration) {
	t.Helper()
	rounds := 2000
	if testing.Short() {
		rounds = 200
	}
	var spent [2][]time.Duration
	for range rounds {
		for i, target := range targets {
			begin := time.Now()
			request(t, h, "GET", target, "As", "alice")
			spent[i] = append(spent[i], time.Since(begin))
		}
	}
	for i := range spent {
		slices.Sort(spent[i])
	}
	return spent[0][len(spent[0])/2], spent[1][len(spent[1])/2]
}

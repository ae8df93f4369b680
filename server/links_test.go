package server_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/mux"

	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/access"
	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/server/auth/links"
	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/server/gorilla"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// ring makes keys with the given IDs. The secret of a key is its ID, repeated.
func ring(t testing.TB, ids ...string) *links.Keys {
	t.Helper()
	var lines strings.Builder
	for _, id := range ids {
		fmt.Fprintf(&lines, "%s:%s\n", id, strings.Repeat(id, 44)[:43]+"=")
	}
	k, err := links.ReadKeys("keys", strings.NewReader(lines.String()))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// signed returns the request target of the link l, which by default expires in an hour.
func signed(t testing.TB, k *links.Keys, l links.Link) string {
	t.Helper()
	if l.Method == "" {
		l.Method = "GET"
	}
	if l.Expires.IsZero() {
		l.Expires = time.Now().Add(time.Hour)
	}
	q, err := k.Sign(l)
	if err != nil {
		t.Fatal(err)
	}
	return l.Path + "?" + q
}

// linkRules let anyone read public, and alice do everything in her folder.
func linkRules(t testing.TB) *access.List {
	return rules(t, nil,
		access.Rule{Who: "anyone", Can: can(vfs.OpRead), Names: []string{"public/**"}},
		access.Rule{Who: "authenticated", Can: can(vfs.OpRead, vfs.OpWrite, vfs.OpDelete), Names: []string{"home/{user}/**"}})
}

// linkSite mounts b below /docs with signed links. If l is nil, the mount is open to
// anyone.
func linkSite(t testing.TB, b vfs.Backend, l *access.List, k *links.Keys, uses links.Counter, rec audit.Recorder) http.Handler {
	t.Helper()
	p := gatePolicy()
	gate := server.Auth{Authenticator: chain(people{"alice": {Name: "alice"}}), Links: k, Uses: uses}
	p.Authorize = access.Anyone()
	if l != nil {
		p.Authorize = l
	}
	router := mux.NewRouter().UseEncodedPath().SkipClean(true)
	gorilla.Mount(router, "/docs", server.New(jailOver(t, b, p), server.Config{Write: true, Auth: gate, MaxAge: time.Hour, Recorder: rec, Logger: quiet}))
	return router
}

var linkTree = []string{"home/alice/a.txt", "home/alice/café %.txt", "home/bob/b.txt", "public/p.txt", "secret.txt"}

// wantMissing fails unless got is the response for a missing name.
func wantMissing(t testing.TB, h http.Handler, what string, got reply) {
	t.Helper()
	same(t, what, got, request(t, h, "GET", "/docs/public/missing"))
}

func TestLinks(t *testing.T) {
	eachWritable(t, func(t *testing.T, b vfs.Backend) {
		plant(t, b, linkTree...)
		k := ring(t, "one")
		rec := &recorder{}
		h := linkSite(t, b, linkRules(t), k, &links.Memory{}, rec)
		r := request(t, h, "GET", signed(t, k, links.Link{Path: "/docs/home/bob/b.txt"}))
		if r.Status != 200 || r.Body != "home/bob/b.txt" || r.Header.Get("Cache-Control") != "private, no-store" {
			t.Errorf("GET: %d %q %v", r.Status, r.Body, r.Header)
		}
		if a := rec.wait(t, 1)[0]; !strings.HasPrefix(a.Principal, "link:") || strings.Contains(a.Raw, "bw_") {
			t.Errorf("recorded as %+v", a)
		}
		target := signed(t, k, links.Link{Path: "/docs/home/alice/caf%C3%A9%20%25.txt", DownloadName: "отчёт \"1\".txt"})
		r = request(t, h, "GET", target)
		if d := r.Header["Content-Disposition"]; r.Status != 200 || len(d) != 1 || !strings.HasPrefix(d[0], "attachment; ") || !strings.Contains(d[0], "filename*=UTF-8''%D0%BE") {
			t.Errorf("with a name: %d %q", r.Status, d)
		}
		// Another percent-encoding of the same name is the same link.
		if r := request(t, h, "GET", strings.Replace(target, "alice", "%61lice", 1)); r.Status != 200 {
			t.Errorf("with another encoding: %d", r.Status)
		}
		// Every response to a link stays out of caches, even for an object that is open to
		// anyone.
		target = signed(t, k, links.Link{Path: "/docs/public/p.txt"})
		tag := request(t, h, "GET", target).Header.Get("Etag")
		for status, headers := range map[int][]string{200: nil, 206: {"Range", "bytes=0-1"}, 304: {"If-None-Match", tag}, 412: {"If-Match", `"x"`}, 416: {"Range", "bytes=99-"}} {
			if r := request(t, h, "GET", target, headers...); r.Status != status || r.Header.Get("Cache-Control") != "private, no-store" {
				t.Errorf("%v: %d %v", headers, r.Status, r.Header)
			}
		}
		if r := request(t, h, "HEAD", target); r.Status != 200 {
			t.Errorf("HEAD: %d", r.Status)
		}
		// An expired link looks like a missing name to the client; the record has the
		// reason.
		wantMissing(t, h, "expired", request(t, h, "GET", signed(t, k, links.Link{Path: "/docs/home/bob/b.txt", Expires: time.Now().Add(-time.Minute)})))
		if all := rec.wait(t, 1); !slices.ContainsFunc(all, func(a audit.Attempt) bool { return a.Reason == audit.ReasonLinkExpired }) {
			t.Errorf("recorded as %+v", all)
		}
		// The policy applies to links, too.
		for _, path := range []string{"/docs/secret.txt", "/docs/home/bob/missing", "/docs/home/bob", "/docs/home", "/elsewhere/a"} {
			got := request(t, h, "GET", signed(t, k, links.Link{Path: path}))
			if path == "/elsewhere/a" {
				continue // the router's own 404
			}
			wantMissing(t, h, path, got)
		}
		// Writing.
		put := signed(t, k, links.Link{Path: "/docs/home/bob/new.txt", Method: "PUT"})
		if r := request(t, h, "PUT", put); r.Status != 201 {
			t.Errorf("PUT: %d", r.Status)
		}
		for _, method := range []string{"GET", "HEAD", "DELETE"} {
			got := request(t, h, method, put)
			if got.Status != 404 || method != "HEAD" && got.Body != "not found\n" || got.Header["Www-Authenticate"] != nil {
				t.Errorf("%s by a link for PUT: %d %q", method, got.Status, got.Body)
			}
		}
		if r := request(t, h, "DELETE", signed(t, k, links.Link{Path: "/docs/home/bob/new.txt", Method: "DELETE"})); r.Status != 204 {
			t.Errorf("DELETE: %d", r.Status)
		}
		if r := request(t, h, "OPTIONS", put+"x"); r.Status != 204 {
			t.Errorf("OPTIONS: %d", r.Status)
		}
		if r := request(t, h, "POST", put); r.Status != 405 {
			t.Errorf("POST: %d", r.Status)
		}
	})
}

// A link with a user may do what the user may, and no more.
func TestLinkOfUser(t *testing.T) {
	b := mem.New()
	plant(t, b, linkTree...)
	k := ring(t, "one")
	rec := &recorder{}
	h := linkSite(t, b, linkRules(t), k, nil, rec)
	for i, tt := range []struct {
		path, user string
		status     int
	}{
		{"/docs/home/alice/a.txt", "alice", 200},
		{"/docs/home/bob/b.txt", "alice", 404},
		{"/docs/public/p.txt", "alice", 200},
		{"/docs/home/alice/a.txt", "Alice", 404},
		{"/docs/home/alice/a.txt", "re:.+", 404},
		{"/docs/home/alice/a.txt", "..", 404},
		{"/docs/home/alice/a.txt", "alice/..", 404},
	} {
		r := request(t, h, "GET", signed(t, k, links.Link{Path: tt.path, User: tt.user}))
		if r.Status != tt.status {
			t.Errorf("%s as %s: %d, want %d", tt.path, tt.user, r.Status, tt.status)
		}
		if a := rec.wait(t, i+1)[i]; a.Principal != tt.user {
			t.Errorf("%s as %s: recorded as %q", tt.path, tt.user, a.Principal)
		}
	}
}

// An altered link gets the uniform 404, even for an open name and with correct credentials.
func TestLinkAltered(t *testing.T) {
	b := counted(mem.New())
	plant(t, b, linkTree...)
	k := ring(t, "one", "two")
	for name, l := range map[string]*access.List{"with rules": linkRules(t), "without rules": nil} {
		h := linkSite(t, b, l, k, &links.Memory{}, nil)
		target := signed(t, k, links.Link{Path: "/docs/public/p.txt", User: "alice", Uses: 1000, DownloadName: "x.txt"})
		path, query, _ := strings.Cut(target, "?")
		if r := request(t, h, "GET", target); r.Status != 200 {
			t.Fatalf("%s: %d", name, r.Status)
		}
		var altered []string
		for i := range query {
			// The lowest bits of the last character are not part of the signature.
			if c := query[i] ^ 1; c > ' ' && c != '#' && c != '%' {
				altered = append(altered, path+"?"+query[:i]+string(c)+query[i+1:])
			}
			altered = append(altered, path+"?"+query[:i]+query[i+1:])
			if strings.Contains(query[:i], "bw_") {
				altered = append(altered, path+"?"+query[:i])
			}
		}
		values, _ := url.ParseQuery(query)
		for field, value := range values {
			one := field + "=" + url.QueryEscape(value[0])
			without := strings.Trim(strings.Replace("&"+query, "&"+one, "", 1), "&")
			altered = append(altered, path+"?"+without, path+"?"+query+"&"+one, path+"?"+one+"&"+query, path+"?"+without+"&"+one+"0", path+"?"+one)
			if field != "bw_signature" {
				altered = append(altered, path+"?"+one+"&"+without)
				if field == "bw_expires" {
					altered = altered[:len(altered)-1] // it is the first field anyway
				}
			}
		}
		altered = append(altered, "/docs/public/q.txt?"+query, "/docs/home/alice/a.txt?"+query, path+"/?"+query, path+"?x=1&"+query, path+"?"+query+"&x=1", path+"?"+query+"&", path+"?&"+query,
			path+"?bw_", path+"?b%77_id", path+"?bw_meta=1", path+"?%62w_x=1;y", "/docs/public/%2e/p.txt?"+query, "/docs//public/p.txt?"+query,
			signed(t, ring(t, "three"), links.Link{Path: path}), signed(t, k, links.Link{Path: path, Expires: time.Now().Add(-time.Second)}),
			signed(t, k, links.Link{Path: "/public/p.txt"})[len("/public/p.txt"):])
		before := b.calls.Load()
		for _, target := range altered {
			if !strings.HasPrefix(target, "/") {
				target = path + target
			}
			for _, who := range []string{"", "alice"} {
				wantMissingOf(t, h, name+": "+target+" as "+who, "GET", target, who)
			}
		}
		if seen := b.calls.Load() - before; seen > int64(len(altered)*4) {
			t.Errorf("%s: the backend saw %d calls", name, seen)
		}
		before = b.calls.Load()
		for _, target := range altered {
			if strings.HasPrefix(target, "/") {
				request(t, h, "GET", target, as("alice")...)
			}
		}
		if seen := b.calls.Load() - before; seen != 0 {
			t.Errorf("%s: the backend saw %d calls", name, seen)
		}
		// The control: the same name is served without the query, and a query that is not a
		// link's changes nothing.
		for _, target := range []string{path, path + "?x=bw_id", path + "?xbw_id=1", path + "?BW_id=1"} {
			if r := request(t, h, "GET", target); r.Status != 200 {
				t.Errorf("%s: %s: %d", name, target, r.Status)
			}
		}
	}
}

func wantMissingOf(t testing.TB, h http.Handler, what, method, target, who string) {
	t.Helper()
	got := request(t, h, method, target, as(who)...)
	if got.Status != 404 || got.Body != "not found\n" || got.Header.Get("Cache-Control") != "no-store" || len(got.Header) != 4 {
		t.Errorf("%s: %d %q %v", what, got.Status, got.Body, got.Header)
	}
}

// A link with a use limit is answered exactly that many times, however many requests arrive
// at once. Every kind of GET counts, HEAD does not.
func TestLinkUses(t *testing.T) {
	eachWritable(t, func(t *testing.T, b vfs.Backend) {
		plant(t, b, linkTree...)
		k := ring(t, "one")
		rec := &recorder{}
		h := linkSite(t, b, linkRules(t), k, &links.Memory{}, rec)
		const uses, crowd = 7, 40
		target := signed(t, k, links.Link{Path: "/docs/home/bob/b.txt", Uses: uses})
		for range 3 {
			if r := request(t, h, "HEAD", target); r.Status != 200 {
				t.Errorf("HEAD: %d", r.Status)
			}
		}
		var answered atomic.Int64
		var wg sync.WaitGroup
		for i := range crowd {
			wg.Go(func() {
				headers := [][]string{nil, {"Range", "bytes=0-1"}, {"If-None-Match", "*"}, {"If-Match", `"x"`}}[i%4]
				switch r := request(t, h, "GET", target, headers...); r.Status {
				case 200, 206, 304, 412:
					answered.Add(1)
				case 404:
				default:
					t.Errorf("%d", r.Status)
				}
			})
		}
		wg.Wait()
		if n := answered.Load(); n != uses {
			t.Errorf("%d were answered, want %d", n, uses)
		}
		wantMissing(t, h, "used up", request(t, h, "GET", target))
		refused := 0
		for _, a := range rec.wait(t, crowd+4) {
			if a.Reason == audit.ReasonLinkUsed && a.Verdict == audit.Refused {
				refused++
			}
		}
		if refused != crowd-uses+1 {
			t.Errorf("%d were recorded as used up, want %d", refused, crowd-uses+1)
		}
		// Another link to the same object has its own count. Without a Counter, links with
		// a use limit are refused.
		if r := request(t, h, "GET", signed(t, k, links.Link{Path: "/docs/home/bob/b.txt", Uses: 1})); r.Status != 200 {
			t.Errorf("another link: %d", r.Status)
		}
		h = linkSite(t, b, linkRules(t), k, nil, nil)
		wantMissing(t, h, "without a counter", request(t, h, "GET", target))
		h = linkSite(t, b, linkRules(t), k, brokenCounter{}, nil)
		if r := request(t, h, "GET", target); r.Status != 503 || r.Header["Etag"] != nil {
			t.Errorf("with a counter that fails: %d %v", r.Status, r.Header)
		}
	})
}

type brokenCounter struct{}

func (brokenCounter) Use(context.Context, string, int, time.Time) (bool, error) {
	return false, io.ErrUnexpectedEOF
}

func (brokenCounter) Good(context.Context, string, int) (bool, error) {
	return false, io.ErrUnexpectedEOF
}

// An invalid link reveals nothing about the object by any method, condition or range:
// neither that it exists, nor its size or version. The control is the same link while it is
// valid.
func TestSpentLinkTellsNothing(t *testing.T) {
	eachWritable(t, func(t *testing.T, b vfs.Backend) {
		plant(t, b, linkTree...)
		k := ring(t, "one")
		h := linkSite(t, b, linkRules(t), k, &links.Memory{}, nil)
		const path = "/docs/home/bob/b.txt"
		usedUp := signed(t, k, links.Link{Path: path, Uses: 1})
		if r := request(t, h, "HEAD", usedUp); r.Status != 200 || r.Header.Get("Etag") == "" {
			t.Fatalf("the control: HEAD: %d %v", r.Status, r.Header)
		}
		tag := request(t, h, "GET", usedUp).Header.Get("Etag")
		if tag == "" {
			t.Fatal("the control: GET has no ETag")
		}
		short := signed(t, k, links.Link{Path: path, Expires: time.Now().Add(-time.Second)})
		uncounted := linkSite(t, b, linkRules(t), k, nil, nil)
		for what, tt := range map[string]struct {
			h      http.Handler
			target string
		}{"used up": {h, usedUp}, "expired": {h, short}, "without a counter": {uncounted, usedUp}} {
			for _, method := range []string{"GET", "HEAD"} {
				want := request(t, tt.h, method, "/docs/public/missing")
				for _, headers := range [][]string{nil, {"If-None-Match", "*"}, {"If-None-Match", tag}, {"If-Match", `"x"`}, {"If-Match", tag},
					{"If-Modified-Since", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)}, {"If-Unmodified-Since", "Sat, 01 Jan 2000 00:00:00 GMT"},
					{"Range", "bytes=0-1"}, {"Range", "bytes=999-"}, {"Range", "bytes=0-1", "If-Range", tag}, {"Accept-Encoding", "gzip, br"}} {
					same(t, fmt.Sprintf("%s: %s %v", what, method, headers), request(t, tt.h, method, tt.target, headers...), want)
				}
			}
			same(t, what+": OPTIONS", request(t, tt.h, "OPTIONS", tt.target), request(t, tt.h, "OPTIONS", "/docs/public/missing"))
		}
		broken := linkSite(t, b, linkRules(t), k, brokenCounter{}, nil)
		if r := request(t, broken, "HEAD", usedUp); r.Status != 503 || r.Header["Etag"] != nil || r.Header["Last-Modified"] != nil {
			t.Errorf("HEAD with a counter that fails: %d %v", r.Status, r.Header)
		}
	})
}

// A link is for one object. A link to a directory is not redirected to the path with the
// slash: that response would not count as a use, and would reveal a directory that only the
// link's user may see.
func TestLinkToDirectory(t *testing.T) {
	k := ring(t, "one")
	p := gatePolicy()
	p.Authorize = rules(t, nil, access.Rule{Who: "authenticated", Can: can(vfs.OpRead, vfs.OpList), Names: []string{"home/{user}/**"}})
	mounted, err := vfs.ParseName("docs")
	if err != nil {
		t.Fatal(err)
	}
	who := people{"alice": {Name: "alice"}}
	h := server.New(jailOver(t, gateTree(), p), server.Config{List: true, Mounted: mounted, Auth: server.Auth{Authenticator: chain(who), Links: k, Uses: &links.Memory{}}})
	if r := request(t, h, "GET", "/home/alice", as("alice")...); r.Status != 308 {
		t.Fatalf("the control: %d", r.Status)
	}
	target := signed(t, k, links.Link{Path: "/home/alice", User: "alice", Uses: 1})
	for _, method := range []string{"GET", "HEAD"} {
		want := request(t, h, method, signed(t, k, links.Link{Path: "/home/missing", User: "alice", Uses: 1}))
		for range 3 {
			if got := request(t, h, method, target); got.Status != 404 {
				t.Errorf("%s: %d %v", method, got.Status, got.Header)
			} else {
				same(t, method, got, want)
			}
		}
	}
}

// One GET counts as one use, even if it opens outdated sidecars first.
func TestLinkUseOfStaleCopy(t *testing.T) {
	files := tree(map[string]string{"a.txt": "plain", "a.txt.gz": "old", "a.txt.br": "older"})
	files["a.txt"].ModTime = modTime.Add(time.Hour)
	k := ring(t, "one")
	p := allow("**")
	p.Authorize = access.Anyone()
	h := server.New(jailOver(t, vfs.FromFS(files), p), server.Config{Sidecars: true, Auth: server.Auth{Links: k, Uses: &links.Memory{}}})
	target := signed(t, k, links.Link{Path: "/a.txt", Uses: 2})
	for i, want := range []int{200, 200, 404} {
		if r := request(t, h, "GET", target, "Accept-Encoding", "br, gzip"); r.Status != want || want == 200 && r.Body != "plain" {
			t.Errorf("GET %d: %d %q", i+1, r.Status, r.Body)
		}
	}
}

// The first key signs. An older key is accepted until it is removed, which revokes its
// links.
func TestLinkKeys(t *testing.T) {
	b := mem.New()
	plant(t, b, linkTree...)
	target := signed(t, ring(t, "one"), links.Link{Path: "/docs/home/bob/b.txt"})
	for _, tt := range []struct {
		ids    []string
		status int
	}{{[]string{"one"}, 200}, {[]string{"two", "one"}, 200}, {[]string{"two"}, 404}, {[]string{"one", "two"}, 200}} {
		h := linkSite(t, b, linkRules(t), ring(t, tt.ids...), nil, nil)
		if r := request(t, h, "GET", target); r.Status != tt.status {
			t.Errorf("%v: %d, want %d", tt.ids, r.Status, tt.status)
		}
	}
	// Without keys, the query of a link is ignored, and open names are served.
	h := linkSite(t, b, linkRules(t), nil, nil, nil)
	if r := request(t, h, "GET", target); r.Status != 404 {
		t.Errorf("without keys: %d", r.Status)
	}
	if r := request(t, h, "GET", "/docs/public/p.txt?bw_id=1"); r.Status != 200 {
		t.Errorf("without keys, an open name: %d", r.Status)
	}
}

// Links to uploads: to create, to fetch and to delete one.
func TestLinksOfUploads(t *testing.T) {
	eachWritable(t, func(t *testing.T, b vfs.Backend) {
		k := ring(t, "one")
		l := rules(t, nil, access.Rule{Who: "authenticated", Can: can(vfs.OpUpload)}, access.Rule{Who: "owner", Can: can(vfs.OpRead, vfs.OpDelete)})
		site := newUploadsOver(t, b, server.UploadConfig{Authorize: server.UploadRules(l), Auth: server.Auth{Authenticator: chain(people{"alice": {Name: "alice"}}), Links: k, Uses: &links.Memory{}}})
		router := mux.NewRouter().UseEncodedPath().SkipClean(true)
		gorilla.Mount(router, "/files", site.handler)
		url := start(t, router)

		if r := sendRequest(t, "POST", url+"/files/", strings.NewReader("x"), "Content-Disposition", `attachment; filename="x.txt"`); r.Status != 401 {
			t.Errorf("POST without credentials: %d", r.Status)
		}
		post := signed(t, k, links.Link{Method: "POST", Path: "/files/"})
		r := sendRequest(t, "POST", url+post, strings.NewReader("anyone's"), "Content-Disposition", `attachment; filename="x.txt"`)
		if r.Status != 201 || r.files(t)[0].Owner != "" || !strings.HasPrefix(r.Header.Get("Location"), "/files/") {
			t.Fatalf("POST: %d %s %v", r.Status, r.Body, r.Header)
		}
		r = sendRequest(t, "POST", url+signed(t, k, links.Link{Method: "POST", Path: "/files/", User: "alice"}), strings.NewReader("alice's"), "Content-Disposition", `attachment; filename="x.txt"`)
		if r.Status != 201 || r.files(t)[0].Owner != "alice" {
			t.Fatalf("POST as alice: %d %s", r.Status, r.Body)
		}
		location := r.Header.Get("Location")
		if r := get(t, "GET", url+location, as("alice")...); r.Status != 200 || r.Header.Get("Cache-Control") != "private, no-store" {
			t.Errorf("GET by the owner: %d %v", r.Status, r.Header)
		}
		if r := get(t, "GET", url+location+"?meta", as("alice")...); r.Status != 200 || r.Header.Get("Cache-Control") != "private, no-store" {
			t.Errorf("?meta by the owner: %d %v", r.Status, r.Header)
		}
		fetch := signed(t, k, links.Link{Path: location, Uses: 2, DownloadName: "given.txt"})
		for i, want := range []int{200, 200, 404} {
			r := get(t, "GET", url+fetch)
			if r.Status != want || want == 200 && (r.Body != "alice's" || r.Header.Get("Cache-Control") != "private, no-store" || !strings.Contains(r.Header.Get("Content-Disposition"), `given.txt`)) {
				t.Errorf("GET %d: %d %q %v", i+1, r.Status, r.Body, r.Header)
			}
		}
		bad := []string{fetch + "0", location + "?" + strings.SplitN(post, "?", 2)[1], location + "?bw_id=1", fetch + "&meta", location + "?meta&" + strings.SplitN(fetch, "?", 2)[1],
			signed(t, k, links.Link{Path: location, User: "bob"}), signed(t, k, links.Link{Path: location, Method: "DELETE", User: "bob"}), signed(t, k, links.Link{Path: location, Method: "DELETE"})}
		for _, target := range bad {
			for _, who := range []string{"", "alice"} {
				if r := get(t, "GET", url+target, as(who)...); r.Status != 404 || r.Body != "not found\n" {
					t.Errorf("GET %s as %q: %d %q", target, who, r.Status, r.Body)
				}
			}
		}
		for _, target := range []string{fetch, post + "x", "/files/?bw_id=1", signed(t, k, links.Link{Method: "POST", Path: "/elsewhere/"})[len("/elsewhere/"):]} {
			if !strings.HasPrefix(target, "/") {
				target = "/files/" + target
			}
			if r := sendRequest(t, "POST", url+target, strings.NewReader("x"), append(as("alice"), "Content-Disposition", `attachment; filename="x.txt"`)...); r.Status != 404 && r.Status != 405 {
				t.Errorf("POST %s: %d", target, r.Status)
			}
		}
		if rows, objects := site.holds(t); rows != 2 || objects != 2 {
			t.Errorf("%d rows and %d objects", rows, objects)
		}
		if r := get(t, "DELETE", url+signed(t, k, links.Link{Method: "DELETE", Path: location})); r.Status != 204 {
			t.Errorf("DELETE: %d", r.Status)
		}
	})
}

// Without access rules for uploads, a link that deletes an upload works for one with an
// owner, too: whoever signed the link chose that upload.
func TestLinkDeletesOwned(t *testing.T) {
	k := ring(t, "one")
	site := newUploads(t, server.UploadConfig{Authorize: server.OwnersDelete(), Auth: server.Auth{Links: k}})
	url := start(t, site.handler)
	mine := postRaw(t, url, "x.txt", "x", "As", "alice")
	other := postRaw(t, url, "x.txt", "x", "As", "alice")
	if r := get(t, "DELETE", url+"/"+mine.ID); r.Status != 404 {
		t.Errorf("DELETE by anyone: %d", r.Status)
	}
	if r := get(t, "DELETE", url+signed(t, k, links.Link{Method: "DELETE", Path: "/" + mine.ID, User: "bob"})); r.Status != 404 {
		t.Errorf("DELETE as bob: %d", r.Status)
	}
	if r := get(t, "DELETE", url+signed(t, k, links.Link{Method: "DELETE", Path: "/" + mine.ID})); r.Status != 204 {
		t.Errorf("DELETE by link: %d", r.Status)
	}
	if r := get(t, "GET", url+"/"+other.ID); r.Status != 200 {
		t.Errorf("the other: %d", r.Status)
	}
}

// A caller who may delete an object but not read it learns nothing about its version from a
// precondition.
func TestDeleteTellsNoVersion(t *testing.T) {
	site := newUploads(t, server.UploadConfig{Authorize: server.UploadFunc(func(ctx context.Context, op vfs.Op, _ catalog.Record) error {
		if op == vfs.OpRead && auth.FromContext(ctx).Name != "alice" {
			return access.ErrDenied
		}
		return nil
	})})
	url := start(t, site.handler)
	file := postRaw(t, url, "x.txt", "x", "As", "alice")
	r := get(t, "DELETE", url+"/"+file.ID, "As", "bob", "If-Match", `"x"`)
	if r.Status != 412 || r.Header["Etag"] != nil || r.Header["Last-Modified"] != nil || r.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %v", r.Status, r.Header)
	}
	if r := get(t, "DELETE", url+"/"+file.ID, "As", "alice", "If-Match", `"x"`); r.Status != 412 || r.Header["Etag"] == nil {
		t.Errorf("alice: %d %v", r.Status, r.Header)
	}
}

package server_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/access"
	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/server/auth/session"
	"github.com/bailiwick-fs/bailiwick/server/signin"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// everybody is a source of sessions for all names.
type everybody struct{}

func (everybody) Fingerprint(p auth.Principal, key []byte) ([]byte, bool) {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(p.Name))
	return mac.Sum(nil), true
}

// sessionsOf returns sessions of who, and a function that returns the cookie of a new one.
func sessionsOf(t testing.TB, who people, now func() time.Time) (s *session.Sessions, cookie func(name string) string) {
	t.Helper()
	keys, err := session.ReadKeys("keys", strings.NewReader("one:"+base64.StdEncoding.EncodeToString(make([]byte, 32))))
	if err != nil {
		t.Fatal(err)
	}
	s = session.New(chain(who), session.Config{Keys: keys, Passwords: everybody{}, Now: now})
	return s, func(name string) string {
		w := httptest.NewRecorder()
		if _, err := s.Begin(w, httptest.NewRequest("POST", "/", nil), session.Password, who[name]); err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		given, _, _ := strings.Cut(w.Header().Get("Set-Cookie"), ";")
		return given
	}
}

// bySession returns the handler of make with sessions of who. It replaces Authorization by the
// cookie of a session, as if the caller had signed in before.
func bySession(t testing.TB, who people, make func(auth.Authenticator) http.Handler) http.Handler {
	t.Helper()
	s, begin := sessionsOf(t, who, nil)
	h := make(s)
	cookies := map[string]string{}
	for name := range who {
		if name != "" {
			cookies[as(name)[1]] = begin(name)
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if given := r.Header.Get("Authorization"); given != "" {
			r.Header.Del("Authorization")
			r.Header.Set("Cookie", cookies[given])
		}
		h.ServeHTTP(w, r)
	})
}

// guardBySession is guard for callers with sessions.
func guardBySession(t testing.TB, b vfs.Backend, p vfs.Policy, l *access.List, who people, cfg server.Config) http.Handler {
	t.Helper()
	p.Authorize = l
	return bySession(t, who, func(a auth.Authenticator) http.Handler {
		cfg.Auth.Authenticator, cfg.Logger = a, quiet
		return server.New(jailOver(t, b, p), cfg)
	})
}

// signInSite is a site of two users with a page to sign in, where anyone may read public/ and
// only alice the rest.
func signInSite(t testing.TB, now func() time.Time, rec audit.Recorder) (h http.Handler, cookie func(string) string) {
	t.Helper()
	who := people{"alice": {Name: "alice", Method: "basic"}, "bob": {Name: "bob", Method: "basic"}}
	s, cookie := sessionsOf(t, who, now)
	pages := signin.New(signin.Config{Sessions: s, Password: true, Recorder: rec, Logger: quiet})
	p := enumerationPolicy()
	p.Authorize = rules(t, nil,
		access.Rule{Who: "user:alice", Can: can(vfs.OpRead, vfs.OpList, vfs.OpWrite, vfs.OpDelete)},
		access.Rule{Who: "user:bob", Can: can(vfs.OpRead), Names: []string{"home/bobby/b.txt"}})
	b := mem.New()
	createSimilarNames(t, b)
	files := server.New(jailOver(t, b, p), server.Config{
		List: true, Write: true, Page: server.Page{Mode: server.PageFull}, Recorder: rec, Logger: quiet,
		Auth: server.Auth{Authenticator: s, SignIn: pages.Unauthorized()},
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if slices.Contains(pages.Paths(), r.URL.Path) {
			pages.ServeHTTP(w, r)
		} else {
			files.ServeHTTP(w, r)
		}
	}), cookie
}

// navigation is the header of a browser that shows the response as a page.
var navigation = []string{"Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Sec-Fetch-Site", "none"}

// TestSignInPageWhere: only a person who looks at a page gets the page to sign in. All others
// get the 401 as if there were no page, but no request of a browser gets a challenge for a
// password, since its own prompt would open.
func TestSignInPageWhere(t *testing.T) {
	h, cookie := signInSite(t, nil, nil)
	plain := request(t, h, "GET", "/top.txt")
	if plain.Status != 401 || plain.Body != "unauthorized\n" || !strings.HasPrefix(plain.Header.Get("Www-Authenticate"), "Basic ") {
		t.Fatalf("without Accept: %+v", plain)
	}
	wrong := "Basic " + base64.StdEncoding.EncodeToString([]byte("alice:guess"))
	plain.Header.Del("Www-Authenticate")
	for _, c := range []struct {
		what, method string
		headers      []string
		page         bool
	}{
		{"a navigation", "GET", navigation, true},
		{"an old browser", "GET", navigation[:2], true},
		{"a navigation with wrong credentials", "GET", append([]string{"Authorization", wrong}, navigation...), true},
		{"a navigation with wrong credentials and a session", "GET", append([]string{"Authorization", wrong, "Cookie", cookie("alice")}, navigation...), true},
		{"a fetch of a script for HTML", "GET", []string{"Accept", "text/html", "Sec-Fetch-Mode", "cors"}, false},
		{"a fetch of a script to this site", "GET", []string{"Accept", "text/html", "Sec-Fetch-Mode", "same-origin"}, false},
		{"an image", "GET", []string{"Accept", "image/*,*/*;q=0.8", "Sec-Fetch-Mode", "no-cors"}, false},
		{"JSON of a program", "GET", []string{"Accept", "application/json"}, false},
		{"JSON", "GET", []string{"Accept", "application/json", "Sec-Fetch-Mode", "navigate"}, false},
		{"curl", "GET", []string{"Accept", "*/*"}, false},
		{"curl, to change something", "PUT", nil, false},
		{"curl with wrong credentials", "GET", []string{"Authorization", wrong}, false},
		{"a fetch over a connection that is not safe", "PUT", []string{"Origin", "http://bailiwick.example"}, false},
		{"a fetch with a session", "GET", []string{"Authorization", wrong, "Cookie", cookie("alice")}, false},
		{"a fetch with what was a session", "GET", []string{"Cookie", "bailiwick=one.AAAA"}, false},
		{"two modes", "GET", append([]string{"Sec-Fetch-Mode", "cors"}, navigation...), false},
		{"HEAD", "HEAD", navigation, false},
		{"PUT", "PUT", navigation, false},
		{"DELETE", "DELETE", navigation, false},
		{"COPY", "COPY", append([]string{"Destination", "/x"}, navigation...), false},
	} {
		got := request(t, h, c.method, "/top.txt", c.headers...)
		isPage := strings.HasPrefix(got.Header.Get("Content-Type"), "text/html")
		program := strings.HasPrefix(c.what, "curl") || c.what == "JSON of a program"
		if got.Status != 401 || isPage != c.page || strings.Contains(fmt.Sprint(got.Header["Www-Authenticate"]), "Basic ") != program {
			t.Errorf("%s: %d, page %t, %v", c.what, got.Status, isPage, got.Header)
		}
		if !c.page && c.method != "HEAD" {
			got.Header.Del("Www-Authenticate")
			same(t, c.what, got, plain)
		}
	}
}

// TestFormWithoutSession: the form of somebody whose session has ended gets no challenge that would
// make the browser ask for a password, where anyone may write, but not do what the form asks for.
func TestFormWithoutSession(t *testing.T) {
	s, _ := sessionsOf(t, people{"alice": {Name: "alice", Method: "basic"}}, nil)
	pages := signin.New(signin.Config{Sessions: s, Password: true, Logger: quiet})
	b := mem.New()
	p := allow("**")
	p.Authorize = rules(t, nil,
		access.Rule{Who: "anyone", Can: can(vfs.OpRead, vfs.OpList, vfs.OpWrite)},
		access.Rule{Who: "authenticated", Can: can(vfs.OpDelete)})
	j := jailOver(t, b, p)
	if _, err := j.Put(t.Context(), parsed(t, "a.txt"), strings.NewReader("a"), vfs.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	h := server.New(j, server.Config{List: true, Write: true, Page: fullPage, Logger: quiet, Auth: server.Auth{Authenticator: s, SignIn: pages.Unauthorized()}})
	for _, fields := range []string{"action=delete&name=a.txt", "action=move&name=a.txt&to=b.txt"} {
		for browser, headers := range map[bool][]string{
			true:  {"Accept", "text/html", "Origin", "http://files.example", "Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "navigate"},
			false: {"Accept", "*/*"},
		} {
			r := sendTo(t, h, "POST", "/", fields, append(headers, "Content-Type", "application/x-www-form-urlencoded")...)
			if challenged := strings.Contains(fmt.Sprint(r.Header["Www-Authenticate"]), "Basic "); r.Status != 401 || challenged == browser {
				t.Errorf("%s, of a browser: %t: %d, %v", fields, browser, r.Status, r.Header)
			}
		}
	}
}

var nonces = regexp.MustCompile(`nonce(-|=")[A-Za-z0-9_-]+`)

// withoutChance returns a reply without what differs by chance (the nonce) or repeats the
// request (its path).
func withoutChance(r reply, target string) reply {
	body := nonces.ReplaceAllString(r.Body, "nonce")
	path, _, _ := strings.Cut(target, "?")
	body = strings.ReplaceAll(body, url.QueryEscape(path), "PATH")
	body = strings.ReplaceAll(body, path, "PATH")
	h := r.Header.Clone()
	for _, key := range []string{"Content-Security-Policy"} {
		if v := h.Get(key); v != "" {
			h.Set(key, nonces.ReplaceAllString(v, "nonce"))
		}
	}
	return reply{r.Status, h, body}
}

// TestSignInPageEnumeration: the page is the same for existing, missing, hidden and denied
// names, but for the path of the request itself. The control looks first.
func TestSignInPageEnumeration(t *testing.T) {
	h, cookie := signInSite(t, nil, nil)
	for _, pair := range similarNames {
		for _, suffix := range []string{"", "/", "/x", "?meta", "?q=e&deep=1"} {
			for _, who := range []string{"", "bob", "nobody"} {
				headers := slices.Clone(navigation)
				switch who {
				case "bob":
					headers = append(headers, "Cookie", cookie("bob"))
				case "nobody":
					headers = append(headers, "Cookie", "bailiwick=one.AAAA")
				}
				there, missing := "/"+pair[0]+suffix, "/"+pair[1]+suffix
				if who == "bob" && strings.HasPrefix(there, "/home/bobby") {
					continue
				}
				got, want := request(t, h, "GET", there, headers...), request(t, h, "GET", missing, headers...)
				if want.Status != map[string]int{"": 401, "bob": 404, "nobody": 401}[who] {
					t.Fatalf("%s as %q: %d", missing, who, want.Status)
				}
				same(t, there+" as "+who, withoutChance(got, there), withoutChance(want, missing))
			}
		}
	}
	// What a path alone decides: malformed ones get the page, too, and lead to the top.
	for _, target := range []string{"/home/%2e%2e/x", "/home//x", "/%00", "/a%2fb", "/.bailiwick/login/x"} {
		if got := request(t, h, "GET", target, navigation...); got.Status != 401 || !strings.Contains(got.Body, `name="next" value="/"`) {
			t.Errorf("%s: %d %s", target, got.Status, got.Body)
		}
	}
}

// TestChangesBySession: a page of another site cannot make a browser change something with
// the session's cookie. The control has the same request from this site.
func TestChangesBySession(t *testing.T) {
	rec := &recorder{}
	h, cookie := signInSite(t, nil, rec)
	who := []string{"Cookie", cookie("alice")}
	missing := request(t, h, "GET", "/home/none", who...)
	n := 1
	for _, change := range []struct {
		method, target string
		headers        []string
		status         int
	}{
		{"PUT", "/home/alice/new.txt", nil, 201},
		{"COPY", "/home/alice/a.txt", []string{"Destination", "/home/alice/copy.txt"}, 201},
		{"MOVE", "/home/alice/copy.txt", []string{"Destination", "/home/alice/moved.txt"}, 201},
		{"DELETE", "/home/alice/moved.txt", nil, 204},
	} {
		for _, foreign := range [][]string{
			{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Sec-Fetch-Site", "cross-site", "Origin", "http://example.com"},
			{"Origin", "https://evil.example"}, {"Origin", "null"}, {"Origin", "http://example.com:8080"}, {"Origin", "http://example.com.evil.example"},
		} {
			got := request(t, h, change.method, change.target, slices.Concat(who, change.headers, foreign)...)
			same(t, fmt.Sprint(change.method, " ", foreign), got, missing)
			n++
			if a := rec.wait(t, n)[n-1]; a.Reason != audit.ReasonCrossOrigin {
				t.Errorf("%s with %s: recorded as %s", change.method, foreign, a.Reason)
			}
		}
		got := request(t, h, change.method, change.target, slices.Concat(who, change.headers, []string{"Sec-Fetch-Site", "same-origin", "Origin", "http://example.com"})...)
		n++
		if got.Status != change.status {
			t.Errorf("%s of this site: %d %s", change.method, got.Status, got.Body)
		}
	}
}

// TestRenewal: a session that is used goes on, and its new cookie is in no response that a
// cache may store.
func TestRenewal(t *testing.T) {
	now := time.Now()
	h, cookie := signInSite(t, func() time.Time { return now }, nil)
	given := cookie("alice")
	get := func(target string) reply { return request(t, h, "GET", target, "Cookie", given) }
	if r := get("/home/alice/a.txt"); r.Status != 200 || r.Header["Set-Cookie"] != nil {
		t.Errorf("at once: %+v", r)
	}
	for range 6 { // each time less than the idle time, together more
		now = now.Add(100 * time.Minute)
		r := get("/home/alice/a.txt")
		set := r.Header["Set-Cookie"]
		if r.Status != 200 || len(set) != 1 || r.Header.Get("Cache-Control") != "private, no-store" || !strings.HasSuffix(set[0], "; Path=/; HttpOnly; SameSite=Lax") {
			t.Fatalf("after %v: %+v", now, r)
		}
		// The asset that pages load is for all caches.
		page := get("/")
		if asset := regexp.MustCompile(`\.bailiwick/page-[0-9a-f]+\.css`).FindString(page.Body); asset == "" {
			t.Error("the page has no style")
		} else if r := get("/" + asset); r.Status != 200 || r.Header["Set-Cookie"] != nil || !strings.HasPrefix(r.Header.Get("Cache-Control"), "public") {
			t.Errorf("the style: %d %v", r.Status, r.Header)
		}
		given, _, _ = strings.Cut(set[0], ";")
	}
	// 600 minutes have passed. The session ends 12 hours after it began, whatever is used.
	now = now.Add(119 * time.Minute)
	if r := get("/home/alice/a.txt"); r.Status != 200 {
		t.Errorf("before its end: %d", r.Status)
	} else {
		given, _, _ = strings.Cut(r.Header["Set-Cookie"][0], ";")
	}
	now = now.Add(2 * time.Minute)
	if r := get("/home/alice/a.txt"); r.Status != 401 {
		t.Errorf("after its end: %d", r.Status)
	}
}

// TestRenewalByChanges: somebody who only changes things stays signed in, too. A change that
// takes long renews nothing, since the user may have signed out meanwhile.
func TestRenewalByChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, cookie := signInSite(t, nil, nil)
		given := cookie("alice")
		for i, change := range []struct {
			method, target string
			headers        []string
			status         int
		}{
			{"PUT", "/home/alice/new.txt", nil, 201},
			{"COPY", "/home/alice/new.txt", []string{"Destination", "/home/alice/copy.txt"}, 201},
			{"MOVE", "/home/alice/copy.txt", []string{"Destination", "/home/alice/moved.txt"}, 201},
			{"DELETE", "/home/alice/moved.txt", nil, 204},
			{"PUT", "/home/alice/a.txt", []string{"If-None-Match", "*"}, 412},
			{"POST", "/home/alice/", nil, 400},
		} {
			time.Sleep(100 * time.Minute)
			r := request(t, h, change.method, change.target, append([]string{"Cookie", given}, change.headers...)...)
			if r.Status != change.status || len(r.Header["Set-Cookie"]) != 1 {
				t.Fatalf("%d, %s: %d %v", i, change.method, r.Status, r.Header)
			}
			given, _, _ = strings.Cut(r.Header["Set-Cookie"][0], ";")
		}
		time.Sleep(time.Hour)
		for _, late := range []time.Duration{0, 10 * time.Second} {
			r := httptest.NewRequest("PUT", "http://bailiwick.example/home/alice/a.txt", sleepyBody{late})
			r.Header.Set("Cookie", given)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != 204 || (w.Header()["Set-Cookie"] != nil) != (late == 0) {
				t.Errorf("a body that takes %v: %d %v", late, w.Code, w.Header())
			}
		}
	})
}

// A sleepyBody is empty, after some time.
type sleepyBody struct{ time.Duration }

func (b sleepyBody) Read([]byte) (int, error) {
	time.Sleep(b.Duration)
	return 0, io.EOF
}

// TestPageSaysWho: the page has the name of who is signed in and a button to sign out, or a
// link to sign in.
func TestPageSaysWho(t *testing.T) {
	h, cookie := signInSite(t, nil, nil)
	r := request(t, h, "GET", "/home/", append([]string{"Cookie", cookie("alice")}, navigation...)...)
	if r.Status != 200 || !strings.Contains(r.Body, "<bdi>alice</bdi>") || !strings.Contains(r.Body, `action="/.bailiwick/logout"`) || !strings.Contains(r.Header.Get("Cache-Control"), "private") {
		t.Errorf("by session: %d %v\n%s", r.Status, r.Header, r.Body)
	}
	r = request(t, h, "GET", "/home/", append(as("alice"), navigation...)...)
	if r.Status != 200 || !strings.Contains(r.Body, "<bdi>alice</bdi>") || strings.Contains(r.Body, "logout") {
		t.Errorf("by a header: %d\n%s", r.Status, r.Body)
	}
}

// TestLateRenewal: a response that begins late renews nothing, since the user may have signed
// out meanwhile. The control begins at once.
func TestLateRenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		who := people{"alice": {Name: "alice", Method: "basic"}}
		s, cookie := sessionsOf(t, who, nil)
		given := cookie("alice")
		time.Sleep(time.Hour)
		for _, late := range []time.Duration{0, time.Minute} {
			b := slowOpen{mem.New(), late}
			plant(t, b.Backend, "a")
			p := allow("**")
			p.Authorize = rules(t, nil, access.Rule{Who: "user:alice", Can: can(vfs.OpRead)})
			h := server.New(jailOver(t, b, p), server.Config{Logger: quiet, Auth: server.Auth{Authenticator: s}})
			r := request(t, h, "GET", "/a", "Cookie", given)
			if r.Status != 200 || (r.Header["Set-Cookie"] != nil) != (late == 0) {
				t.Errorf("after %v: %+v", late, r)
			}
		}
	})
}

// A slowOpen is a backend that takes some time to open an object.
type slowOpen struct {
	*mem.Backend
	time.Duration
}

func (s slowOpen) Open(ctx context.Context, n vfs.Name, r vfs.Request) (*vfs.Object, error) {
	time.Sleep(s.Duration)
	return s.Backend.Open(ctx, n, r)
}

// TestChangeAfterSession: what changes something after the session is over, or its key was
// removed, is 401, also where anyone may do it: it would be done as by nobody. Reading goes on as
// anyone.
func TestChangeAfterSession(t *testing.T) {
	now := time.Now()
	s, cookie := sessionsOf(t, people{"alice": {Name: "alice", Method: "basic"}}, func() time.Time { return now })
	given := cookie("alice")
	p := allow("**")
	p.Authorize = access.Anyone()
	h := server.New(jailOver(t, mem.New(), p), server.Config{Write: true, Logger: quiet, Auth: server.Auth{Authenticator: s}})
	for _, c := range []struct {
		after          time.Duration
		method, cookie string
		status         int
	}{
		{0, "PUT", given, 201}, {3 * time.Hour, "PUT", given, 401}, {0, "DELETE", given, 401}, {0, "GET", given, 200}, {0, "HEAD", given, 200},
		{0, "PUT", "", 204}, {0, "PUT", "bailiwick=one.AAAA", 401}, {0, "DELETE", "bailiwick=gone.AAAA", 401}, {0, "PUT", "bailiwick=", 401},
		{0, "GET", "bailiwick=gone.AAAA", 200}, {0, "PUT", "another=one.AAAA", 204}, {0, "DELETE", "", 204},
	} {
		now = now.Add(c.after)
		var headers []string
		if c.cookie != "" {
			headers = []string{"Cookie", c.cookie}
		}
		if r := request(t, h, c.method, "/a", headers...); r.Status != c.status {
			t.Errorf("%s by %q: %d, want %d", c.method, c.cookie, r.Status, c.status)
		}
	}
}

package server_test

import (
	"archive/zip"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"net/url"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/bailiwick-fs/bailiwick/backends/layer/readonly"
	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/access"
	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/server/auth/htpasswd"
	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/server/catalog/sqlite"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A sharingServer serves one tree at /files with shares, and a nested mount at
// /files/docs/nested.
type sharingServer struct {
	t      testing.TB
	store  catalog.Shares
	tree   vfs.Backend
	nested vfs.Backend
	policy vfs.Policy
	rules  []access.Rule
	groups map[string][]string
	who    people
	rec    *recorder
	change func(*server.ShareConfig)
	hashes server.ShareHashes

	url string
	h   http.Handler // replaced by apply
}

// sharedTree has the objects of the tests. Everything outside of docs/pub is a canary.
var sharedTree = map[string]string{
	"docs/pub/a.txt": "the file a", "docs/pub/deep/b.html": "<p>b</p>", "docs/pub/deep/\u043f\u0440\u0438\u0432\u0435\u0442.txt": "hello", "docs/pub/secret.txt": canary,
	"docs/other.txt": canary, "docs/pubx.txt": canary, "top.txt": canary, "drop/old.txt": canary,
}

func newSharing(t testing.TB) *sharingServer {
	t.Helper()
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "shares.db"), "shares", sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	tree, err := mem.FromMap(sharedTree)
	if err != nil {
		t.Fatal(err)
	}
	nested, err := mem.FromMap(map[string]string{"n.txt": canary})
	if err != nil {
		t.Fatal(err)
	}
	s := &sharingServer{
		t: t, store: store, tree: tree, nested: nested, rec: &recorder{}, hashes: htpasswd.NewHashes(),
		policy: vfs.Policy{Allow: vfs.Patterns("**"), Deny: vfs.Patterns("**/secret.txt", "docs/nested")},
		rules: []access.Rule{
			{Who: "user:alice", Can: can(vfs.OpRead, vfs.OpList, vfs.OpWrite, vfs.OpDelete, access.OpShare)},
			{Who: "user:bob", Can: can(vfs.OpRead, vfs.OpList)},
			{Who: "claim:dept=law", Can: can(vfs.OpRead, vfs.OpList, access.OpShare)},
		},
		who: people{"": {}, "alice": {Name: "alice", Method: "basic"}, "bob": {Name: "bob", Method: "basic"},
			"eve": {Name: "eve", Method: "oidc", Claims: map[string][]string{"dept": {"law"}}}},
	}
	s.apply()
	s.url = start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.h.ServeHTTP(w, r) }))
	return s
}

// apply makes the handler anew, as a reload does.
func (s *sharingServer) apply() {
	s.t.Helper()
	p := s.policy
	p.Authorize = rules(s.t, s.groups, s.rules...)
	inner := vfs.Policy{Allow: vfs.Patterns("**"), Authorize: p.Authorize}
	cfg := server.Config{List: true, Write: true, NoIndex: true, Logger: quiet}
	sc := server.ShareConfig{
		Store: s.store, Hashes: s.hashes,
		Mounts: []server.ShareMount{
			{Path: "/files", Jail: jailOver(s.t, s.tree, p), Config: cfg},
			{Path: "/files/docs/nested", Jail: jailOver(s.t, s.nested, inner), Config: cfg},
		},
		Find: func(_ string, u *url.URL) (int, *url.URL) {
			for i, at := range []string{"/files/docs/nested", "/files"} {
				if rest, ok := strings.CutPrefix(u.Path, at); ok && (rest == "" || rest[0] == '/') {
					return 1 - i, &url.URL{Path: rest}
				}
			}
			return -1, nil
		},
		Issuer: func(name string) (auth.Principal, string, bool) {
			p, ok := s.who[name]
			return auth.Principal{Name: p.Name}, p.Method, ok
		},
		Auth:     server.Auth{Authenticator: chain(s.who)},
		Recorder: s.rec, Logger: quiet,
	}
	if s.change != nil {
		s.change(&sc)
	}
	s.h = server.NewShares(sc)
}

// A made share.
type made struct{ ID, URL, Expires string }

// share makes a share as name, with the JSON of v.
func (s *sharingServer) share(name string, v any) made {
	s.t.Helper()
	r := s.post(name, v)
	if r.Status != 201 {
		s.t.Fatalf("%v: %d %q", v, r.Status, r.Body)
	}
	var m made
	if err := json.Unmarshal([]byte(r.Body), &m); err != nil {
		s.t.Fatal(err)
	}
	return m
}

type fields map[string]any

// post asks for a share as name.
func (s *sharingServer) post(name string, v any, headers ...string) reply {
	s.t.Helper()
	body, err := json.Marshal(v)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.send("POST", "/.bailiwick/shares", string(body), append(append([]string{"Content-Type", "application/json"}, as(name)...), headers...)...)
}

// send sends a request straight to the handler, with any path.
func (s *sharingServer) send(method, target, body string, headers ...string) reply {
	s.t.Helper()
	return sendTo(s.t, s.h, method, target, body, headers...)
}

func sendTo(t testing.TB, h http.Handler, method, target, body string, headers ...string) reply {
	t.Helper()
	r := httptest.NewRequest(method, "/", strings.NewReader(body))
	u, err := url.ParseRequestURI(target)
	if err != nil {
		t.Fatal(err)
	}
	r.URL, r.RequestURI, r.Host = u, target, "files.example"
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return reply{w.Code, w.Header(), w.Body.String()}
}

func (s *sharingServer) get(target string, headers ...string) reply {
	s.t.Helper()
	return s.send("GET", target, "", headers...)
}

// gone fails unless target answers as an unknown token does.
func (s *sharingServer) gone(what, target string, headers ...string) {
	s.t.Helper()
	same(s.t, what, s.get(target, headers...), s.get("/.bailiwick/s/AAAAAAAAAAAAAAAAAAAAAA/", headers...))
}

func TestShareObject(t *testing.T) {
	s := newSharing(t)
	m := s.share("alice", fields{"path": "/files/docs/pub/a.txt", "note": "for the press"})
	if !strings.HasPrefix(m.URL, "/.bailiwick/s/") || !strings.HasSuffix(m.URL, "/a.txt") || strings.Contains(m.URL, "pub") {
		t.Errorf("url %s", m.URL)
	}
	link := strings.TrimSuffix(m.URL, "/a.txt")
	for _, target := range []string{m.URL, link, link + "/", link + "/%61.txt"} {
		r := s.get(target)
		if r.Status != 200 || r.Body != "the file a" || r.Header.Get("Referrer-Policy") != "no-referrer" || r.Header.Get("Cache-Control") != "private, no-store" {
			t.Errorf("%s: %d %q %v", target, r.Status, r.Body, r.Header)
		}
	}
	if r := s.get(m.URL, "Range", "bytes=4-7"); r.Status != 206 || r.Body != "file" {
		t.Errorf("a range: %d %q", r.Status, r.Body)
	}
	if r := s.send("HEAD", m.URL, ""); r.Status != 200 || r.Body != "" || r.Header.Get("Content-Length") != "10" {
		t.Errorf("HEAD: %d %q", r.Status, r.Body)
	}
	if r := s.get(m.URL, "If-None-Match", "*"); r.Status != 304 {
		t.Errorf("a conditional GET: %d", r.Status)
	}
	for _, target := range []string{link + "/b.txt", link + "/a.txt/", link + "/../a.txt", link + "/docs/pub/a.txt", m.URL + "%2f", link + "x", link[:len(link)-1], "/.bailiwick/s/", "/.bailiwick/s/x/" + m.URL} {
		s.gone(target, target)
	}
	for _, method := range []string{"PUT", "DELETE", "POST", "MOVE", "PATCH"} {
		if r := s.send(method, m.URL, "x", as("alice")...); r.Status != 405 && r.Status != 404 {
			t.Errorf("%s: %d", method, r.Status)
		}
	}
	await(t, func() bool {
		return strings.Contains(s.get("/.bailiwick/shares", as("alice")...).Body, `"used":5`)
	})
	if r := s.get("/.bailiwick/shares", as("alice")...); !strings.Contains(r.Body, `"path":"/files/docs/pub/a.txt"`) || strings.Contains(r.Body, link[15:]) {
		t.Errorf("my shares: %s", r.Body)
	}
	if r := s.get("/.bailiwick/shares", as("bob")...); r.Status != 200 || r.Body != "{\"shares\":[]}\n" {
		t.Errorf("the shares of another user: %s", r.Body)
	}
	if r := s.send("DELETE", "/.bailiwick/shares/"+m.ID, "", as("bob")...); r.Status != 404 {
		t.Errorf("revoked by another user: %d", r.Status)
	}
	if r := s.send("DELETE", "/.bailiwick/shares/"+m.ID, "", as("alice")...); r.Status != 204 {
		t.Errorf("revoked: %d %q", r.Status, r.Body)
	}
	s.gone("a revoked share", m.URL)
}

func TestShareDirectory(t *testing.T) {
	s := newSharing(t)
	for _, path := range []string{"/files/docs/pub", "/files/docs/pub/"} {
		m := s.share("alice", fields{"path": path})
		if r := s.get(strings.TrimSuffix(m.URL, "/")); r.Status != 308 || r.Header.Get("Location") != "./"+m.URL[len("/.bailiwick/s/"):] {
			t.Errorf("without the slash: %d %v", r.Status, r.Header)
		}
		r := s.get(m.URL, "Accept", "application/json")
		var listed struct {
			Dir     string
			Can     []string
			Entries []struct{ Name string }
		}
		if err := json.Unmarshal([]byte(r.Body), &listed); err != nil || listed.Dir != "." || fmt.Sprint(listed.Can) != "[zip]" || len(listed.Entries) != 2 {
			t.Errorf("the listing: %d %s", r.Status, r.Body)
		}
		for _, r := range []reply{r, s.get(m.URL), s.get(m.URL+"deep/", "Accept", "application/json"), s.get(m.URL + "deep/"), s.get(m.URL + "deep"), s.get(m.URL + "deep/b.html"), s.get(m.URL + "?q=txt&deep=1")} {
			text := fmt.Sprint(r)
			for _, hidden := range []string{"pub", "docs", "files", "alice", "other", "secret", canary} {
				if r.Status >= 400 || strings.Contains(text, hidden) {
					t.Errorf("the response has %q: %v", hidden, text)
				}
			}
		}
		if r := s.get(m.URL + "deep/%D0%BF%D1%80%D0%B8%D0%B2%D0%B5%D1%82.txt"); r.Status != 200 || r.Body != "hello" {
			t.Errorf("an object below: %d %q", r.Status, r.Body)
		}
		z := s.get(m.URL + "?zip")
		files, err := zip.NewReader(strings.NewReader(z.Body), int64(len(z.Body)))
		if err != nil || len(files.File) != 3 || files.File[0].Name != "a.txt" || strings.Contains(z.Body, "docs") || strings.Contains(z.Body, canary) {
			t.Errorf("the archive: %v %+v", err, files)
		}
		// What a nested mount serves is not shared, nor what a rule denies.
		for _, target := range []string{"secret.txt", "../other.txt", "%2e%2e/other.txt", "..%2fother.txt", "../../top.txt", "../pubx.txt", "/other.txt", ".", "./a.txt", "deep/../a.txt", "a.txt/", "missing"} {
			s.gone(target, m.URL+target)
		}
	}
	// A share of the top, and over a nested mount.
	top := s.share("alice", fields{"path": "/files/"})
	if r := s.get(top.URL + "docs/pub/a.txt"); r.Status != 200 {
		t.Errorf("below the top: %d", r.Status)
	}
	s.gone("the nested mount", top.URL+"docs/nested/n.txt")
	s.gone("its directory", top.URL+"docs/nested/")
	own := s.share("alice", fields{"path": "/files/docs/nested/n.txt"})
	if r := s.get(own.URL); r.Status != 200 {
		t.Errorf("a share in the nested mount: %d", r.Status)
	}
}

// TestShareFollowsItsIssuer takes from the issuer, one by one, what a share needs. Each time
// the share is gone, as it was never there, and it returns with the right.
func TestShareFollowsItsIssuer(t *testing.T) {
	s := newSharing(t)
	file := s.share("alice", fields{"path": "/files/docs/pub/a.txt"}).URL
	dir := s.share("alice", fields{"path": "/files/docs/pub"}).URL
	locked := s.share("alice", fields{"path": "/files/docs/pub", "password": "pw"}).URL
	drop := s.share("alice", fields{"path": "/files/drop", "upload": true}).URL
	rulesBefore, policyBefore, whoBefore := s.rules, s.policy, s.who
	for what, take := range map[string]func(){
		"no right to share": func() {
			s.rules = []access.Rule{{Who: "user:alice", Can: can(vfs.OpRead, vfs.OpList, vfs.OpWrite, vfs.OpDelete)}}
		},
		"no right to read": func() {
			s.rules = []access.Rule{{Who: "user:alice", Can: can(vfs.OpDelete, access.OpShare)}}
		},
		"rights elsewhere": func() {
			s.rules = []access.Rule{{Who: "user:alice", Can: can(vfs.OpRead, vfs.OpList, vfs.OpWrite, access.OpShare), Names: []string{"other/**"}}}
		},
		"another user": func() {
			s.rules = []access.Rule{{Who: "user:bob", Can: can(vfs.OpRead, vfs.OpList, vfs.OpWrite, access.OpShare)}}
		},
		"a deny rule":        func() { s.policy.Deny = vfs.Patterns("docs", "drop") },
		"nothing is allowed": func() { s.policy.Allow = nil },
		"the issuer is gone": func() { s.who = people{"bob": whoBefore["bob"]} },
		"another source":     func() { s.who = people{"alice": {Name: "alice", Method: "token"}} },
	} {
		take()
		s.apply()
		for _, target := range []string{file, dir, dir + "a.txt", dir + "deep/", locked, locked + "a.txt", drop} {
			s.gone(what+": "+target, target)
			s.gone(what+": "+target, target, "Accept", "text/html", "Sec-Fetch-Mode", "navigate")
		}
		s.rules, s.policy, s.who = rulesBefore, policyBefore, whoBefore
		s.apply()
		if r := s.get(file); r.Status != 200 {
			t.Errorf("after %q, the share does not return: %d", what, r.Status)
		}
	}
	// Only a part is lost.
	s.rules = append(s.rules[:0:0], access.Rule{Who: "user:alice", Can: can(vfs.OpRead, vfs.OpList)}, access.Rule{Who: "user:alice", Can: can(access.OpShare), Names: []string{"docs/pub/deep/**"}})
	s.apply()
	s.gone("what may not be shared anymore", dir+"a.txt")
	if r := s.get(dir + "deep/b.html"); r.Status != 200 {
		t.Errorf("what still may be shared: %d", r.Status)
	}
	if r := s.get(dir, "Accept", "application/json"); r.Status != 200 || strings.Contains(r.Body, "a.txt") || !strings.Contains(r.Body, "deep") {
		t.Errorf("the listing: %s", r.Body)
	}
}

// TestShareRequests asks for shares that nobody gets.
func TestShareRequests(t *testing.T) {
	s := newSharing(t)
	s.change = func(c *server.ShareConfig) { c.Most = 2; c.MaxAge = 10 * 24 * time.Hour }
	s.apply()
	ok := func(more fields) fields {
		f := fields{"path": "/files/docs/pub/a.txt"}
		for k, v := range more {
			f[k] = v
		}
		return f
	}
	for what, c := range map[string]struct {
		who  string
		body any
		want int
	}{
		"anonymous":         {"", ok(nil), 401},
		"without the right": {"bob", ok(nil), 404},
		"by a claim":        {"eve", ok(nil), 409},
		"denied":            {"alice", fields{"path": "/files/docs/pub/secret.txt"}, 404},
		"missing":           {"alice", fields{"path": "/files/docs/missing.txt"}, 404},
		"no mount":          {"alice", fields{"path": "/elsewhere/a.txt"}, 404},
		"own paths":         {"alice", fields{"path": "/.bailiwick/shares"}, 404},
		"no path":           {"alice", fields{}, 400},
		"a relative path":   {"alice", fields{"path": "files/docs"}, 400},
		"dots":              {"alice", fields{"path": "/files/docs/../docs"}, 400},
		"two slashes":       {"alice", fields{"path": "//files/docs"}, 400},
		"an object's slash": {"alice", fields{"path": "/files/docs/pub/a.txt/"}, 404},
		"unknown field":     {"alice", ok(fields{"use": 1}), 400},
		"a wrong type":      {"alice", ok(fields{"uses": "1"}), 400},
		"negative uses":     {"alice", ok(fields{"uses": -1}), 400},
		"half a use":        {"alice", ok(fields{"uses": 0.5}), 400},
		"max_bytes alone":   {"alice", ok(fields{"max_bytes": 1}), 400},
		"too long":          {"alice", ok(fields{"expires": "11d"}), 400},
		"over":              {"alice", ok(fields{"expires": "2020-01-01T00:00:00Z"}), 400},
		"now":               {"alice", ok(fields{"expires": "0s"}), 400},
		"backwards":         {"alice", ok(fields{"expires": "-1h"}), 400},
		"no time":           {"alice", ok(fields{"expires": "tomorrow"}), 400},
		"a long password":   {"alice", ok(fields{"password": strings.Repeat("x", 73)}), 400},
		"a control":         {"alice", ok(fields{"password": "a\nb"}), 400},
		"a long note":       {"alice", ok(fields{"note": strings.Repeat("x", 1025)}), 400},
		"a huge request":    {"alice", ok(fields{"note": strings.Repeat("x", 20<<10)}), 413},
		"no object":         {"alice", []int{1}, 400},
		"upload, no right":  {"bob", fields{"path": "/files/drop", "upload": true}, 404},
	} {
		if r := s.post(c.who, c.body); r.Status != c.want {
			t.Errorf("%s: %d %q, want %d", what, r.Status, r.Body, c.want)
		}
	}
	for _, c := range []struct{ contentType, body string }{{"", "{}"}, {"text/plain", `{"path":"/files/docs/pub/a.txt"}`}, {"application/json", `{"path":"/files/docs/pub/a.txt"} {}`},
		{"application/x-www-form-urlencoded", "path=/files/docs/pub/a.txt&path=/files/docs"}, {"application/x-www-form-urlencoded", "path=/files/docs/pub/a.txt&x=1"}, {"application/x-www-form-urlencoded", "path=%zz"}} {
		if r := s.send("POST", "/.bailiwick/shares", c.body, append(as("alice"), "Content-Type", c.contentType)...); r.Status != 400 {
			t.Errorf("%q: %d", c, r.Status)
		}
	}
	// What two parsers may read differently.
	const pub = `{"path":"/files/docs/pub/a.txt"`
	for _, body := range []string{
		pub + `,"path":"/files/docs/other.txt"}`, `{"path":"/files/docs/other.txt","path":"/files/docs/pub/a.txt"}`, pub + `,"p\u0061th":"/files/docs/pub/a.txt"}`,
		pub + `,"uses":1,"uses":0}`, pub + `,"uses":0,"uses":0}`, pub + `,"USES":1}`, pub + `,"uses":1,"Uses":0}`, pub + `,"PATH":"/files/docs/other.txt"}`, pub + `,"upload":false,"upload":false}`,
		pub + `,"password":"a","password":""}`, pub + `,"":1}`, pub + `,}`, pub, pub + `}}`, pub + `}]`, `null`, `"path"`, `[` + pub + `}]`, `{"path"}`, `{"path":["/files/docs/pub/a.txt"]}`, `{"path":{}}`, `{"uses":{"uses":1}}`, pub + `,"uses":1.5}`, pub + `,"uses":"1"}`,
	} {
		r := s.send("POST", "/.bailiwick/shares", body, append(as("alice"), "Content-Type", "application/json")...)
		if r.Status != 400 || !strings.Contains(r.Body, "each once") {
			t.Errorf("%s: %d %q", body, r.Status, r.Body)
		}
	}
	same(t, "another site", s.post("alice", ok(nil), "Sec-Fetch-Site", "cross-site"), s.post("bob", ok(nil)))
	// What is right: JSON and a form, up to the limit.
	if r := s.send("POST", "/.bailiwick/shares", "path=/files/docs/pub/&uses=&note=x&expires=240h&upload=", append(as("alice"), "Content-Type", "application/x-www-form-urlencoded")...); r.Status != 201 {
		t.Errorf("a form: %d %q", r.Status, r.Body)
	}
	m := s.share("alice", ok(fields{"expires": time.Now().Add(time.Hour).Format(time.RFC3339), "uses": 3, "password": "p\u00e4ss"}))
	if at, err := time.Parse(time.RFC3339, m.Expires); err != nil || time.Until(at) > time.Hour {
		t.Errorf("expires %s", m.Expires)
	}
	if r := s.post("alice", ok(nil)); r.Status != 409 {
		t.Errorf("a third share: %d %q", r.Status, r.Body)
	}
}

// TestShareRecords checks what operators learn, and that the token is not in it.
func TestShareRecords(t *testing.T) {
	s := newSharing(t)
	m := s.share("alice", fields{"path": "/files/docs/pub"})
	token := strings.Split(m.URL, "/")[3]
	s.rec.list = nil
	s.get(m.URL + "a.txt")
	a := s.rec.list[0]
	if a.Share != "share:"+m.ID || a.Principal != "alice" || a.Name.String() != "docs/pub/a.txt" || a.Raw != "/.bailiwick/s/***/a.txt" {
		t.Errorf("%+v", a)
	}
	for _, target := range []string{m.URL, strings.TrimSuffix(m.URL, "/"), m.URL + "../x", "/%2ebailiwick/s/" + token + "/a.txt", "/.bailiwick%2Fs/" + token, "/.bailiwick/s/" + token + "%41", "/.bailiwick/s/" + token + "?q=1",
		"http://host/.bailiwick/s/" + token + "/", "/x/.bailiwick/s/" + token} {
		s.get(target)
	}
	s.send("DELETE", "/.bailiwick/shares/"+m.ID, "", as("alice")...)
	s.get(m.URL)
	for _, a := range s.rec.list {
		if strings.Contains(fmt.Sprintf("%+v", a), token[:20]) {
			t.Errorf("the token is in a record: %+v", a)
		}
	}
	if last := s.rec.list[len(s.rec.list)-1]; last.Status != 404 || last.Reason != "share" {
		t.Errorf("after the revocation: %+v", last)
	}
}

func TestShareUses(t *testing.T) {
	s := newSharing(t)
	m := s.share("alice", fields{"path": "/files/docs/pub", "uses": 2})
	free := []func() reply{
		func() reply { return s.get(m.URL) }, func() reply { return s.send("HEAD", m.URL+"a.txt", "") },
		func() reply { return s.get(m.URL+"a.txt", "If-None-Match", "*") }, func() reply { return s.get(m.URL+"a.txt", "Range", "bytes=99-") },
		func() reply { return s.get(m.URL + "missing") }, func() reply { return s.get(m.URL + "deep") },
	}
	if r := s.send("HEAD", m.URL+"?zip", ""); r.Status != 200 {
		t.Errorf("HEAD of an archive: %d", r.Status)
	}
	for range 3 {
		for _, ask := range free {
			if r := ask(); r.Status == 404 && !strings.Contains(r.Body, "not found") {
				t.Errorf("%d", r.Status)
			}
		}
	}
	if r := s.get(m.URL+"a.txt", "Range", "bytes=0-0"); r.Status != 206 {
		t.Errorf("the first use: %d", r.Status)
	}
	if r := s.get(m.URL + "deep/?zip"); r.Status != 200 {
		t.Errorf("the second use: %d", r.Status)
	}
	for _, ask := range free {
		if r := ask(); r.Status != 404 {
			t.Errorf("after the last use: %d", r.Status)
		}
	}
	s.gone("after the last use", m.URL+"a.txt")
}

func TestSharePassword(t *testing.T) {
	s := newSharing(t)
	pub := fields{"path": "/files/docs/pub", "password": "right"}
	m, other := s.share("alice", pub), s.share("alice", pub)
	target := m.URL + "a.txt"
	if r := s.get(target); r.Status != 401 || r.Header.Get("Www-Authenticate") == "" || strings.Contains(r.Body, "file") {
		t.Errorf("a program without a password: %d %v", r.Status, r.Header)
	}
	page := []string{"Accept", "text/html,*/*;q=0.8", "Sec-Fetch-Mode", "navigate"}
	ask := s.get(target, page...)
	if ask.Status != 401 || ask.Header.Get("Www-Authenticate") != "" || !strings.Contains(ask.Body, `type="password"`) || ask.Header.Get("Referrer-Policy") != "same-origin" {
		t.Errorf("a browser without a password: %d %v", ask.Status, ask.Header)
	}
	same(t, "the page for another name of another share", withoutChance(s.get(other.URL+"missing", page...), other.URL+"missing"), withoutChance(ask, target))

	if r := s.get(target, basic("anyone", "right")...); r.Status != 200 {
		t.Errorf("a program with the password: %d", r.Status)
	}
	for _, wrong := range [][]string{basic("alice", "wrong"), basic("alice", ""), as("alice"), basic("x", "right\x00")} {
		if r := s.get(target, wrong...); r.Status != 401 {
			t.Errorf("%s: %d", wrong, r.Status)
		}
	}
	form := []string{"Content-Type", "application/x-www-form-urlencoded"}
	if r := s.send("POST", target, "password=wrong", form...); r.Status != 401 || !strings.Contains(r.Body, "Wrong password") || r.Header.Get("Set-Cookie") != "" {
		t.Errorf("a wrong password: %d %v", r.Status, r.Header)
	}
	r := s.send("POST", target, "password=right", form...)
	if r.Status != 303 || r.Header.Get("Location") != "./a.txt" {
		t.Fatalf("the password: %d %v", r.Status, r.Header)
	}
	set, err := http.ParseSetCookie(r.Header.Get("Set-Cookie"))
	if err != nil || !set.HttpOnly || set.SameSite != http.SameSiteLaxMode || set.Path+"/" != m.URL {
		t.Fatalf("%v %+v", err, set)
	}
	cookie := []string{"Cookie", set.Name + "=" + set.Value}
	if r := s.get(target, cookie...); r.Status != 200 {
		t.Errorf("with the cookie: %d", r.Status)
	}
	// A browser that is logged in elsewhere sends those credentials as well.
	if r := s.get(target, append(basic("alice", "wrong"), cookie...)...); r.Status != 200 {
		t.Errorf("with the cookie and other credentials: %d", r.Status)
	}
	if r := s.get(other.URL+"a.txt", cookie...); r.Status != 401 {
		t.Errorf("the cookie of another share: %d", r.Status)
	}
	for i := range set.Value {
		changed := []byte(set.Value)
		changed[i] ^= 1
		if r := s.get(target, "Cookie", set.Name+"="+string(changed)); r.Status != 401 {
			t.Errorf("a changed cookie: %d", r.Status)
		}
	}
	for _, value := range []string{"", set.Value[:20], set.Value + "A", strings.Repeat("A", 1000)} {
		if r := s.get(target, "Cookie", set.Name+"="+value); r.Status != 401 {
			t.Errorf("the cookie %s: %d", value, r.Status)
		}
	}
	if r := s.send("POST", target, "password=right", append(form, "Sec-Fetch-Site", "cross-site")...); r.Status != 404 {
		t.Errorf("from another site: %d", r.Status)
	}
	// Guesses are limited, and then the right one does not help.
	s.change = func(c *server.ShareConfig) {
		c.Passwords = auth.NewFailures(auth.FailureLimits{Burst: 3, Every: time.Hour})
	}
	s.apply()
	for i := range 5 {
		want := 401
		if i >= 3 {
			want = 429
		}
		if r := s.get(target, basic("x", "wrong")...); r.Status != want {
			t.Errorf("guess %d: %d", i, r.Status)
		}
	}
	if r := s.get(target, basic("x", "right")...); r.Status != 429 {
		t.Errorf("the right one: %d", r.Status)
	}
	if r := s.get(target, cookie...); r.Status != 200 {
		t.Errorf("with the cookie: %d", r.Status)
	}
}

// A countingShares counts how many tokens are looked up, and how many at the same time.
type countingShares struct {
	catalog.Shares
	mu                   sync.Mutex
	all, running, atOnce int
	wait                 func()
}

func (c *countingShares) ShareByToken(ctx context.Context, token [32]byte) (catalog.Share, error) {
	c.mu.Lock()
	c.all++
	c.running++
	c.atOnce = max(c.atOnce, c.running)
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		c.running--
		c.mu.Unlock()
	}()
	if c.wait != nil {
		c.wait()
	}
	return c.Shares.ShareByToken(ctx, token)
}

// TestShareGuesses guesses tokens: after a few of them the client gets 429, and only one of
// its tokens is looked up at a time. Links that are right open anyway: any page can make a
// browser ask for tokens that do not exist.
func TestShareGuesses(t *testing.T) {
	s := newSharing(t)
	m := s.share("alice", fields{"path": "/files/docs/pub/a.txt"})
	s.change = func(c *server.ShareConfig) {
		c.Guesses = auth.NewFailures(auth.FailureLimits{Burst: 50, Every: time.Hour})
	}
	s.apply()
	statuses := map[int]int{}
	for i := range 1000 {
		r := s.get("/.bailiwick/s/" + base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%016d", i)) + "/")
		statuses[r.Status]++
	}
	if statuses[404] != 50 || statuses[429] != 950 {
		t.Errorf("answers by status: %v", statuses)
	}
	if r := s.get(m.URL); r.Status != 200 {
		t.Errorf("the right token after too many guesses: %d", r.Status)
	}
	store := &countingShares{Shares: s.store, wait: runtime.Gosched}
	s.store = store
	s.change = func(c *server.ShareConfig) {
		c.Guesses = auth.NewFailures(auth.FailureLimits{Burst: 1, Every: time.Hour})
	}
	s.apply()
	s.get("/.bailiwick/s/AAAAAAAAAAAAAAAAAAAAAA/")
	var g errgroup.Group
	for i := range 200 {
		target, want := "/.bailiwick/s/"+base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%016d", i))+"/", 429
		if i%50 == 49 {
			target, want = m.URL, 200
		}
		g.Go(func() error {
			if r := s.get(target); r.Status != want {
				return fmt.Errorf("request %d of many at once: %d", i, r.Status)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
	if store.atOnce != 1 {
		t.Errorf("%d tokens of one client were looked up at the same time", store.atOnce)
	}
}

func TestShareConfigRefuses(t *testing.T) {
	find := func(string, *url.URL) (int, *url.URL) { return -1, nil }
	issuer := func(string) (auth.Principal, string, bool) { return auth.Principal{}, "", false }
	s := newSharing(t)
	policy := allow("**")
	policy.Authorize = rules(t, nil, s.rules...)
	mount := func(b vfs.Backend, in server.Intake) server.ShareConfig {
		return server.ShareConfig{Store: s.store, Find: find, Issuer: issuer, Mounts: []server.ShareMount{
			{Jail: jailOver(t, b, policy), Config: server.Config{Write: true, Intake: in}},
		}}
	}
	server.NewShares(mount(s.tree, server.Intake{})) // the control
	for what, cfg := range map[string]server.ShareConfig{
		"files for a store that only reads": mount(readonly.New(s.tree), server.Intake{}),
		"files in negative time":            mount(s.tree, server.Intake{Timeout: -1}),
		"slots that nobody made":            mount(s.tree, server.Intake{Slots: &server.Slots{}}),
		"zero":                              {}, "no store": {Find: find, Issuer: issuer}, "no Find": {Store: s.store, Issuer: issuer}, "no Issuer": {Store: s.store, Find: find},
		"a nil jail":   {Store: s.store, Find: find, Issuer: issuer, Mounts: []server.ShareMount{{}}},
		"no rules":     {Store: s.store, Find: find, Issuer: issuer, Mounts: []server.ShareMount{{Jail: jailOver(t, s.tree, allow("**"))}}},
		"negative age": {Store: s.store, Find: find, Issuer: issuer, MaxAge: -1},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: accepted", what)
				}
			}()
			server.NewShares(cfg)
		}()
	}
	// Without what authenticates, nobody makes a share.
	h := server.NewShares(server.ShareConfig{Store: s.store, Find: find, Issuer: issuer, Logger: quiet})
	if r := sendTo(t, h, "POST", "/.bailiwick/shares", `{"path":"/a"}`, "Content-Type", "application/json"); r.Status != 404 {
		t.Errorf("without Auth: %d", r.Status)
	}
	if r := sendTo(t, h, "GET", "/.bailiwick/shares", ""); r.Status != 404 {
		t.Errorf("without Auth: %d", r.Status)
	}
}

// filesForm returns the body and the Content-Type of a form with files: a name and a content each.
func filesForm(files ...string) (body string, headers []string) {
	var b strings.Builder
	w := multipart.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		h := textproto.MIMEHeader{}
		h.Set("Content-Disposition", `form-data; name="file"; filename="`+files[i]+`"`)
		part, _ := w.CreatePart(h)
		part.Write([]byte(files[i+1]))
	}
	w.Close()
	return b.String(), []string{"Content-Type", w.FormDataContentType()}
}

func TestShareFiles(t *testing.T) {
	s := newSharing(t)
	m := s.share("alice", fields{"path": "/files/drop/", "upload": true, "max_bytes": 100})
	if r := s.get(strings.TrimSuffix(m.URL, "/")); r.Status != 308 {
		t.Errorf("without the slash: %d", r.Status)
	}
	if r := s.get(m.URL, "Accept", "application/json"); r.Status != 200 || strings.Contains(withoutStyle(r), "old") || strings.Contains(withoutStyle(r), "drop") || !strings.Contains(r.Body, `type="file"`) {
		t.Errorf("the form: %v", r)
	}
	post := func(files ...string) reply {
		body, headers := filesForm(files...)
		return s.send("POST", m.URL, body, headers...)
	}
	for i := range 3 {
		if r := post("old.txt", fmt.Sprint("new ", i), "../../top.txt", "escape", "r\u00e9sum\u00e9.tar.gz", "x"); r.Status != 201 || strings.Contains(r.Body, "(") || strings.Contains(r.Body, "drop") {
			t.Errorf("%d %q", r.Status, r.Body)
		}
	}
	want := map[string]string{
		"drop/old.txt": canary, "drop/old (2).txt": "new 0", "drop/old (3).txt": "new 1", "drop/old (4).txt": "new 2",
		"drop/top.txt": "escape", "drop/top (2).txt": "escape", "drop/top (3).txt": "escape", "top.txt": canary,
		"drop/r\u00e9sum\u00e9.tar.gz": "x", "drop/r\u00e9sum\u00e9.tar (2).gz": "x", "drop/r\u00e9sum\u00e9.tar (3).gz": "x",
	}
	for name, content := range contents(t, s.tree) {
		if w, ok := want[name]; ok && w != content {
			t.Errorf("%s has %q", name, content)
		}
		if _, ok := want[name]; !ok && strings.HasPrefix(name, "drop/") {
			t.Errorf("%s is new", name)
		}
		delete(want, name)
	}
	for name := range want {
		t.Errorf("%s is missing", name)
	}
	// All at once: each file gets a name.
	var g errgroup.Group
	for i := range 20 {
		g.Go(func() error {
			if r := post("same.txt", fmt.Sprint(i)); r.Status != 201 {
				return fmt.Errorf("%d %q", r.Status, r.Body)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
	seen := map[string]bool{}
	for name, content := range contents(t, s.tree) {
		if strings.HasPrefix(name, "drop/same") {
			seen[content] = true
		}
	}
	if len(seen) != 20 {
		t.Errorf("%d of 20 files of one name are there", len(seen))
	}
	// What the link does not do.
	for _, target := range []string{m.URL + "old.txt", m.URL + "old%20(2).txt", m.URL + "x/", m.URL + "?zip"} {
		if r := s.get(target); strings.Contains(r.Body, canary) || r.Status == 200 && !strings.Contains(r.Body, `type="file"`) {
			t.Errorf("%s: %d %q", target, r.Status, r.Body)
		}
	}
	body, headers := filesForm("x.txt", "x")
	for _, target := range []string{m.URL + "sub/", m.URL + "../", m.URL + "%2e%2e/"} {
		if r := s.send("POST", target, body, headers...); r.Status != 404 {
			t.Errorf("POST %s: %d", target, r.Status)
		}
	}
	for _, method := range []string{"PUT", "DELETE", "COPY", "MOVE"} {
		if r := s.send(method, m.URL, body); r.Status != 405 {
			t.Errorf("%s: %d", method, r.Status)
		}
	}
	if r := s.send("POST", m.URL, body, append(headers, "Sec-Fetch-Site", "cross-site")...); r.Status != 404 {
		t.Errorf("from another site: %d", r.Status)
	}
	if r := post("big.txt", strings.Repeat("x", 101)); r.Status != 413 {
		t.Errorf("over max_bytes: %d", r.Status)
	}
	// Each file is a use.
	m = s.share("alice", fields{"path": "/files/drop/", "upload": true, "uses": 2})
	if r := post("a1", "x", "a2", "x", "a3", "x"); r.Status != 404 {
		t.Errorf("three files with two uses: %d", r.Status)
	}
	s.gone("after the last use", m.URL)
	all := contents(t, s.tree)
	if all["drop/a1"] != "x" || all["drop/a2"] != "x" || all["drop/a3"] != "" {
		t.Errorf("%v", all)
	}
	// The issuer needs the right to write.
	m = s.share("alice", fields{"path": "/files/drop/", "upload": true})
	s.rules = []access.Rule{{Who: "user:alice", Can: can(vfs.OpRead, vfs.OpList, access.OpShare)}}
	s.apply()
	s.gone("without the right to write", m.URL)
	if r := post("a4", "x"); r.Status != 404 || contents(t, s.tree)["drop/a4"] != "" {
		t.Errorf("without the right to write: %d", r.Status)
	}
}

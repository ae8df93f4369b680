package server_test

import (
	"context"
	"encoding/base64"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/access"
	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/server/internal/memcatalog"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// confused returns an error that says nothing about the credentials.
type confused struct{ *auth.Chain }

func (confused) Authenticate(*http.Request) (auth.Principal, bool, error) {
	return auth.Principal{}, false, errors.New("dial tcp 10.0.0.1:389: refused")
}

// An error that says nothing about the credentials is not a 401, which would make clients
// discard them. It is logged for the operator, and its text is not sent.
func TestAuthenticatorFails(t *testing.T) {
	var log strings.Builder
	p := gatePolicy()
	p.Authorize = access.Anyone()
	h := server.New(jailOver(t, gateTree(), p), server.Config{
		Auth: server.Auth{Authenticator: confused{chain(people{})}}, Logger: slog.New(slog.NewTextHandler(&log, nil)),
	})
	r := request(t, h, "GET", "/top.txt")
	if r.Status != 503 || r.Header.Get("Retry-After") == "" || strings.Contains(r.Body, "10.0.0.1") {
		t.Errorf("%d %v %q", r.Status, r.Header, r.Body)
	}
	if !strings.Contains(log.String(), "10.0.0.1:389") {
		t.Errorf("the log holds %q", &log)
	}
}

// people checks tokens, which are base64url of a name, and passwords. The only correct
// password is "right".
type people map[string]auth.Principal

func (p people) CheckToken(_ context.Context, token string) (auth.Principal, error) {
	switch token {
	case "old":
		return auth.Principal{}, auth.ErrExpired
	case "down":
		return auth.Principal{}, auth.ErrUnavailable
	}
	name, err := base64.RawURLEncoding.DecodeString(token)
	if who, ok := p[string(name)]; ok && err == nil {
		return who, nil
	}
	return auth.Principal{}, auth.ErrCredentials
}

func (p people) CheckPassword(_ context.Context, name, password string) (auth.Principal, error) {
	if who, ok := p[name]; ok && password == "right" {
		return who, nil
	}
	return auth.Principal{}, auth.ErrCredentials
}

// as returns the headers that authenticate name; none if name is "".
func as(name string) []string {
	if name == "" {
		return nil
	}
	return []string{"Authorization", "Bearer " + base64.RawURLEncoding.EncodeToString([]byte(name))}
}

// chain authenticates p by tokens and passwords, and never throttles.
func chain(p people) *auth.Chain {
	return auth.NewChain(auth.ChainConfig{Passwords: p, Tokens: p, Failures: auth.NewFailures(auth.FailureLimits{Burst: 1 << 20})})
}

func rules(t testing.TB, groups map[string][]string, rules ...access.Rule) *access.List {
	t.Helper()
	l, err := access.Compile(rules, groups)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func can(ops ...vfs.Op) []vfs.Op { return ops }

// guard returns a handler over b with the access rules l, which authenticates who.
func guard(t testing.TB, b vfs.Backend, p vfs.Policy, l *access.List, who people, cfg server.Config) http.Handler {
	t.Helper()
	p.Authorize = l
	cfg.Auth.Authenticator = chain(who)
	if cfg.Logger == nil {
		cfg.Logger = quiet
	}
	return server.New(jailOver(t, b, p), cfg)
}

// same fails unless two responses are equal except for Date.
func same(t testing.TB, what string, got, want reply) {
	t.Helper()
	if got.Status != want.Status || got.Body != want.Body {
		t.Errorf("%s: %d %q, want %d %q", what, got.Status, got.Body, want.Status, want.Body)
	}
	got.Header.Del("Date")
	want.Header.Del("Date")
	sameHeaders(t, got.Header, want.Header)
}

// targets are names that exist, are missing, denied or malformed, and directories of all
// kinds.
var targets = []string{
	"/home/alice/a.txt", "/home/alice/missing", "/secret.txt", "/home/alice/%2e%2e/x", "/home//x", "/%00", "/home", "/home/", "/home/alice", "/home/alice/",
	"/home/missing/", "/home%2falice/", "/", "//", "/.env", "/" + strings.Repeat("a", 300), "/home/alice/?after=a&limit=1", "/home/alice/a.txt?meta",
}

func gateTree() vfs.Backend {
	return counted(jailFS(map[string]string{"home/alice/a.txt": "a", "home/bob/b.txt": "b", "secret.txt": canary, "public/p.txt": "p", "public/index.html": "i"}))
}

func gatePolicy() vfs.Policy {
	return vfs.Policy{Allow: vfs.Patterns("**"), Deny: vfs.Patterns("secret.txt")}
}

// If no rule opens an operation to anonymous callers, a request without credentials gets
// 401, whatever the name. The 401 lists the accepted schemes.
func TestRequired(t *testing.T) {
	uploads := func(t *testing.T, l *access.List) http.Handler {
		return server.NewUploads(jailOver(t, mem.New(), catalog.Policy()), &memcatalog.Catalog{}, server.UploadConfig{
			Auth: server.Auth{Authenticator: chain(people{})}, Logger: quiet, Authorize: server.UploadRules(l),
		})
	}
	l := rules(t, nil,
		access.Rule{Who: "anyone", Can: can(vfs.OpUpload)},
		access.Rule{Who: "authenticated", Can: can(vfs.OpRead, vfs.OpList, vfs.OpWrite, vfs.OpDelete), Names: []string{"home/{user}/**"}})
	backend := gateTree().(*countedBackend)
	rec := &recorder{}
	h := guard(t, writableOver(backend), gatePolicy(), l, people{}, server.Config{List: true, Write: true, Recorder: rec})
	for _, method := range []string{"GET", "HEAD", "PUT", "DELETE"} {
		var want reply
		for i, target := range targets {
			for _, extra := range [][]string{nil, {"Sec-Fetch-Site", "cross-site"}, {"Origin", "https://evil.example"}, {"Range", "bytes=0-0"}, {"If-None-Match", "*"}, {"If-Match", `"x"`}, {"Accept", "application/json"}, {"Content-Encoding", "gzip"}} {
				got := request(t, h, method, target, extra...)
				if i == 0 && extra == nil {
					want = got
					if c := got.Header["Www-Authenticate"]; got.Status != 401 || len(c) != 2 || !strings.HasPrefix(c[0], "Basic ") || !strings.HasPrefix(c[1], "Bearer ") || got.Header.Get("Cache-Control") != "no-store" {
						t.Fatalf("%s: %d %v", method, got.Status, got.Header)
					}
				}
				same(t, method+" "+target+" "+strings.Join(extra, ":"), got, want)
			}
		}
	}
	if n := backend.calls.Load(); n != 0 {
		t.Errorf("the backend saw %d calls", n)
	}
	for _, a := range rec.wait(t, len(targets)*8*4) {
		if a.Reason != audit.ReasonRequired || a.Verdict != audit.Refused || a.Principal != "anyone" {
			t.Fatalf("recorded as %+v", a)
		}
	}
	// Responses that do not depend on credentials never have WWW-Authenticate.
	for _, target := range targets {
		for method, status := range map[string]int{"OPTIONS": 204, "POST": 405, "PATCH": 405, "TRACE": 405, "get": 405} {
			for _, extra := range [][]string{nil, {"Authorization", "Bearer !"}} {
				got := request(t, h, method, target, extra...)
				if path, _, _ := strings.Cut(target, "?"); method == "POST" && strings.HasSuffix(path, "/") {
					// This is a write to a directory.
					if got.Status != 401 || got.Header["Www-Authenticate"] == nil {
						t.Errorf("%s %s: %d %v", method, target, got.Status, got.Header)
					}
					continue
				}
				if got.Status != status || got.Header["Www-Authenticate"] != nil || got.Header["Allow"] == nil {
					t.Errorf("%s %s: %d %v", method, target, got.Status, got.Header)
				}
			}
		}
	}
	// The same holds for uploads, whatever the path has in place of an ID.
	h = uploads(t, rules(t, nil, access.Rule{Who: "authenticated", Can: can(vfs.OpUpload)}, access.Rule{Who: "owner", Can: can(vfs.OpRead, vfs.OpDelete)}))
	for _, method := range []string{"GET", "HEAD", "DELETE"} {
		want := request(t, h, method, "/x")
		if want.Status != 401 {
			t.Errorf("uploads: %s: %d", method, want.Status)
		}
		for _, target := range targets {
			same(t, "uploads: "+method+" "+target, request(t, h, method, target), want)
		}
	}
	for _, extra := range [][]string{nil, {"Sec-Fetch-Site", "cross-site"}, {"Content-Encoding", "gzip"}, {"Content-Type", "multipart/form-data"}} {
		if got := request(t, h, "POST", "/", extra...); got.Status != 401 {
			t.Errorf("uploads: POST %v: %d", extra, got.Status)
		}
	}
	if got := request(t, h, "POST", "/x"); got.Status != 405 {
		t.Errorf("uploads: POST /x: %d", got.Status)
	}
}

// writableOver makes b claim that it is writable. No write reaches it.
func writableOver(b vfs.Backend) vfs.Backend { return saysWritable{b} }

type saysWritable struct{ vfs.Backend }

func (s saysWritable) Caps() vfs.Caps {
	c := s.Backend.Caps()
	c.Writable = true
	return c
}

// If some rule opens an operation to anonymous callers, every refusal is the 404, whatever
// the name. Other operations on the same mount still get 401.
func TestNotRequired(t *testing.T) {
	l := rules(t, nil,
		access.Rule{Who: "anyone", Can: can(vfs.OpRead), Names: []string{"public/**"}},
		access.Rule{Who: "authenticated", Can: can(vfs.OpRead, vfs.OpList, vfs.OpWrite), Names: []string{"home/{user}/**"}})
	h := guard(t, gateTree(), gatePolicy(), l, people{}, server.Config{List: true})
	if got := request(t, h, "GET", "/public/p.txt"); got.Status != 200 || got.Body != "p" {
		t.Fatalf("%d %q", got.Status, got.Body)
	}
	for _, method := range []string{"GET", "HEAD"} {
		file, dir := request(t, h, method, "/public/missing"), request(t, h, method, "/public/missing/")
		if file.Status != 404 || dir.Status != 401 {
			t.Fatalf("%s: %d and %d", method, file.Status, dir.Status)
		}
		for _, target := range targets {
			want := file
			if path, _, _ := strings.Cut(target, "?"); strings.HasSuffix(path, "/") {
				want = dir
			}
			same(t, method+" "+target, request(t, h, method, target), want)
		}
		// The index of a directory is open to anyone, so the directory is too.
		if got := request(t, h, method, "/public/"); got.Status != 200 {
			t.Errorf("%s /public/: %d", method, got.Status)
		}
	}
	if got := request(t, guard(t, gateTree(), gatePolicy(), l, people{}, server.Config{}), "GET", "/home/alice/"); got.Status != 404 {
		t.Errorf("without listings: %d", got.Status)
	}
}

// A mount that is open to anyone never sends WWW-Authenticate. Neither does one whose
// credentials are not sent in a header, such as client certificates.
func TestNeverRequired(t *testing.T) {
	l := rules(t, nil, access.Rule{Who: "authenticated", Can: can(vfs.OpRead)})
	p := gatePolicy()
	p.Authorize = access.Anyone()
	open := server.New(jailOver(t, gateTree(), p), server.Config{Auth: server.Auth{Authenticator: chain(people{})}})
	p.Authorize = l
	certificates := server.New(jailOver(t, gateTree(), p), server.Config{Auth: server.Auth{Authenticator: auth.NewChain(auth.ChainConfig{})}})
	for name, h := range map[string]http.Handler{"open": open, "certificates": certificates} {
		if got := request(t, h, "GET", "/missing"); got.Status != 404 || got.Header["Www-Authenticate"] != nil {
			t.Errorf("%s: %d %v", name, got.Status, got.Header)
		}
	}
}

// Wrong credentials get 401 everywhere, even for names and mounts that are open to anyone.
func TestWrongCredentials(t *testing.T) {
	who := people{"alice": {Name: "alice"}}
	basic := func(s string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(s)) }
	wrong := []string{
		"Bearer old", "Bearer x", "Bearer", "Bearer ", "", " ", "Basic", "Basic !", basic("alice:wrong"), basic("nobody:right"), basic("alice"), basic(":right"),
		basic("alice:right\n"), "Digest username=alice", "Negotiate abc", "Bearer a b", "Bearer " + strings.Repeat("a", 20<<10), "bearer  ,", "Token x",
	}
	l := rules(t, nil, access.Rule{Who: "anyone", Can: can(vfs.OpRead, vfs.OpList, vfs.OpWrite, vfs.OpDelete)})
	backend := gateTree().(*countedBackend)
	open := gatePolicy()
	open.Authorize = access.Anyone()
	handlers := map[string]http.Handler{
		"open to anyone": guard(t, writableOver(backend), gatePolicy(), l, who, server.Config{List: true, Write: true}),
		"without rules":  server.New(jailOver(t, writableOver(backend), open), server.Config{List: true, Write: true, Auth: server.Auth{Authenticator: chain(who)}, Logger: quiet}),
		"uploads":        server.NewUploads(jailOver(t, writableOver(backend), catalog.Policy()), &memcatalog.Catalog{}, server.UploadConfig{Authorize: server.OwnersDelete(), Auth: server.Auth{Authenticator: chain(who)}, Logger: quiet}),
	}
	for name, h := range handlers {
		for _, method := range []string{"GET", "HEAD", "PUT", "DELETE", "POST"} {
			if (method == "POST") != (name == "uploads") && method == "POST" || method == "PUT" && name == "uploads" {
				continue
			}
			paths := targets
			if method == "POST" {
				paths = []string{"/"}
			}
			want := request(t, h, method, paths[0], "Authorization", wrong[0])
			if want.Status != 401 || len(want.Header["Www-Authenticate"]) != 2 {
				t.Fatalf("%s: %s: %d %v", name, method, want.Status, want.Header)
			}
			for _, value := range wrong {
				for _, target := range paths {
					same(t, name+": "+method+" "+target+" "+value, request(t, h, method, target, "Authorization", value), want)
				}
			}
			good := as("alice")[1]
			same(t, name+": twice", request(t, h, method, paths[0], "Authorization", good, "Authorization", good), want)
			if got := request(t, h, method, paths[0], "Authorization", "Bearer down"); got.Status != 503 || got.Header.Get("Retry-After") == "" {
				t.Errorf("%s: %s: credentials that cannot be checked: %d", name, method, got.Status)
			}
		}
	}
	if n := backend.calls.Load(); n != 0 {
		t.Errorf("the backend saw %d calls", n)
	}
	if got := request(t, handlers["without rules"], "GET", "/public/p.txt", "Authorization", basic("alice:right")); got.Status != 200 {
		t.Errorf("correct credentials: %d", got.Status)
	}
}

// A principal that a handler around this one has set counts if the request carries no
// credentials of its own.
func TestPrincipalOfHost(t *testing.T) {
	l := rules(t, nil, access.Rule{Who: "authenticated", Can: can(vfs.OpRead), Names: []string{"home/{user}/**"}})
	for name, authenticator := range map[string]auth.Authenticator{"no Authenticator": nil, "with an Authenticator": chain(people{})} {
		rec := &recorder{}
		p := gatePolicy()
		p.Authorize = l
		gate := server.Auth{Authenticator: authenticator}
		h := asPrincipal(server.New(jailOver(t, gateTree(), p), server.Config{Auth: gate, Recorder: rec}))
		if got := request(t, h, "GET", "/home/alice/a.txt", "As", "alice"); got.Status != 200 {
			t.Errorf("%s: %d", name, got.Status)
		}
		if got := request(t, h, "GET", "/home/bob/b.txt", "As", "alice"); got.Status != 404 {
			t.Errorf("%s: an object of bob: %d", name, got.Status)
		}
		for _, a := range rec.wait(t, 2) {
			if a.Principal != "alice" {
				t.Errorf("%s: recorded as %q", name, a.Principal)
			}
		}
	}
}

// An object that anonymous callers may not read stays out of caches, in every response
// about it.
func TestCachesKeepWhatIsOpen(t *testing.T) {
	const private = "private, no-store"
	l := rules(t, nil,
		access.Rule{Who: "anyone", Can: can(vfs.OpRead), Names: []string{"public/**"}},
		access.Rule{Who: "authenticated", Can: can(vfs.OpRead, vfs.OpList), Names: []string{"home/{user}/**"}})
	who := people{"alice": {Name: "alice"}}
	h := guard(t, gateTree(), gatePolicy(), l, who, server.Config{List: true, MaxAge: time.Hour})
	tag := request(t, h, "GET", "/home/alice/a.txt", as("alice")...).Header.Get("Etag")
	tests := []struct {
		target  string
		status  int
		cache   string
		headers []string
	}{
		{"/home/alice/a.txt", 200, private, nil},
		{"/home/alice/a.txt", 304, private, []string{"If-None-Match", "*"}},
		{"/home/alice/a.txt", 206, private, []string{"Range", "bytes=0-0"}},
		{"/home/alice/a.txt", 412, private, []string{"If-Match", `"x"`}},
		{"/home/alice/a.txt", 416, private, []string{"Range", "bytes=9-"}},
		{"/home/alice/", 200, private, nil},
		{"/home/alice/?limit=1", 200, private, []string{"Accept", "application/json"}},
		{"/home/alice", 308, private, nil},
		{"/home/alice/missing", 404, "no-store", nil},
		{"/public/p.txt", 200, "public, max-age=3600", nil},
		{"/public/p.txt", 206, "public, max-age=3600", []string{"Range", "bytes=0-0"}},
		{"/public/p.txt", 304, "public, max-age=3600", []string{"If-None-Match", "*"}},
		{"/public/", 200, "public, max-age=3600", nil},
		// Otherwise a cache could serve everybody the result of one client's condition.
		{"/public/p.txt", 412, "no-cache", []string{"If-Match", `"x"`}},
		{"/public/p.txt", 416, "no-cache", []string{"Range", "bytes=9-"}},
	}
	for _, tt := range tests {
		for _, method := range []string{"GET", "HEAD"} {
			if method == "HEAD" && (tt.status == 206 || tt.status == 416) {
				continue
			}
			got := request(t, h, method, tt.target, append(as("alice"), tt.headers...)...)
			if got.Status != tt.status || got.Header.Get("Cache-Control") != tt.cache {
				t.Errorf("%s %s %v: %d %q, want %d %q", method, tt.target, tt.headers, got.Status, got.Header.Get("Cache-Control"), tt.status, tt.cache)
			}
		}
	}
	if tag == "" {
		t.Error("no ETag")
	}
}

// If the authorizer is a plain function, the handler cannot know what is open to anyone,
// since the function may decide by anything in the context. All responses stay out of
// caches, for anonymous callers too. An access.Authorizer can say what is open, and that
// may be cached.
func TestCachesKeepNothingOfOwnRules(t *testing.T) {
	p := gatePolicy()
	p.Authorize = vfs.AuthorizeFunc(func(ctx context.Context, _ vfs.Op, n vfs.Name) error {
		if !strings.HasPrefix(n.String(), "public/") && auth.FromContext(ctx).Anyone() {
			return access.ErrDenied
		}
		return nil
	})
	h := asPrincipal(server.New(jailOver(t, gateTree(), p), server.Config{List: true, MaxAge: time.Hour}))
	for _, tt := range [][2]string{{"/home/alice/a.txt", "alice"}, {"/public/p.txt", "alice"}, {"/public/p.txt", ""}, {"/", "alice"}} {
		got := request(t, h, "GET", tt[0], "As", tt[1])
		if got.Status != 200 || got.Header.Get("Cache-Control") != "private, no-store" {
			t.Errorf("%s as %q: %d %q", tt[0], tt[1], got.Status, got.Header.Get("Cache-Control"))
		}
	}
	p.Authorize = publicFolder{p.Authorize}
	h = asPrincipal(server.New(jailOver(t, gateTree(), p), server.Config{MaxAge: time.Hour}))
	for target, want := range map[string]string{"/home/alice/a.txt": "private, no-store", "/public/p.txt": "public, max-age=3600"} {
		if got := request(t, h, "GET", target, "As", "alice"); got.Status != 200 || got.Header.Get("Cache-Control") != want {
			t.Errorf("%s: %d %q, want %q", target, got.Status, got.Header.Get("Cache-Control"), want)
		}
	}
}

// publicFolder declares that the folder public is open to anyone.
type publicFolder struct{ vfs.Authorizer }

var _ access.Authorizer = publicFolder{}

func (publicFolder) Open(op vfs.Op) bool { return op == vfs.OpRead }
func (publicFolder) OpenTo(op vfs.Op, n vfs.Name) bool {
	return op == vfs.OpRead && strings.HasPrefix(n.String(), "public/")
}

// A response with a sidecar may be cached only if anyone may read the sidecar, too.
func TestCachesKeepNoGuardedCopy(t *testing.T) {
	l := rules(t, nil,
		access.Rule{Who: "anyone", Can: can(vfs.OpRead), Names: []string{"*.txt"}},
		access.Rule{Who: "authenticated", Can: can(vfs.OpRead), Names: []string{"*.gz"}})
	h := guard(t, jailFS(map[string]string{"a.txt": "plain", "a.txt.gz": "coded"}), allow("**"), l, people{"alice": {Name: "alice"}}, server.Config{Sidecars: true, MaxAge: time.Hour})
	got := request(t, h, "GET", "/a.txt", append(as("alice"), "Accept-Encoding", "gzip")...)
	if got.Body != "coded" || got.Header.Get("Cache-Control") != "private, no-store" {
		t.Errorf("%q %q", got.Body, got.Header.Get("Cache-Control"))
	}
	if got := request(t, h, "GET", "/a.txt", "Accept-Encoding", "gzip"); got.Body != "plain" || got.Header.Get("Cache-Control") != "public, max-age=3600" {
		t.Errorf("anonymous: %q %q", got.Body, got.Header.Get("Cache-Control"))
	}
}

package server_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gorilla/mux"

	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/server/gorilla"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

const canary = "CANARY"

// yard is a tree with files that may be served and files that may not.
var yard = map[string]string{
	"ok.txt": "ok", "a%2fb.txt": "percent", "sp ace+~é.txt": "space", "sub/ok.txt": "sub", "sub/x%2e.txt": "dot",
	"secret.txt": canary, ".env": canary, "drafts/plan.txt": canary, "sub/.hidden.txt": canary, "etc/passwd": canary,
	"data.bin": canary, "sub/deep/er.bin": canary,
}

func yardPolicy() vfs.Policy {
	return vfs.Policy{Allow: vfs.Patterns("**/*.txt"), Deny: vfs.Patterns("secret.txt", "drafts")}
}

// attacks are paths as they are sent. Each must get the response for a missing name,
// without a canary.
var attacks = []string{
	"/secret.txt", "/SECRET.TXT", "/secret%2etxt", "/s%65cret.txt", "/.env", "/%2eenv", "/drafts/plan.txt", "/drafts%2fplan.txt",
	"/Drafts/plan.txt", "/sub/.hidden.txt", "/sub/%2ehidden.txt", "/etc/passwd", "/data.bin", "/sub/deep/er.bin",
	"/sub%2f..%2fsecret.txt", "/sub%2Fok.txt", "/sub%5cok.txt", "/sub%5c..%5csecret.txt", "/%2e%2e/secret.txt", "/sub/%2e%2e/secret.txt",
	"/sub/.%2e/secret.txt", "/%252e%252e/secret.txt", "/..%2fsecret.txt", "/..%5csecret.txt", "/ok.txt%00", "/%00", "/ok.txt%0a", "/ok.txt%0d%0aX:1",
	"/ok.txt%c2%80", "/ok.txt%ff", "/%c0%ae%c0%ae/secret.txt", "/ok.txt%e2%80%ae", "/ok.txt%ef%bb%bf", "/ok.txt/", "/sub", "/sub/", "/",
	"/sub/ok.txt/%2e", "/%2f", "/%2fok.txt", "/a%2fb.txt", "/ok.txt%20", "/ok.txt.", "/C:%5cok.txt", "/" + strings.Repeat("a", 256) + ".txt",
	"/" + strings.Repeat("a/", 600) + "b.txt", "/sub/ok.txt%2f", "/sub%2fna\u00efve.txt", "/%E2%80%A8.txt", "/nothing", "/nothing.txt", "/ok.txt;a=b",
}

// served are paths that must be served; otherwise a server that refuses everything would
// pass.
var served = map[string]string{
	"/ok.txt": "ok", "/a%252fb.txt": "percent", "/sp%20ace+~%C3%A9.txt": "space", "/sub/ok.txt": "sub", "/sub/x%252e.txt": "dot",
	"/ok.txt?x=../secret.txt": "ok", "/%6fk.txt": "ok", "/sub/ok%2etxt": "sub",
}

// hosts returns ways to mount a handler, each with the prefix of its paths.
func hosts(h http.Handler) map[string]struct {
	prefix string
	h      http.Handler
	cleans bool // the router itself redirects paths that are not clean
} {
	type host = struct {
		prefix string
		h      http.Handler
		cleans bool
	}
	strip := http.NewServeMux()
	strip.Handle("/files/", http.StripPrefix("/files", h))
	all := map[string]host{
		"bare":          {"", h, false},
		"StripPrefix":   {"/files", http.StripPrefix("/files", h), false},
		"ServeMux":      {"/files", strip, true},
		"ServeMux root": {"", func() http.Handler { m := http.NewServeMux(); m.Handle("/", h); return m }(), true},
	}
	for name, options := range map[string]func(*mux.Router) *mux.Router{
		"plain":       func(r *mux.Router) *mux.Router { return r },
		"StrictSlash": func(r *mux.Router) *mux.Router { return r.StrictSlash(true) },
		"UseEncoded":  func(r *mux.Router) *mux.Router { return r.UseEncodedPath() },
		"SkipClean":   func(r *mux.Router) *mux.Router { return r.SkipClean(true) },
		"both":        func(r *mux.Router) *mux.Router { return r.UseEncodedPath().SkipClean(true) },
		"all three":   func(r *mux.Router) *mux.Router { return r.UseEncodedPath().SkipClean(true).StrictSlash(true) },
	} {
		cleans := !strings.Contains("SkipClean both all three", name)
		sub := options(mux.NewRouter())
		gorilla.Mount(sub.PathPrefix("/api").Subrouter(), "/files", h)
		all["mux subrouter "+name] = host{"/api/files", sub, cleans}
		root := options(mux.NewRouter())
		gorilla.Mount(root, "/", h)
		all["mux root "+name] = host{"", root, cleans}
		vars := options(mux.NewRouter())
		gorilla.Mount(vars, "/{tenant}/files/", h)
		all["mux variable "+name] = host{"/acme/files", vars, cleans}
	}
	return all
}

// send sends a target unchanged; clients would clean it.
func send(t testing.TB, h http.Handler, method, target string) *httptest.ResponseRecorder {
	t.Helper()
	path, query, _ := strings.Cut(target, "?")
	u := &url.URL{RawQuery: query}
	// Like net/http's parser: RawPath is empty if it would be the default encoding of Path.
	decoded, err := url.PathUnescape(path)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = decoded
	if (&url.URL{Path: decoded}).EscapedPath() != path {
		u.RawPath = path
	}
	r := httptest.NewRequest(method, "/", nil)
	r.URL, r.RequestURI = u, target
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestUniform404(t *testing.T) {
	for _, method := range []string{"GET", "HEAD"} {
		jailed := server.New(jail(t, yard, yardPolicy()), server.Config{NoIndex: true})
		want := send(t, jailed, method, "/missing.txt")
		if want.Code != 404 || want.Header().Get("Cache-Control") != "no-store" || want.Header()["Etag"] != nil || want.Header()["Vary"] != nil {
			t.Fatalf("%d %v", want.Code, want.Header())
		}
		for name, host := range hosts(jailed) {
			for _, attack := range attacks {
				got := send(t, host.h, method, host.prefix+attack)
				if strings.Contains(got.Body.String(), canary) {
					t.Errorf("%s: %s: the canary was served", name, attack)
				}
				if host.cleans && got.Code/100 == 3 {
					continue // the router's redirect to a clean path
				}
				if got.Code != want.Code || got.Body.String() != want.Body.String() {
					t.Errorf("%s: %s: %d %q", name, attack, got.Code, got.Body)
				}
				sameHeaders(t, got.Header(), want.Header())
			}
			for path, body := range served {
				got := send(t, host.h, method, host.prefix+path)
				if got.Code != 200 || method == "GET" && got.Body.String() != body {
					t.Errorf("%s: %s: %d %q, want %q", name, path, got.Code, got.Body, body)
				}
			}
		}
	}
}

// The control: without the jail, attacks reach canaries.
func TestUniform404Control(t *testing.T) {
	naive := http.FileServerFS(tree(yard))
	reached := 0
	for _, attack := range attacks {
		if strings.Contains(send(t, naive, "GET", attack).Body.String(), canary) {
			reached++
		}
	}
	if reached < 5 {
		t.Errorf("only %d attacks reach a canary", reached)
	}
}

// A path from which a prefix was stripped carelessly is not a name.
func TestPrefixConfusion(t *testing.T) {
	j := jail(t, map[string]string{"ecret": canary, "a": "a"}, allow("**"))
	h := http.StripPrefix("/files", server.New(j, server.Config{}))
	for _, path := range []string{"/filesecret", "/files", "/files%2fa", "/files%2fecret", "/files//a"} {
		if w := send(t, h, "GET", path); w.Code != 404 || strings.Contains(w.Body.String(), canary) {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	// Path and RawPath contradict each other.
	for _, u := range []url.URL{
		{Path: "/a", RawPath: "/ecret"}, {Path: "/a", RawPath: "/b%61"}, {Path: "/x/", RawPath: "/"}, {Path: "", RawPath: "/a"},
		{Path: "/a/", RawPath: "/a"}, {Path: "/a", RawPath: "/a/"}, {Path: "a", RawPath: ""}, {Path: "/a", RawPath: "a"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.URL = &u
		w := httptest.NewRecorder()
		server.New(j, server.Config{}).ServeHTTP(w, r)
		if w.Code != 404 {
			t.Errorf("%+v: %d", u, w.Code)
		}
	}
}

func TestMountSetsPattern(t *testing.T) {
	var seen string
	router := mux.NewRouter()
	gorilla.Mount(router.PathPrefix("/api").Subrouter(), "/{tenant}/files", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		seen = r.Pattern + " " + r.URL.Path + " " + r.URL.RawPath
	}))
	send(t, router, "PUT", "/api/acme/files/a%2fb")
	if want := "/api/{tenant}/files/ /a/b /a%2fb"; seen != want {
		t.Errorf("%q, want %q", seen, want)
	}
	seen = ""
	for _, path := range []string{"/api/acme/filesecret", "/api/acme/files"} {
		if send(t, router, "GET", path); seen != "" {
			t.Errorf("%s reaches the handler", path)
		}
	}
}

// A name that the grammar or the policy refuses causes no backend call. An allowed name
// causes only those that are needed.
func TestRefusedNamesTouchNoBackend(t *testing.T) {
	b := counted(vfs.FromFS(tree(yard)))
	h := server.New(jailOver(t, b, yardPolicy()), server.Config{List: true, Sidecars: true})
	for _, path := range []string{
		"/secret.txt", "/SECRET.txt", "/drafts", "/drafts/", "/drafts/plan.txt", "/%00", "/sub%2fok.txt", "/../x", "/sub//ok.txt", "/sub//", "/.env/",
		"/" + strings.Repeat("a/", 600),
	} {
		if w := send(t, h, "GET", path); w.Code != 404 {
			t.Errorf("%s: %d", path, w.Code)
		}
		if n := b.calls.Swap(0); n != 0 {
			t.Errorf("%s: %d backend calls", path, n)
		}
	}
	if w := send(t, h, "GET", "/ok.txt"); w.Code != 200 || b.calls.Swap(0) != 1 {
		t.Errorf("ok.txt: %d", w.Code)
	}
}

// failing is a file system whose Open always fails.
type failing struct {
	fs.FS
	err error
}

func (f failing) Open(string) (fs.File, error) { return nil, f.err }

func TestBackendFailure(t *testing.T) {
	for _, err := range []error{
		errors.New("disk on fire in /srv/private"), &vfs.Error{Err: vfs.ErrUnavailable}, context.DeadlineExceeded,
	} {
		h := server.New(jailOver(t, vfs.FromFS(failing{nil, err}), allow("**")), server.Config{Logger: quiet, List: true})
		for _, path := range []string{"/a", "/a/", "/"} {
			w := send(t, h, "GET", path)
			if w.Code != 503 || w.Header().Get("Retry-After") == "" || w.Header().Get("Cache-Control") != "no-store" || strings.Contains(w.Body.String(), "srv") {
				t.Errorf("%v, %s: %d %v %q", err, path, w.Code, w.Header(), w.Body)
			}
		}
	}
	h := server.New(jailOver(t, vfs.FromFS(failing{nil, fs.ErrPermission}), allow("**")), server.Config{})
	if w := send(t, h, "GET", "/a"); w.Code != 404 {
		t.Errorf("no permission: %d", w.Code)
	}
}

// cutFS has files that end before their declared size, or fail there.
type cutFS struct {
	fstest.MapFS
	keep int
	err  error
}

type cutFile struct {
	fs.File
	r io.Reader
}

func (f cutFile) Read(p []byte) (int, error) { return f.r.Read(p) }

func (c cutFS) Open(name string) (fs.File, error) {
	f, err := c.MapFS.Open(name)
	if err != nil {
		return nil, err
	}
	r := io.LimitReader(f, int64(c.keep))
	if c.err != nil {
		r = io.MultiReader(r, broken{c.err})
	}
	return cutFile{f, r}, nil
}

type broken struct{ err error }

func (b broken) Read([]byte) (int, error) { return 0, b.err }

// A truncated body never looks complete to the client.
func TestCutBodyAborts(t *testing.T) {
	const size = 100_000
	for _, keep := range []int{0, 1, 50_000, size - 1} {
		for _, err := range []error{nil, errors.New("I/O")} {
			rec := &recorder{}
			files := cutFS{tree(map[string]string{"a": strings.Repeat("x", size)}), keep, err}
			url := start(t, server.New(jailOver(t, vfs.FromFS(files), allow("**")), server.Config{Recorder: rec, Logger: quiet}))
			res, rerr := client.Get(url + "/a")
			got := 0
			if rerr == nil {
				var body []byte
				body, rerr = io.ReadAll(res.Body)
				res.Body.Close()
				got = len(body)
			}
			if rerr == nil {
				t.Errorf("kept %d, %v: %d bytes looked like a complete body", keep, err, got)
			}
			a := rec.wait(t, 1)[0]
			if !a.Aborted || a.Status != 200 || a.Bytes >= size || a.Reason == "" {
				t.Errorf("kept %d, %v: recorded %+v", keep, err, a)
			}
		}
	}
}

func TestPanicIs500(t *testing.T) {
	p := allow("**")
	p.Authorize = vfs.AuthorizeFunc(func(context.Context, vfs.Op, vfs.Name) error { panic("at /srv/private") })
	rec := &recorder{}
	h := server.New(jail(t, yard, p), server.Config{Recorder: rec, Logger: quiet})
	w := send(t, h, "GET", "/ok.txt")
	if w.Code != 500 || strings.Contains(w.Body.String(), "srv") {
		t.Errorf("%d %q", w.Code, w.Body)
	}
	if a := rec.wait(t, 1)[0]; a.Status != 500 || a.Verdict != audit.Failed || a.Reason != audit.ReasonPanic || a.Aborted {
		t.Errorf("%+v", a)
	}
}

// If code that the handler calls panics with http.ErrAbortHandler, the handler passes it
// on. Otherwise net/http would send an empty 200.
func TestAbortStaysAbort(t *testing.T) {
	p := allow("**")
	p.Authorize = vfs.AuthorizeFunc(func(context.Context, vfs.Op, vfs.Name) error { panic(http.ErrAbortHandler) })
	rec := &recorder{}
	url := start(t, server.New(jail(t, yard, p), server.Config{Recorder: rec, Logger: quiet}))
	if res, err := client.Get(url + "/ok.txt"); err == nil {
		res.Body.Close()
		t.Errorf("%d", res.StatusCode)
	}
	if a := rec.wait(t, 1)[0]; a.Status != 0 || !a.Aborted {
		t.Errorf("%+v", a)
	}
}

// A failure is logged with the request ID of the record.
func TestFailuresAreLogged(t *testing.T) {
	var out strings.Builder
	rec := &recorder{}
	cfg := server.Config{Recorder: rec, Logger: slog.New(slog.NewTextHandler(&out, nil))}
	send(t, server.New(jailOver(t, vfs.FromFS(failing{nil, errors.New("disk on fire")}), allow("**")), cfg), "GET", "/a")
	if id := rec.wait(t, 1)[0].RequestID.String(); !strings.Contains(out.String(), "disk on fire") || !strings.Contains(out.String(), id) {
		t.Error(out.String())
	}
}

package server_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/access"
	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// ownSite is a program with its own users, whose name is in a cookie. Everybody may read
// public files, and each user the files in the user's folder.
func ownSite(t testing.TB, unauthorized http.Handler, rec audit.Recorder) http.Handler {
	t.Helper()
	p := allow("**")
	p.Authorize = access.Func(func(_ context.Context, p auth.Principal, op vfs.Op, n vfs.Name) bool {
		name := n.String()
		return op == vfs.OpRead && (strings.HasPrefix(name, "public/") || !p.Anyone() && strings.HasPrefix(name, "home/"+p.Name+"/"))
	})
	files, err := mem.FromMap(map[string]string{"public/p.txt": "public", "home/alice/a.txt": "alice's", "home/bob/b.txt": "bob's"})
	if err != nil {
		t.Fatal(err)
	}
	h := server.New(jailOver(t, files, p), server.Config{Auth: server.Auth{Unauthorized: unauthorized}, Recorder: rec, Logger: quiet})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, err := r.Cookie("user"); err == nil {
			r = r.WithContext(auth.WithPrincipal(r.Context(), auth.Principal{Name: c.Value}))
		}
		h.ServeHTTP(w, r)
	})
}

// loginPage is a log-in page that sets no status.
var loginPage = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html")
	fmt.Fprint(w, "<form>log in</form>")
})

// Anonymous callers get the log-in page for every name that they may not read, whether it
// exists or not. A user who is logged in gets the 404.
func TestOwnLogin(t *testing.T) {
	rec := &recorder{}
	h := ownSite(t, loginPage, rec)
	for i, tt := range []struct {
		path, user string
		status     int
		body       string
	}{
		{"/public/p.txt", "", 200, "public"},
		{"/public/missing.txt", "", 401, "log in"},
		{"/home/alice/a.txt", "", 401, "log in"},
		{"/home/alice/missing.txt", "", 401, "log in"},
		{"/home/../x", "", 401, "log in"},
		{"/home/alice/a.txt", "alice", 200, "alice's"},
		{"/home/bob/b.txt", "alice", 404, "not found"},
		{"/home/alice/missing.txt", "alice", 404, "not found"},
	} {
		r := httptest.NewRequest("GET", tt.path, nil)
		if tt.user != "" {
			r.AddCookie(&http.Cookie{Name: "user", Value: tt.user})
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.body) {
			t.Errorf("%s as %q: %d %q", tt.path, tt.user, w.Code, w.Body)
		}
		// Even what the function lets everybody read.
		if cache := w.Header().Get("Cache-Control"); !strings.Contains(cache, "no-store") {
			t.Errorf("%s as %q: Cache-Control %q", tt.path, tt.user, cache)
		}
		if w.Header().Get("Www-Authenticate") != "" {
			t.Errorf("%s as %q: has WWW-Authenticate, so a browser would ask for a password", tt.path, tt.user)
		}
		a := rec.wait(t, i+1)[i]
		if a.Status != tt.status || a.Bytes != int64(w.Body.Len()) || tt.status == 401 && (a.Reason != audit.ReasonRequired || a.Verdict != audit.Refused) {
			t.Errorf("%s as %q is recorded as %+v", tt.path, tt.user, a)
		}
	}
}

// The status that a log-in handler sets is kept; without one it is 401.
func TestOwnUnauthorizedStatus(t *testing.T) {
	for what, tt := range map[string]struct {
		h      http.HandlerFunc
		status int
	}{
		"redirect": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login", http.StatusSeeOther) }, 303},
		"nothing":  {func(http.ResponseWriter, *http.Request) {}, 401},
		"status":   {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(403) }, 403},
	} {
		w := httptest.NewRecorder()
		ownSite(t, tt.h, nil).ServeHTTP(w, httptest.NewRequest("GET", "/home/alice/a.txt", nil))
		if w.Code != tt.status {
			t.Errorf("%s: %d, want %d", what, w.Code, tt.status)
		}
	}
}

// An early response is not the status, and of several statuses the first counts.
func TestOwnUnauthorizedEarlyHints(t *testing.T) {
	for what, tt := range map[string]struct {
		h      http.HandlerFunc
		early  bool
		status int
		body   string
	}{
		"a page": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Link", "</style.css>; rel=preload")
			w.WriteHeader(http.StatusEarlyHints)
			loginPage(w, r)
		}, true, 401, "log in"},
		"nothing":  {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusEarlyHints) }, true, 401, ""},
		"a status": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(103); w.WriteHeader(403) }, true, 403, ""},
		"two statuses": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(403)
			w.WriteHeader(200)
			w.WriteHeader(103)
		}, false, 403, ""},
		"a status after a page": {func(w http.ResponseWriter, r *http.Request) {
			loginPage(w, r)
			w.WriteHeader(200)
		}, false, 401, "log in"},
	} {
		rec := &recorder{}
		url := start(t, ownSite(t, tt.h, rec))
		early := false
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
			Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
				early = code == http.StatusEarlyHints
				return nil
			},
		})
		r, err := http.NewRequestWithContext(ctx, "GET", url+"/home/alice/a.txt", nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || res.StatusCode != tt.status || !strings.Contains(string(body), tt.body) || early != tt.early {
			t.Errorf("%s: %d %q, early response: %t, %v", what, res.StatusCode, body, early, err)
		}
		if a := rec.wait(t, 1)[0]; a.Status != tt.status {
			t.Errorf("%s: recorded as %d", what, a.Status)
		}
	}
}

// Wrong credentials get the log-in page, too.
func TestOwnLoginAfterWrongCredentials(t *testing.T) {
	p := gatePolicy()
	p.Authorize = access.Func(func(_ context.Context, p auth.Principal, _ vfs.Op, _ vfs.Name) bool { return p.Name == "alice" })
	h := server.New(jailOver(t, gateTree(), p), server.Config{Auth: server.Auth{Authenticator: chain(people{"alice": {Name: "alice"}}), Unauthorized: loginPage}, Logger: quiet})
	for user, want := range map[string]int{"": 401, "mallory": 401, "alice": 200} {
		if r := request(t, h, "GET", "/public/p.txt", as(user)...); r.Status != want || want == 401 && !strings.Contains(r.Body, "log in") {
			t.Errorf("as %q: %d %q", user, r.Status, r.Body)
		}
	}
}

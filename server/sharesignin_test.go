package server_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/auth"
)

// TestSharesSignIn: who has not signed in gets the page to sign in, also where only middleware
// authenticates, and two such pages are a mistake of the program.
func TestSharesSignIn(t *testing.T) {
	s := newSharing(t)
	page := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "sign in") })
	s.change = func(c *server.ShareConfig) { c.Auth = server.Auth{SignIn: page} }
	s.apply()
	if r := s.get("/.bailiwick/shares", browser...); r.Status != 401 || r.Body != "sign in" {
		t.Errorf("%d %q", r.Status, r.Body)
	}
	defer func() {
		if what, ok := recover().(string); !ok || !strings.Contains(what, "SignIn") {
			t.Errorf("both Unauthorized and SignIn: %v", what)
		}
	}()
	server.NewShares(server.ShareConfig{
		Store: s.store, Find: func(string, *url.URL) (int, *url.URL) { return -1, nil },
		Issuer: func(string) (p auth.Principal, _ string, _ bool) { return p, "", false },
		Auth:   server.Auth{SignIn: page, Unauthorized: page},
	})
}

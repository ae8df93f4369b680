package server_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/access"
	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// TestShareBrowserCredentials: a browser that is logged in by Basic sends its credentials with all
// requests to the server, also for the link of a share with a password. They are no guesses of that
// password: ten colleagues who open one mail would shut out everybody behind their address. Nor is
// there a challenge: a browser that answered it would ask for ever.
func TestShareBrowserCredentials(t *testing.T) {
	for what, headers := range map[string][]string{
		"a page":                {"Accept", browser[1], "Sec-Fetch-Site", "none", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"},
		"a page without TLS":    {"Accept", browser[1]},
		"an image":              {"Accept", "image/*", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "image"},
		"the fetch of a script": {"Accept", "*/*", "Sec-Fetch-Mode", "cors", "Origin", "https://files.example"},
	} {
		t.Run(what, func(t *testing.T) {
			s := newSharing(t)
			locked := s.share("alice", fields{"path": "/files/docs/pub/a.txt", "password": "the password"}).URL
			one := auth.NewFailures(auth.FailureLimits{Every: time.Hour})
			s.change = func(c *server.ShareConfig) { c.Passwords = one }
			s.apply()
			b := mem.New()
			plant(t, b, "a.txt")
			p := vfs.Policy{Allow: vfs.Patterns("**"), Authorize: rules(t, nil, access.Rule{Who: "authenticated", Can: can(vfs.OpRead)})}
			mount := server.New(jailOver(t, b, p), server.Config{Logger: quiet, Auth: server.Auth{
				Authenticator: auth.NewChain(auth.ChainConfig{Passwords: s.who, Failures: one}),
			}})
			login := basic("alice", "right")
			for i := range 20 {
				if r := s.get(locked, append(login, headers...)...); r.Status != http.StatusUnauthorized || r.Header["Www-Authenticate"] != nil {
					t.Fatalf("request %d: %d %v", i, r.Status, r.Header)
				}
			}
			if r := sendTo(t, mount, "GET", "/a.txt", "", login...); r.Status != http.StatusOK {
				t.Errorf("the mount, with the same credentials: %d", r.Status)
			}
			if r := s.send("POST", locked, "password=the+password", append(login, "Content-Type", "application/x-www-form-urlencoded")...); r.Status != http.StatusSeeOther {
				t.Errorf("the form: %d %q", r.Status, r.Body)
			}
		})
	}
}

// TestShareFormWithoutCookie: a browser that sends files for a share whose cookie has ended since
// gets the page that asks for the password.
func TestShareFormWithoutCookie(t *testing.T) {
	s := newSharing(t)
	s.withPages()
	link := s.share("alice", fields{"path": "/files/drop", "upload": true, "password": "the password"}).URL
	body, headers := filesForm("a.txt", "x")
	r := s.send("POST", link, body, append(headers, "Accept", browser[1], "Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "navigate")...)
	if r.Status != http.StatusUnauthorized || !strings.Contains(r.Body, `name="password"`) || r.Header["Www-Authenticate"] != nil {
		t.Errorf("%d %v %q", r.Status, r.Header, r.Body)
	}
}

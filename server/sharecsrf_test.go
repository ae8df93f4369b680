package server_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/server/signin"
)

// TestShareCrossOrigin sends what changes something at the paths of shares and of sign-ins as
// a page of another site makes a browser send it, with the cookies of a session and of a share.
// It is the uniform 404, and changes nothing. The controls are the same requests as a page of
// this site makes them, and as a program does, which says nothing about where it comes from.
func TestShareCrossOrigin(t *testing.T) {
	s := newSharing(t)
	sessions, begin := sessionsOf(t, s.who, nil)
	s.change = func(c *server.ShareConfig) { c.Auth = server.Auth{Authenticator: sessions} }
	s.apply()
	pages := signin.New(signin.Config{Sessions: sessions, Password: true, Recorder: s.rec, Logger: quiet})
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if slices.Contains(pages.Paths(), r.URL.Path) {
			pages.ServeHTTP(w, r)
		} else {
			s.h.ServeHTTP(w, r)
		}
	})
	mine := begin("alice")
	another := func() made {
		return s.share("alice", fields{"path": "/files/docs/pub"})
	}
	locked := s.share("alice", fields{"path": "/files/docs/pub", "password": "right"}).URL
	drop := s.share("alice", fields{"path": "/files/drop", "upload": true}).URL
	files, filesHeaders := filesForm("sent.txt", "sent")
	form := []string{"Content-Type", "application/x-www-form-urlencoded"}
	for _, c := range []struct {
		what    string
		request func() (method, target, body string, headers []string)
		status  int // of the control
	}{
		{"a share, as JSON", func() (string, string, string, []string) {
			return "POST", "/.bailiwick/shares", `{"path":"/files/docs/pub"}`, []string{"Content-Type", "application/json"}
		}, 201},
		{"a share, by a form", func() (string, string, string, []string) {
			return "POST", "/.bailiwick/shares", "path=/files/docs/pub/", form
		}, 201},
		{"a revocation", func() (string, string, string, []string) {
			return "DELETE", "/.bailiwick/shares/" + another().ID, "", nil
		}, 204},
		{"a revocation, by a form", func() (string, string, string, []string) {
			return "POST", "/.bailiwick/shares/" + another().ID, "", form
		}, 303},
		{"the password of a share", func() (string, string, string, []string) { return "POST", locked, "password=right", form }, 303},
		{"a file", func() (string, string, string, []string) { return "POST", drop, files, filesHeaders }, 201},
		{"a sign-in", func() (string, string, string, []string) {
			return "POST", signin.Login, "user=bob&password=" + url.QueryEscape("password of bob"), form
		}, 0},
		{"a sign-out", func() (string, string, string, []string) { return "POST", signin.Logout, "", form }, 303},
	} {
		ask := func(method, target, body string, headers []string, more ...string) reply {
			t.Helper()
			return sendTo(t, h, method, target, body, slices.Concat([]string{"Cookie", mine}, headers, more)...)
		}
		for _, foreign := range [][]string{
			{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Sec-Fetch-Site", "other"}, {"Sec-Fetch-Site", "cross-site", "Origin", "http://files.example"},
			{"Sec-Fetch-Site", "same-site", "Origin", "http://evil.files.example"}, {"Origin", "https://evil.example"}, {"Origin", "null"}, {"Origin", "http://files.example:8080"}, {"Origin", "http://files.example.evil.example"},
		} {
			method, target, body, headers := c.request()
			sharesBefore := len(sharesOf(t, s))
			s.rec.list = nil
			got := ask(method, target, body, headers, foreign...)
			recorded := s.rec.list
			if got.Status != 404 || got.Body != "not found\n" || got.Header["Set-Cookie"] != nil || got.Header["Location"] != nil {
				t.Errorf("%s from %s: %d %q %v", c.what, foreign, got.Status, got.Body, got.Header)
			}
			if len(recorded) != 1 || recorded[0].Reason != audit.ReasonCrossOrigin {
				t.Errorf("%s from %s: recorded as %+v", c.what, foreign, recorded)
			}
			if after := len(sharesOf(t, s)); after != sharesBefore {
				t.Errorf("%s from %s: %d shares became %d", c.what, foreign, sharesBefore, after)
			}
		}
		if all := contents(t, s.tree); all["drop/sent.txt"] != "" && c.what != "a sign-in" && c.what != "a sign-out" {
			t.Errorf("%s: a file was sent", c.what)
		}
		for _, own := range [][]string{{"Sec-Fetch-Site", "same-origin", "Origin", "http://files.example"}, {"Sec-Fetch-Site", "same-origin"}, {"Sec-Fetch-Site", "none"}, {"Origin", "http://files.example"}, nil} {
			method, target, body, headers := c.request()
			got := ask(method, target, body, headers, own...)
			if c.status != 0 && got.Status != c.status || c.status == 0 && got.Status == 404 {
				t.Errorf("the control, %s from %s: %d %q", c.what, own, got.Status, got.Body)
			}
		}
	}
}

// sharesOf returns the shares of alice.
func sharesOf(t *testing.T, s *sharingServer) []string {
	t.Helper()
	page := s.get("/.bailiwick/shares", as("alice")...)
	if page.Status != 200 {
		t.Fatal(page)
	}
	return strings.Split(page.Body, `"id"`)
}

package server_test

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/server/auth/session"
	"github.com/bailiwick-fs/bailiwick/server/signin"
)

// TestFailuresBehindProxy fails in every way for which a client has to wait, through a trusted
// proxy. Another client behind the proxy does not wait.
func TestFailuresBehindProxy(t *testing.T) {
	once := func() *auth.Failures {
		return auth.NewFailures(auth.FailureLimits{Burst: 1, Every: time.Hour})
	}
	s := newSharing(t)
	guarded := auth.NewChain(auth.ChainConfig{Passwords: s.who, Tokens: s.who, Failures: once()})
	s.change = func(c *server.ShareConfig) {
		c.Guesses, c.Passwords, c.Auth.Authenticator = once(), once(), guarded
	}
	s.apply()
	locked := s.share("alice", fields{"path": "/files/docs/pub/a.txt", "password": "right"})
	keys, err := session.ReadKeys("keys", strings.NewReader("one:"+base64.StdEncoding.EncodeToString(make([]byte, 32))))
	if err != nil {
		t.Fatal(err)
	}
	sessions := session.New(auth.NewChain(auth.ChainConfig{Passwords: s.who, Failures: once()}), session.Config{Keys: keys, Passwords: everybody{}})
	pages := signin.New(signin.Config{Sessions: sessions, Password: true, Logger: quiet})
	wrong := "Basic " + base64.StdEncoding.EncodeToString([]byte("alice:guess"))
	form := []string{"Content-Type", "application/x-www-form-urlencoded"}
	for _, c := range []struct {
		what, method, target, body string
		headers                    []string
		h                          http.Handler
		failed                     int
	}{
		{"an unknown link", "GET", "/.bailiwick/s/AAAAAAAAAAAAAAAAAAAAAA/", "", nil, s.h, 404},
		{"the password of a share", "POST", locked.URL, "password=wrong", form, s.h, 401},
		{"a header", "GET", "/.bailiwick/shares", "", []string{"Authorization", wrong}, s.h, 401},
		{"the page to sign in", "POST", signin.Login, "user=alice&password=wrong", form, pages, 401},
	} {
		h := server.Limit(c.h, server.Limits{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, Logger: quiet})
		for i, want := range []int{c.failed, 429, c.failed} {
			r := httptest.NewRequest(c.method, c.target, strings.NewReader(c.body))
			r.RemoteAddr = "192.0.2.1:1234"
			r.Header.Set("X-Forwarded-For", map[bool]string{false: "198.51.100.7", true: "198.51.100.8"}[i == 2])
			for j := 0; j < len(c.headers); j += 2 {
				r.Header.Set(c.headers[j], c.headers[j+1])
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != want {
				t.Errorf("%s, request %d: %d, want %d", c.what, i+1, w.Code, want)
			}
		}
	}
}

package server_test

import (
	"net/http"
	"net/netip"
	"testing"

	"github.com/bailiwick-fs/bailiwick/server"
)

// TestShareCookieBehindProxy: a trusted proxy ends TLS. The cookie of a share is one for TLS
// then, as that of a session is, and one without TLS is not taken.
func TestShareCookieBehindProxy(t *testing.T) {
	s := newSharing(t)
	s.h = server.Limit(s.h, server.Limits{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}})
	m := s.share("alice", fields{"path": "/files/docs/pub", "password": "right"})
	target := m.URL + "a.txt"
	for _, c := range []struct {
		proto, name string
		secure      bool
	}{{"http", "bailiwick-share", false}, {"https", "__Secure-bailiwick-share", true}} {
		r := s.send("POST", target, "password=right", "Content-Type", "application/x-www-form-urlencoded", "X-Forwarded-Proto", c.proto)
		set, err := http.ParseSetCookie(r.Header.Get("Set-Cookie"))
		if err != nil || set.Name != c.name || set.Secure != c.secure || set.Path+"/" != m.URL || !set.HttpOnly || set.MaxAge <= 0 {
			t.Errorf("%s: %v %v", c.proto, err, set)
			continue
		}
		for _, proto := range []string{"http", "https"} {
			want := 200
			if proto != c.proto {
				want = 401
			}
			if r := s.get(target, "Cookie", set.Name+"="+set.Value, "X-Forwarded-Proto", proto); r.Status != want {
				t.Errorf("a cookie of %s over %s: %d, want %d", c.proto, proto, r.Status, want)
			}
		}
	}
}

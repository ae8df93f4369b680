package server_test

import (
	"net/http"
	"net/netip"
	"strings"
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

// TestShareCookieNotCached: no response that a cache may store has the cookie of a share: the cache
// would give it to whoever has the link without the password. What pages load may be stored for a
// year.
func TestShareCookieNotCached(t *testing.T) {
	s := newSharing(t)
	s.withPages()
	m := s.share("alice", fields{"path": "/files/docs/pub", "password": "right"})
	password := basic("anyone", "right")
	refs := assetRefs.FindAllStringSubmatch(s.get(m.URL, password...).Body, -1)
	if len(refs) == 0 {
		t.Fatal("the page loads nothing")
	}
	targets := []string{m.URL, m.URL + "a.txt", m.URL + "?zip", m.URL + "missing"}
	for _, ref := range refs {
		targets = append(targets, m.URL+strings.TrimPrefix(ref[1], "./"))
	}
	stored := 0
	for _, target := range targets {
		r := s.get(target, password...)
		if strings.Contains(r.Header.Get("Cache-Control"), "no-store") {
			continue
		}
		stored++
		if r.Status != 200 || r.Header.Get("Set-Cookie") != "" {
			t.Errorf("%s: %d %v", target, r.Status, r.Header)
		}
	}
	if stored != len(refs) {
		t.Errorf("%d responses may be stored, want those of the %d files that pages load", stored, len(refs))
	}
}

// basic returns the header of a program that sends a name and a password.
func basic(user, password string) []string {
	r := http.Request{Header: http.Header{}}
	r.SetBasicAuth(user, password)
	return []string{"Authorization", r.Header.Get("Authorization")}
}

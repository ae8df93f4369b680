package server_test

import (
	"net/http"
	"testing"

	"github.com/bailiwick-fs/bailiwick/server"
)

// TestShareRevokedByOldHandler revokes a share through the handler of before a reload, whose
// requests go on beside the new one: it is gone at once from both.
func TestShareRevokedByOldHandler(t *testing.T) {
	s := newSharing(t)
	cache := new(server.ShareCache)
	s.change = func(c *server.ShareConfig) { c.Cache = cache }
	s.apply()
	before := s.h
	s.apply()
	handlers := map[string]http.Handler{"old": before, "new": s.h}
	m := s.share("alice", fields{"path": "/files/docs/pub/a.txt"})
	for which, h := range handlers {
		if r := sendTo(t, h, "GET", m.URL, ""); r.Status != 200 {
			t.Fatalf("through the %s handler: %d", which, r.Status)
		}
	}
	if r := sendTo(t, before, "DELETE", "/.bailiwick/shares/"+m.ID, "", as("alice")...); r.Status != 204 {
		t.Fatalf("revoked: %d", r.Status)
	}
	for which, h := range handlers {
		if r := sendTo(t, h, "GET", m.URL, ""); r.Status != 404 {
			t.Errorf("through the %s handler, after it was revoked: %d", which, r.Status)
		}
	}
}

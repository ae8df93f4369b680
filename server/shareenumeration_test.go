package server_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/access"
	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// TestShareCreateEnumeration asks for shares of existing and missing names that the caller may
// not read, may not share, or that a rule denies, by session, as JSON and by the form of the
// page. The answers to a pair are the same, and the backend is not asked. The control looks
// first.
func TestShareCreateEnumeration(t *testing.T) {
	inner := mem.New()
	createSimilarNames(t, inner)
	b := counted(inner)
	s := newSharing(t)
	for _, name := range []string{"alice", "bob", "carol"} {
		s.who[name] = auth.Principal{Name: name, Method: "basic"}
	}
	policy := enumerationPolicy()
	policy.Authorize = rules(t, nil,
		access.Rule{Who: "user:alice", Can: can(vfs.OpRead, vfs.OpList, vfs.OpWrite, access.OpShare), Names: []string{"home/alice/**"}},
		access.Rule{Who: "user:bob", Can: can(access.OpShare)}, // but not read
		access.Rule{Who: "user:carol", Can: can(vfs.OpRead, vfs.OpList, vfs.OpWrite)})
	jail := jailOver(t, b, policy)
	s.change = func(c *server.ShareConfig) {
		c.Mounts = []server.ShareMount{{Jail: jail, Config: server.Config{List: true, Write: true, Logger: quiet}}}
		c.Find = func(_ string, u *url.URL) (int, *url.URL) { return 0, u }
	}
	s.apply()
	h := bySession(t, s.who, func(a auth.Authenticator) http.Handler {
		before := s.change
		s.change = func(c *server.ShareConfig) { before(c); c.Auth.Authenticator = a }
		s.apply()
		return s.h
	})
	b.calls.Store(0)
	distinct, compared := 0, 0
	naive := lookFirst(jailOver(t, inner, enumerationPolicy()))
	for _, pair := range similarNames {
		if request(t, naive, "GET", "/"+pair[0]).Status != request(t, naive, "GET", "/"+pair[1]).Status {
			distinct++
		}
		for _, who := range []string{"alice", "bob", "carol", ""} {
			if who == "bob" || who == "carol" {
				if strings.HasPrefix(pair[0], "home/alice/secret") || strings.HasPrefix(pair[0], "home/alice/draft") {
					continue // whoever may do something to all names
				}
			}
			for _, slash := range []string{"", "/"} {
				for _, body := range []string{`{"path":"PATH"}`, `{"path":"PATH","upload":true}`, `{"path":"PATH","password":"x","uses":1}`, "path=PATH", "path=PATH&upload=true", "?path=PATH"} {
					ask := func(name string) reply {
						path := "/" + name + slash
						headers := append(slices.Clone(navigation), as(who)...)
						method, target, sent, kind := "POST", "/.bailiwick/shares", strings.ReplaceAll(body, "PATH", path), "application/json"
						switch {
						case body[0] == '?':
							method, target, sent = "GET", target+sent, ""
						case body[0] == 'p':
							kind = "application/x-www-form-urlencoded"
						}
						r := sendTo(t, h, method, target, sent, append(headers, "Content-Type", kind, "Sec-Fetch-Site", "same-origin")...)
						return withoutChance(r, path)
					}
					there, missing := ask(pair[0]), ask(pair[1])
					if body[0] != '?' && there.Status != 404 && there.Status != 401 {
						t.Errorf("%s of /%s%s as %q: %d %q", body, pair[0], slash, who, there.Status, there.Body)
					}
					same(t, body+" of /"+pair[0]+slash+" as "+who, there, missing)
					compared++
				}
			}
		}
	}
	if n := b.calls.Load(); n != 0 {
		t.Errorf("the backend saw %d calls", n)
	}
	if distinct < 4 || compared < 300 {
		t.Errorf("the control tells %d pairs apart; %d were compared", distinct, compared)
	}
}

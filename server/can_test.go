package server_test

import (
	"encoding/json"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/access"
	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// TestListingCan: "can" has what the rules allow the caller to do with a file that the page
// shows, or with a new one, and "zip" where it shows anything; no changes where the handler has
// no writes.
func TestListingCan(t *testing.T) {
	l, err := access.Compile([]access.Rule{
		{Who: "authenticated", Can: []vfs.Op{vfs.OpList}},
		{Who: "user:alice", Can: []vfs.Op{vfs.OpRead, vfs.OpWrite, vfs.OpDelete}},
		{Who: "user:bob", Can: []vfs.Op{vfs.OpRead}},
		{Who: "user:carol", Can: []vfs.Op{vfs.OpRead}},
		{Who: "user:carol", Can: []vfs.Op{vfs.OpWrite}, Names: []string{"docs/*.txt"}},
		{Who: "user:dave", Can: []vfs.Op{vfs.OpRead}},
		{Who: "user:dave", Can: []vfs.Op{vfs.OpRead, vfs.OpWrite, vfs.OpDelete}, Names: []string{"docs/hidden.key", "docs/sub/*"}},
		{Who: "user:erin", Can: []vfs.Op{vfs.OpWrite, vfs.OpDelete}},
		{Who: "user:frank", Can: []vfs.Op{vfs.OpRead, vfs.OpDelete}},
		{Who: "user:grace", Can: []vfs.Op{vfs.OpRead}},
		{Who: "user:grace", Can: []vfs.Op{vfs.OpWrite}, Names: []string{"docs/new"}},
		{Who: "user:grace", Can: []vfs.Op{vfs.OpDelete}, Names: []string{"docs/b.bin"}},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := mem.FromMap(map[string]string{"docs/a.txt": "a", "docs/b.bin": "b", "docs/hidden.key": canary, "docs/sub/c.txt": "c"})
	if err != nil {
		t.Fatal(err)
	}
	j := jailOver(t, b, vfs.Policy{Allow: vfs.Patterns("**"), Deny: vfs.Patterns("**/*.key"), Authorize: l})
	can := func(cfg server.Config, user, target string) []string {
		cfg.List = true
		r := httptest.NewRequest("GET", target, nil)
		r.Header.Set("Accept", "application/json")
		r = r.WithContext(auth.WithPrincipal(t.Context(), auth.Principal{Name: user}))
		w := httptest.NewRecorder()
		server.New(j, cfg).ServeHTTP(w, r)
		var p struct{ Can []string }
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != 200 || p.Can == nil {
			t.Fatalf("%s, %s: %d %s %v", user, target, w.Code, w.Body, err)
		}
		return p.Can
	}
	for _, c := range []struct{ user, target, want string }{
		{"alice", "/docs/", "write delete move zip"},
		{"alice", "/", "write delete move zip"},
		{"bob", "/docs/", "zip"},
		{"carol", "/docs/", "write zip"},
		{"carol", "/docs/sub/", "zip"},
		{"dave", "/docs/", "zip"},
		{"dave", "/docs/sub/", "write delete move zip"},
		{"erin", "/", "write delete"},
		{"frank", "/docs/", "delete zip"},
		{"grace", "/docs/", "write delete move zip"},
		{"grace", "/docs/?limit=1", "write zip"}, // b.bin is on the next page
	} {
		if got := can(server.Config{Write: true}, c.user, c.target); !slices.Equal(got, strings.Fields(c.want)) {
			t.Errorf("%s, %s: %q, want %s", c.user, c.target, got, c.want)
		}
		_, shows := strings.CutSuffix(c.want, "zip")
		if got := can(server.Config{}, c.user, c.target); (len(got) == 1 && got[0] == "zip") != shows || len(got) > 1 {
			t.Errorf("%s, %s, without writes: %q", c.user, c.target, got)
		}
	}
}

// A new file can be created where only some names are allowed, by the policy or by a rule.
func TestCanCreateSomeNames(t *testing.T) {
	l, err := access.Compile([]access.Rule{
		{Who: "authenticated", Can: []vfs.Op{vfs.OpList, vfs.OpRead}},
		{Who: "user:alice", Can: []vfs.Op{vfs.OpWrite}},
		{Who: "user:bob", Can: []vfs.Op{vfs.OpWrite}, Names: []string{"photos/2026-*", "{user}/*"}},
		{Who: "user:carol", Can: []vfs.Op{vfs.OpWrite}, Names: []string{"**/*.png"}},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ allow, user, dir, want string }{
		{"**/*.jpg", "alice", "/", "write zip"}, {"**/*.jpg", "alice", "/photos/", "write zip"}, {"photos/*.jpg", "alice", "/", "zip"},
		{"**", "bob", "/photos/", "write zip"}, {"**", "bob", "/", "zip"}, {"**", "carol", "/", "write zip"}, {"**/*.jpg", "carol", "/photos/", "zip"},
	} {
		b, err := mem.FromMap(map[string]string{"photos/a.jpg": "a"})
		if err != nil {
			t.Fatal(err)
		}
		p := allow(c.allow)
		p.Authorize = l
		r := httptest.NewRequest("GET", c.dir, nil)
		r.Header.Set("Accept", "application/json")
		w := httptest.NewRecorder()
		server.New(jailOver(t, b, p), server.Config{List: true, Write: true}).ServeHTTP(w, r.WithContext(auth.WithPrincipal(t.Context(), auth.Principal{Name: c.user})))
		var got struct{ Can []string }
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != 200 {
			t.Fatal(w.Code, err)
		}
		if !slices.Equal(got.Can, strings.Fields(c.want)) {
			t.Errorf("%s, %s in %s: %q, want %s", c.allow, c.user, c.dir, got.Can, c.want)
		}
	}
}

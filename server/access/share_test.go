package access_test

import (
	"testing"

	"github.com/bailiwick-fs/bailiwick/server/access"
	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// shareRules let alice share below docs/pub, but read more, and write in drop.
func shareRules(t *testing.T) *access.List {
	return compile(t, nil,
		access.Rule{Who: "user:alice", Can: []vfs.Op{access.OpShare}, Names: []string{"docs/pub/**", "drop/**"}},
		access.Rule{Who: "user:alice", Can: []vfs.Op{vfs.OpRead, vfs.OpList}, Names: []string{"docs/**"}},
		access.Rule{Who: "user:alice", Can: []vfs.Op{vfs.OpWrite, vfs.OpDelete}},
		access.Rule{Who: "user:bob", Can: []vfs.Op{vfs.OpRead, vfs.OpList}, Names: []string{"docs/**"}},
		access.Rule{Who: "anyone", Can: []vfs.Op{access.OpShare, vfs.OpRead}, Names: []string{"open/**"}},
	)
}

func TestMayShare(t *testing.T) {
	l := shareRules(t)
	for _, tt := range []struct {
		user, name string
		dir        bool
		want       bool
	}{
		{"alice", "docs/pub/a", false, true},
		{"alice", "docs/pub", true, true},
		{"alice", "docs", true, true}, // something in it
		{"alice", ".", true, true},
		{"alice", "docs/a", false, false},
		{"alice", "docs/secret", true, false},
		{"bob", "docs/pub/a", false, false},
		{"bob", "docs/pub", true, false},
		{"bob", "open/a", false, true},
		{"", "open/a", false, false},
		{"", "open", true, false},
	} {
		ctx := auth.WithPrincipal(t.Context(), auth.Principal{Name: tt.user})
		if got := access.MayShare(ctx, l, name(t, tt.name), tt.dir); got != tt.want {
			t.Errorf("%q may share %s (directory: %t): %t", tt.user, tt.name, tt.dir, got)
		}
		if !tt.dir && (l.Authorize(ctx, access.OpShare, name(t, tt.name)) == nil) != tt.want {
			t.Errorf("Authorize of %q for %s differs", tt.user, tt.name)
		}
		if got := access.MayShare(ctx, access.Anyone(), name(t, tt.name), tt.dir); got != (tt.user != "") {
			t.Errorf("without rules, %q may share: %t", tt.user, got)
		}
		if access.MayShare(ctx, nil, name(t, tt.name), tt.dir) || access.MayShare(ctx, access.Func(nil), name(t, tt.name), tt.dir) {
			t.Error("without an Authorizer, or with one that allows nothing, a name may be shared")
		}
	}
	if l.Open(access.OpShare) || l.OpenTo(access.OpShare, name(t, "open/a")) || access.Anyone().Open(access.OpShare) {
		t.Error("everyone may share")
	}
}

// TestShared compares, for every operation, name, share and issuer, what a share permits with
// what its issuer may do: it never permits more.
func TestShared(t *testing.T) {
	l := shareRules(t)
	shared := access.Shared(l)
	names := []string{".", "docs", "docs/a", "docs/pub", "docs/pub/a", "docs/pub/deep/a", "docs/pubx", "docs/secret/a", "drop/a", "open/a", "a"}
	permitted := 0
	for _, issuer := range []string{"", "alice", "bob"} {
		for _, path := range names {
			for _, s := range []access.Share{{}, {Dir: true}, {Dir: true, Upload: true}, {Upload: true}} {
				s.Path = name(t, path)
				ctx := access.WithShare(t.Context(), s, auth.Principal{Name: issuer})
				for _, op := range append(all, access.OpShare, "") {
					for _, at := range names {
						n := name(t, at)
						if shared.Authorize(ctx, op, n) != nil {
							continue
						}
						permitted++
						_, below := n.Within(s.Path)
						switch {
						case l.Authorize(ctx, op, n) != nil, !access.MayShare(ctx, l, n, op == vfs.OpList):
							t.Errorf("%+v of %q permits to %s %s, its issuer may not", s, issuer, op, at)
						case !below, !s.Dir && n != s.Path:
							t.Errorf("%+v permits to %s %s, which is outside", s, op, at)
						case op == vfs.OpWrite != s.Upload, op != vfs.OpWrite && op != vfs.OpRead && op != vfs.OpList:
							t.Errorf("%+v permits to %s %s", s, op, at)
						}
					}
				}
			}
		}
	}
	if permitted < 20 {
		t.Errorf("the shares permit only %d operations, so the test shows nothing", permitted)
	}
	// The control: the same requests without the restriction.
	ctx := auth.WithPrincipal(t.Context(), auth.Principal{Name: "alice"})
	if l.Authorize(ctx, vfs.OpDelete, name(t, "docs/a")) != nil {
		t.Error("alice cannot do without a share what a share must not permit")
	}
	if shared.Authorize(ctx, vfs.OpRead, name(t, "docs/pub/a")) == nil {
		t.Error("a request without a share is permitted")
	}
	// A grant of a signed link opens nothing.
	n := name(t, "docs/pub/a")
	granted := auth.WithGrant(t.Context(), auth.Grant{Op: vfs.OpRead, Name: n})
	ctx = access.WithShare(granted, access.Share{Path: n}, auth.Principal{Name: "mallory"})
	if shared.Authorize(ctx, vfs.OpRead, n) == nil {
		t.Error("a grant opens a share of somebody without rights")
	}
	if shared.Open(vfs.OpRead) || shared.OpenTo(vfs.OpRead, n) || access.Shared(nil).Authorize(ctx, vfs.OpRead, n) == nil {
		t.Error("it is open to anyone")
	}
}

package server_test

import (
	"context"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/access"
	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// byOwner allows everybody to read and delete the uploads of "public", and owners their
// own.
type byOwner struct{}

func (byOwner) Authorize(ctx context.Context, _ vfs.Op, rec catalog.Record) error {
	if rec.Owner != "public" && rec.Owner != auth.FromContext(ctx).Name {
		return access.ErrDenied
	}
	return nil
}

func (byOwner) Open(vfs.Op) bool                         { return true }
func (byOwner) OpenTo(_ vfs.Op, rec catalog.Record) bool { return rec.Owner == "public" }

// An upload that is open to anyone does not let shared caches keep others: neither with a
// rule that names its ID, nor with a custom authorizer that decides by owner.
func TestCachesKeepOpenUploadsAlone(t *testing.T) {
	const private, public = "private, no-store", "public, max-age=3600"
	s := newUploads(t, server.UploadConfig{})
	s.url = start(t, s.handler)
	open := postRaw(t, s.url, "open.txt", "for all", "As", "public")
	owned := postRaw(t, s.url, "owned.txt", "hers", "As", "alice")

	l := rules(t, nil,
		access.Rule{Who: "anyone", Can: can(vfs.OpRead), Names: []string{open.ID}},
		access.Rule{Who: "owner", Can: can(vfs.OpRead)})
	for what, cfg := range map[string]server.UploadConfig{
		"a List":       {Authorize: server.UploadRules(l)},
		"custom rules": {Authorize: byOwner{}},
	} {
		cfg.MaxAge, cfg.Logger = time.Hour, quiet
		h := asPrincipal(server.NewUploads(s.jail, s.catalog, cfg))
		tag := request(t, h, "GET", "/"+owned.ID, "As", "alice").Header.Get("Etag")
		for _, tt := range []struct {
			target, cache string
			status        int
			headers       []string
		}{
			{"/" + open.ID, public, 200, nil},
			{"/" + open.ID + "?meta", "no-cache", 200, nil},
			{"/" + owned.ID, private, 200, nil},
			{"/" + owned.ID, private, 206, []string{"Range", "bytes=0-1"}},
			{"/" + owned.ID, private, 304, []string{"If-None-Match", tag}},
			{"/" + owned.ID, private, 412, []string{"If-Match", `"x"`}},
			{"/" + owned.ID, private, 416, []string{"Range", "bytes=99-"}},
			{"/" + owned.ID + "?meta", private, 200, nil},
		} {
			got := request(t, h, "GET", tt.target, append([]string{"As", "alice"}, tt.headers...)...)
			if got.Status != tt.status || got.Header.Get("Cache-Control") != tt.cache {
				t.Errorf("%s: %s %v: %d %q, want %d %q", what, tt.target, tt.headers, got.Status, got.Header.Get("Cache-Control"), tt.status, tt.cache)
			}
		}
	}
}

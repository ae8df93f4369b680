package server_test

import (
	"io/fs"
	"net/http"
	"testing"
	"testing/fstest"
	"time"

	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/access"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// linkedTree has public names that lead to private ones, directly and through others.
func linkedTree() vfs.Backend {
	m := tree(map[string]string{
		"pub/p.txt": "public", "pub/s.txt": "public", "pub/r.txt.gz": "coded",
		"private/r.txt": canary, "private/s.gz": canary, "private/index.html": canary,
	})
	for name, target := range map[string]string{
		"pub/r.txt": "../private/r.txt", "pub/d": "../private", "pub/twice.txt": "r.txt", "pub/open.txt": "p.txt",
		"private/back.txt": "../pub/p.txt", "pub/through.txt": "../private/back.txt",
		"pub/s.txt.gz": "../private/s.gz", "pub/i/index.html": "../../private/index.html",
	} {
		m[name] = &fstest.MapFile{Data: []byte(target), Mode: fs.ModeSymlink | 0o777}
	}
	return vfs.FromFS(m)
}

// A response may be cached only if anyone may read every name that links lead to. Otherwise, a
// shared cache would give alice's response to a public link to anonymous clients, who get a 404.
func TestCachesKeepNoGuardedTarget(t *testing.T) {
	const public, private = "public, max-age=3600", "private, no-store"
	p := allow("**")
	p.Symlinks = vfs.SymlinksInside
	p.Authorize = rules(t, nil,
		access.Rule{Who: "anyone", Can: can(vfs.OpRead), Names: []string{"pub/**"}},
		access.Rule{Who: "authenticated", Can: can(vfs.OpRead), Names: []string{"private/**"}})
	j := jailOver(t, linkedTree(), p)
	plain := server.New(j, server.Config{MaxAge: time.Hour, Logger: quiet})
	sidecars := server.New(j, server.Config{MaxAge: time.Hour, Sidecars: true, Logger: quiet})
	fallback := server.New(j, server.Config{Fallback: mustParse(t, "pub/r.txt"), Logger: quiet})
	send := func(opts server.SendOptions) http.Handler {
		opts.MaxAge, opts.Logger = time.Hour, quiet
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			server.SendFile(w, r, j, r.URL.Path[1:], opts)
		})
	}
	for _, tt := range []struct {
		h       http.Handler
		target  string
		cache   string // of what alice gets
		shown   bool   // anonymous clients get it, too
		headers []string
	}{
		{plain, "/pub/p.txt", public, true, nil},
		{plain, "/pub/open.txt", public, true, nil},
		{plain, "/pub/r.txt", private, false, nil},
		{plain, "/pub/twice.txt", private, false, nil},
		{plain, "/pub/through.txt", private, false, nil},
		{plain, "/pub/d/r.txt", private, false, nil},
		{plain, "/pub/i/", private, false, nil},
		{plain, "/private/r.txt", private, false, nil},
		{sidecars, "/pub/s.txt", public, true, nil},
		{sidecars, "/pub/s.txt", private, true, []string{"Accept-Encoding", "gzip"}},
		// The sidecar is public, but is served only to those who may read the original.
		{sidecars, "/pub/r.txt", private, false, []string{"Accept-Encoding", "gzip"}},
		{fallback, "/pub/missing", private, false, nil},
		{send(server.SendOptions{}), "/pub/p.txt", public, true, nil},
		{send(server.SendOptions{}), "/pub/r.txt", private, false, nil},
		{send(server.SendOptions{ETag: "v1"}), "/pub/r.txt", private, false, nil},
	} {
		h := asPrincipal(tt.h)
		for _, cond := range []struct {
			status  int
			headers []string
		}{
			{200, nil}, {206, []string{"Range", "bytes=0-0"}}, {200, []string{"Range", "bytes=0-0", "If-Range", `"x"`}},
			{304, []string{"If-None-Match", "*"}}, {412, []string{"If-Match", `"x"`}}, {416, []string{"Range", "bytes=99-"}},
		} {
			for _, method := range []string{"GET", "HEAD"} {
				headers := append(append([]string{"As", "alice"}, tt.headers...), cond.headers...)
				got := request(t, h, method, tt.target, headers...)
				want, cache := cond.status, tt.cache
				if method == "HEAD" && (want == 206 || want == 416) {
					want = 200
				}
				if cache == public && want >= 400 {
					cache = "no-cache"
				}
				if got.Status != want || got.Header.Get("Cache-Control") != cache {
					t.Errorf("%s %s %v: %d %q, want %d %q", method, tt.target, headers, got.Status, got.Header.Get("Cache-Control"), want, cache)
				}
				if got := request(t, h, method, tt.target, headers[2:]...); (got.Status != 404) != tt.shown {
					t.Errorf("%s %s %v without credentials: %d", method, tt.target, headers[2:], got.Status)
				}
			}
		}
	}
}

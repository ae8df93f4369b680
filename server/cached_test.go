package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
)

// An answeringBackend tells how it answered, as a cache does.
type answeringBackend struct {
	vfs.Backend
	how map[string]driver.CacheStatus // by name
	in  map[string]int                // the layer, by name
}

func (b answeringBackend) tell(ctx context.Context, n vfs.Name) {
	if a := driver.AnswerOf(ctx); a != nil {
		a.Cache, a.Layer = b.how[n.String()], b.in[n.String()]
	}
}

func (b answeringBackend) Open(ctx context.Context, n vfs.Name, req vfs.Request) (*vfs.Object, error) {
	b.tell(ctx, n)
	return b.Backend.Open(ctx, n, req)
}

func (b answeringBackend) Stat(ctx context.Context, n vfs.Name, req vfs.Request) (vfs.Info, error) {
	b.tell(ctx, n)
	return b.Backend.Stat(ctx, n, req)
}

// The record has how a cache answered for what was sent: not for a variant that was
// missing, and not for the request before.
func TestRecordOfCache(t *testing.T) {
	var out bytes.Buffer
	log := audit.NewLog(&out, audit.LogOptions{})
	b := answeringBackend{vfs.FromFS(tree(map[string]string{"a.txt": "a", "b.txt": "b", "c.txt": "c", "c.txt.br": "c", "sub/index.html": "i"})), map[string]driver.CacheStatus{
		"a.txt": driver.CacheHit, "a.txt.br": driver.CacheMiss, "c.txt": driver.CacheBypass, "c.txt.br": driver.CacheStale,
		"sub/index.html": driver.CacheRevalidated, "gone.txt": driver.CacheMiss, "secret.txt": driver.CacheHit,
	}, nil}
	p := allow("**")
	p.Deny = vfs.Patterns("secret.txt")
	url := start(t, server.New(jailOver(t, b, p), server.Config{Recorder: log, Sidecars: true}))
	var want []string
	for _, c := range []struct{ method, target, cache string }{
		{"GET", "/a.txt", "hit"}, {"GET", "/b.txt", ""}, {"GET", "/c.txt", "stale"}, {"HEAD", "/a.txt", "hit"}, {"GET", "/sub/", "revalidated"},
		{"GET", "/gone.txt", "miss"}, {"GET", "/secret.txt", ""}, {"GET", "/%2e%2e/a.txt", ""},
	} {
		get(t, c.method, url+c.target, "Accept-Encoding", "br")
		want = append(want, c.method+" "+c.target+" "+c.cache)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	for i, text := range strings.Split(strings.TrimSpace(out.String()), "\n") {
		var l struct{ Method, Raw, Cache string }
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Fatal(err)
		}
		if got := l.Method + " " + l.Raw + " " + l.Cache; got != want[i] {
			t.Errorf("%q, want %q", got, want[i])
		}
		if l.Cache == "" && strings.Contains(text, "cache") {
			t.Errorf("a field without a cache: %s", text)
		}
	}
}

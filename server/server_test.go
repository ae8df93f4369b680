package server_test

import (
	"context"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// modTime is the modification time of every file in the trees of the tests.
var modTime = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// tree returns a file system with the given names and contents.
func tree(files map[string]string) fstest.MapFS {
	m := fstest.MapFS{}
	for name, data := range files {
		m[name] = &fstest.MapFile{Data: []byte(data), ModTime: modTime}
	}
	return m
}

// jail returns a jail over files, with policy p.
func jail(t testing.TB, files map[string]string, p vfs.Policy) *vfs.Jail {
	t.Helper()
	return jailOver(t, vfs.FromFS(tree(files)), p)
}

func jailFS(files map[string]string) vfs.Backend { return vfs.FromFS(tree(files)) }

// A countedBackend counts the calls that reach it.
type countedBackend struct {
	vfs.Backend
	calls atomic.Int64
}

func counted(b vfs.Backend) *countedBackend { return &countedBackend{Backend: b} }

func (c *countedBackend) Open(ctx context.Context, n vfs.Name, req vfs.Request) (*vfs.Object, error) {
	c.calls.Add(1)
	return c.Backend.Open(ctx, n, req)
}

func (c *countedBackend) Stat(ctx context.Context, n vfs.Name, req vfs.Request) (vfs.Info, error) {
	c.calls.Add(1)
	return c.Backend.Stat(ctx, n, req)
}

func (c *countedBackend) List(ctx context.Context, dir vfs.Name, after string) iter.Seq2[vfs.Entry, error] {
	c.calls.Add(1)
	return c.Backend.List(ctx, dir, after)
}

func (c *countedBackend) Put(ctx context.Context, n vfs.Name, body io.Reader, opts vfs.PutOptions) (vfs.Info, error) {
	c.calls.Add(1)
	return c.Backend.Put(ctx, n, body, opts)
}

func (c *countedBackend) Remove(ctx context.Context, n vfs.Name, cond vfs.Cond) error {
	c.calls.Add(1)
	return c.Backend.Remove(ctx, n, cond)
}

func jailOver(t testing.TB, b vfs.Backend, p vfs.Policy) *vfs.Jail {
	t.Helper()
	j, err := vfs.New(b, p)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func allow(patterns ...string) vfs.Policy { return vfs.Policy{Allow: vfs.Patterns(patterns...)} }

// start serves h on a real listener and returns its URL.
func start(t testing.TB, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// client follows no redirects and does not ask for compression.
var client = &http.Client{
	Transport:     &http.Transport{DisableCompression: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// A reply is a complete response.
type reply struct {
	Status int
	Header http.Header
	Body   string
}

// get sends a request with headers given as pairs.
func get(t testing.TB, method, url string, headers ...string) reply {
	t.Helper()
	return sendRequest(t, method, url, nil, headers...)
}

func TestServesObject(t *testing.T) {
	j := jail(t, map[string]string{"docs/a.html": "<p>hello</p>"}, allow("**"))
	url := start(t, server.New(j, server.Config{}))

	r := get(t, "GET", url+"/docs/a.html")
	if r.Status != 200 || r.Body != "<p>hello</p>" {
		t.Fatalf("got %d %q", r.Status, r.Body)
	}
	for key, want := range map[string]string{
		"Content-Type":           "text/html; charset=utf-8",
		"Content-Length":         "12",
		"Last-Modified":          "Wed, 04 Mar 2026 05:06:07 GMT",
		"Cache-Control":          "no-cache",
		"Accept-Ranges":          "bytes",
		"X-Content-Type-Options": "nosniff",
	} {
		if got := r.Header.Get(key); got != want {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
	if tag := r.Header.Get("Etag"); len(tag) < 3 || tag[0] != '"' {
		t.Errorf("ETag %q is not strong", tag)
	}

	head := get(t, "HEAD", url+"/docs/a.html")
	r.Header.Del("Date")
	head.Header.Del("Date")
	if head.Status != 200 || head.Body != "" {
		t.Errorf("HEAD: %d %q", head.Status, head.Body)
	}
	sameHeaders(t, head.Header, r.Header)

	if r := get(t, "GET", url+"/docs/b.html"); r.Status != 404 || r.Body != "not found\n" {
		t.Errorf("missing: %d %q", r.Status, r.Body)
	}
}

func sameHeaders(t testing.TB, got, want http.Header) {
	t.Helper()
	for key := range want {
		if g, w := got.Values(key), want.Values(key); len(g) != len(w) || g[0] != w[0] {
			t.Errorf("%s: %q, want %q", key, g, w)
		}
	}
	for key := range got {
		if want[key] == nil {
			t.Errorf("%s: %q, want none", key, got[key])
		}
	}
}

// quiet is a logger for tests that make things fail.
var quiet = slog.New(slog.DiscardHandler)

// A recorder keeps the attempts that it records.
type recorder struct {
	mu   sync.Mutex
	list []audit.Attempt
	more chan struct{}
}

func (r *recorder) Record(a *audit.Attempt) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = append(r.list, *a)
	if r.more != nil {
		close(r.more)
		r.more = nil
	}
}

// wait returns the attempts once there are n. It has to wait, since a client receives the
// response before the handler returns.
func (r *recorder) wait(t testing.TB, n int) []audit.Attempt {
	t.Helper()
	for {
		r.mu.Lock()
		if len(r.list) >= n {
			defer r.mu.Unlock()
			return slices.Clone(r.list)
		}
		more := make(chan struct{})
		r.more = more
		r.mu.Unlock()
		select {
		case <-more:
		case <-t.Context().Done():
			t.Fatal("a record is missing")
		}
	}
}

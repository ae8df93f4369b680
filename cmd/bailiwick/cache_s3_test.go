//go:build unix

package main

import (
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
)

// Behind a cache, S3 is asked once for an object and once for a missing one, only for the
// blocks of a range, and with a TTL of 0 by a request without a body. Each record says how
// the cache answered, and refused names do not reach it.
func TestServeCache(t *testing.T) {
	s := startBucketSite(t)
	large := strings.Repeat("0123456789abcdef", 3<<16) // 3 MiB
	s.put(t, "large.html", large)
	dir := filepath.Join(t.TempDir(), "new", "cache")
	serve := func(args ...string) *process {
		t.Helper()
		return serveTree(t, s.source, append([]string{"--allow", "**/*.html", "--deny", "drafts", "--write", "--cache", dir, "--cache-size", "64MiB"}, args...)...)
	}
	asks := func(p *process, request, byteRange string, status int, body, cache string, calls ...string) {
		t.Helper()
		s.gateway.Reset(t)
		before := len(p.records())
		got := exchange(t, p.url, request, byteRange)
		if got.status != status || got.body != body {
			t.Errorf("%s %s: %d %.20q, want %d %.20q", request, byteRange, got.status, got.body, status, body)
		}
		var made []string
		for _, r := range s.gateway.Requests(t) {
			made = append(made, r.Op)
		}
		if !slices.Equal(made, calls) {
			t.Errorf("%s %s cost %q, want %q", request, byteRange, made, calls)
		}
		record := p.awaitRecord(before)
		if how := cacheField.FindStringSubmatch(record); cache == "" && how != nil || cache != "" && (how == nil || how[1] != cache) {
			t.Errorf("%s %s: want %q in %s", request, byteRange, cache, record)
		}
		keepsSecret(t, s, request, got.header)
	}
	changes := func(p *process, request, body string, status int) {
		t.Helper()
		before := len(p.records())
		method, path, _ := strings.Cut(request, " ")
		if got := change(t, method, p.url+path, body); got != status {
			t.Errorf("%s: %d, want %d", request, got, status)
		}
		if record := p.awaitRecord(before); cacheField.MatchString(record) {
			t.Errorf("%s: %s", request, record)
		}
	}
	p := serve("--cache-ttl", "1h")
	p.await(regexp.MustCompile(`^cache: up to 64MiB in ` + regexp.QuoteMeta(dir) + `; a change that another program makes is seen after 1h$`))
	asks(p, "GET /docs/a.html", "", 200, "a", "miss", "GetObject")
	asks(p, "GET /docs/a.html", "", 200, "a", "hit")
	asks(p, "HEAD /docs/a.html", "", 200, "", "hit")
	asks(p, "GET /large.html", "bytes=1048576-1048579", 206, "0123", "miss", "GetObject")
	asks(p, "GET /large.html", "bytes=1048592-1048593", 206, "01", "hit")
	asks(p, "GET /nosuch.html", "", 404, "not found\n", "miss", "GetObject")
	asks(p, "GET /nosuch.html", "", 404, "not found\n", "hit")
	asks(p, "GET /drafts/b.html", "", 404, "not found\n", "")
	asks(p, "GET /%2e%2e/other.html", "", 404, "not found\n", "")
	// What is written through the server is seen at once, whatever the TTL is.
	changes(p, "PUT /docs/a.html", "changed", 204)
	asks(p, "GET /docs/a.html", "", 200, "changed", "miss", "GetObject")
	asks(p, "GET /docs/a.html", "", 200, "changed", "hit")
	changes(p, "DELETE /docs/a.html", "", 204)
	asks(p, "GET /docs/a.html", "", 404, "not found\n", "miss", "GetObject")
	changes(p, "PUT /docs/a.html", "again", 201)
	asks(p, "GET /docs/a.html", "", 200, "again", "miss", "GetObject")
	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != cli.ExitDone {
		t.Errorf("exit code %d", code)
	}

	// The next server uses what is in the directory.
	p = serve()
	p.await(regexp.MustCompile(`^cache: .*the source is asked at each request`))
	asks(p, "GET /docs/a.html", "", 200, "again", "revalidated", "GetObject")
	asks(p, "GET /docs/a.html", "", 200, "again", "revalidated", "GetObject")
	asks(p, "GET /large.html", "bytes=1048600-1048601", 206, "89", "revalidated", "GetObject")
}

// Behind a cache, precompressed variants cost requests only once, also those that are
// missing.
func TestServeCachePrecompressed(t *testing.T) {
	s := startBucketSite(t)
	s.put(t, "a.js", "original")
	s.put(t, "a.js.gz", "gzipped")
	p := serveTree(t, s.source, "--allow", "*.js", "--allow", "*.gz", "--allow", "*.br", "--precompressed", "--cache", t.TempDir(), "--cache-ttl", "1h")
	for _, want := range []int{3, 0, 0} { // the original, .br and .gz
		s.gateway.Reset(t)
		req, err := http.NewRequestWithContext(t.Context(), "GET", p.url+"/a.js", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept-Encoding", "br, gzip")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || string(body) != "gzipped" || resp.Header.Get("Content-Encoding") != "gzip" {
			t.Errorf("%q, %v, %v", body, resp.Header, err)
		}
		if n := len(s.gateway.Requests(t)); n != want {
			t.Errorf("%d requests to S3, want %d", n, want)
		}
	}
}

// While S3 is unavailable, known objects are served, and only those.
func TestServeCacheStale(t *testing.T) {
	s := startBucketSite(t)
	p := serveTree(t, s.source, "--allow", "**/*.html", "--cache", t.TempDir(), "--cache-stale", "1h")
	if status, body := get(t, p.url+"/docs/a.html"); status != 200 || body != "a" {
		t.Fatal(status, body)
	}
	s.gateway.Stop()
	before := len(p.records())
	if status, body := get(t, p.url+"/docs/a.html"); status != 200 || body != "a" {
		t.Errorf("%d %q", status, body)
	}
	if record := p.awaitRecord(before); !strings.Contains(record, `"cache":"stale"`) {
		t.Error(record)
	}
	if status, _ := get(t, p.url+"/index.html"); status != 503 {
		t.Errorf("an object that is not in the cache: %d", status)
	}
}

// One directory belongs to one server.
func TestServeCacheTwice(t *testing.T) {
	s := startBucketSite(t)
	dir := t.TempDir()
	p := serveTree(t, s.source, "--allow", "**/*.html", "--cache", dir)
	code, _, stderr := runCommand(t, "serve", s.source, "--allow", "**/*.html", "--listen", "127.0.0.1:0", "--cache", dir)
	if want := "--cache: " + dir + " is in use by another process; name a directory of its own\n"; code != cli.ExitFailed || !strings.HasSuffix(stderr, want) {
		t.Errorf("exit code %d, %q", code, stderr)
	}
	p.signal(syscall.SIGKILL)
	p.exit()
	serveTree(t, s.source, "--allow", "**/*.html", "--cache", dir)
}

var (
	recordLine = regexp.MustCompile(`^\{"time":.*\}$`)
	cacheField = regexp.MustCompile(`"cache":"([a-z]+)"`)
)

// records returns the records on standard error so far.
func (p *process) records() []string {
	var all []string
	for _, line := range p.said() {
		if recordLine.MatchString(line) {
			all = append(all, line)
		}
	}
	return all
}

// awaitRecord waits for the record after the first n.
func (p *process) awaitRecord(n int) string {
	p.t.Helper()
	for {
		p.mu.Lock()
		more := p.more
		p.mu.Unlock()
		if all := p.records(); len(all) > n {
			return all[n]
		}
		select {
		case <-more:
		case <-p.ended:
			p.t.Fatal("the server ended without a record")
		}
	}
}

// change sends a request with a body, and returns the status.
func change(t *testing.T, method, url, body string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

// put stores an object of the site, as another program would.
func (s *bucketSite) put(t *testing.T, name, text string) {
	t.Helper()
	bucket, key := siteBucket, sitePrefix+"/"+name
	if _, err := s.gateway.Client(t).PutObject(t.Context(), &awss3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader(text)}); err != nil {
		t.Fatal(err)
	}
}

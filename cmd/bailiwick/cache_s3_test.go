//go:build unix

package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

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
	// once makes a request and returns how the cache answered.
	once := func(p *process, request, byteRange string, status int, body string, calls []string) (cache, record string) {
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
		keepsSecret(t, s, request, got.header)
		record = p.awaitRecord(before)
		if how := cacheField.FindStringSubmatch(record); how != nil {
			cache = how[1]
		}
		return cache, record
	}
	asks := func(p *process, request, byteRange string, status int, body, cache string, calls ...string) {
		t.Helper()
		got, record := once(p, request, byteRange, status, body, calls)
		// While the last block of the request before is being stored, it is a miss.
		for end := time.Now().Add(patience); got == "miss" && cache != "miss" && time.Now().Before(end); {
			got, record = once(p, request, byteRange, status, body, calls)
		}
		if got != cache {
			t.Errorf("%s %s: want %q in %s", request, byteRange, cache, record)
		}
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
	if said := strings.Join(p.said(), "\n"); strings.Contains(said, "landlock: on") && !regexp.MustCompile(`landlock: read and write: .*`+regexp.QuoteMeta(dir)+`\n`).MatchString(said) {
		t.Errorf("Landlock does not allow the directory:\n%s", said)
	}
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
	// Many clients for one new object cost no more requests than it has blocks.
	s.put(t, "crowd.html", large)
	s.gateway.Reset(t)
	var crowd sync.WaitGroup
	for range 30 {
		crowd.Go(func() {
			resp, err := http.Get(p.url + "/crowd.html")
			if err != nil {
				t.Error(err)
				return
			}
			defer resp.Body.Close()
			if body, err := io.ReadAll(resp.Body); err != nil || string(body) != large {
				t.Errorf("%d bytes of %d: %v", len(body), len(large), err)
			}
		})
	}
	crowd.Wait()
	if made := s.gateway.Requests(t); len(made) > 3 {
		t.Errorf("30 clients cost %v", made)
	}
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
	s.put(t, "docs/a.html", "replaced")
	asks(p, "GET /docs/a.html", "", 200, "replaced", "miss", "GetObject")
	asks(p, "GET /docs/a.html", "", 200, "replaced", "revalidated", "GetObject")
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
	record := `"cache":"miss"` // also while the object is still being stored
	for end := time.Now().Add(patience); strings.Contains(record, `"cache":"miss"`) && time.Now().Before(end); {
		before := len(p.records())
		if status, body := get(t, p.url+"/docs/a.html"); status != 200 || body != "a" {
			t.Errorf("%d %q", status, body)
		}
		record = p.awaitRecord(before)
	}
	if !strings.Contains(record, `"cache":"stale"`) {
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

	// What is in a directory by mistake is left alone.
	files := tree(t, map[string]string{"full/a": "a", "file": ""})
	for name, want := range map[string]string{"full": " is not empty, and is not a cache\n", "file": "file: not a directory\n"} {
		code, _, stderr := runCommand(t, "serve", s.source, "--allow", "**/*.html", "--listen", "127.0.0.1:0", "--cache", filepath.Join(files, name))
		if code != cli.ExitUsage || !strings.HasPrefix(stderr, "bailiwick: --cache: ") || !strings.HasSuffix(stderr, want) {
			t.Errorf("%s: exit code %d, %q", name, code, stderr)
		}
	}
	if _, err := os.Stat(filepath.Join(files, "full", "a")); err != nil {
		t.Error(err)
	}
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

// A reload keeps a cache open if its key is unchanged, and closes it if it is gone.
func TestServeCacheReload(t *testing.T) {
	s := startBucketSite(t)
	dir, etc := filepath.Join(t.TempDir(), "cache"), t.TempDir()
	config := func(caches string) {
		t.Helper()
		writeConfig(t, etc, "admin: 127.0.0.1:0\nmounts:\n  - source: "+s.source+"\n    allow: ['**/*.html']\n"+caches)
	}
	with := "    cache: {dir: " + dir + ", ttl: 1h}\n"
	writes := "  - {path: /in, source: '" + s.source + "', allow: ['**'], write: true, cache: {dir: " + dir + ", ttl: 1h}}\n"
	config(with + writes)
	p := launch(t, command("serve", "--config", filepath.Join(etc, "bailiwick.yaml")))
	reloads := 0
	reload := func() {
		t.Helper()
		reloads++
		p.signal(syscall.SIGHUP)
		p.awaitCount(reloadedLine, reloads)
	}
	cost := func(path, body string, calls int) {
		t.Helper()
		s.gateway.Reset(t)
		if status, got := get(t, p.url+path); status != 200 || got != body {
			t.Errorf("%s: %d %q", path, status, got)
		}
		if made := s.gateway.Requests(t); len(made) != calls {
			t.Errorf("%s cost %v, want %d", path, made, calls)
		}
	}
	cost("/docs/a.html", "a", 1)
	cost("/in/docs/a.html", "a", 0) // the mounts share the cache
	reload()
	cost("/docs/a.html", "a", 0)
	metric := func(name, want string) {
		t.Helper()
		if got := p.counts(t)[name]; got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	// A hit while the object is still being stored counts as a miss.
	all := 0
	for metric, value := range p.counts(t) {
		if n, err := strconv.Atoi(value); err == nil && strings.HasPrefix(metric, `bailiwick_cache_requests_total{dir="`+dir+`",outcome=`) {
			all += n
		}
	}
	if all != 3 {
		t.Errorf("%d requests to the cache, want 3", all)
	}
	metric(`bailiwick_cache_bytes_total{dir="`+dir+`",from="source"}`, "1")
	metric(`bailiwick_cache_size_limit_bytes{dir="`+dir+`"}`, "1.073741824e+09")
	metric(`bailiwick_cache_objects{dir="`+dir+`"}`, "1")
	if got := change(t, "PUT", p.url+"/in/docs/a.html", "b"); got != 204 {
		t.Errorf("PUT: %d", got)
	}
	cost("/docs/a.html", "b", 1)
	cost("/docs/a.html", "b", 0)
	// Other settings cannot be applied while the directory is in use.
	config(strings.ReplaceAll(with+writes, "1h", "2h"))
	p.signal(syscall.SIGHUP)
	p.await(regexp.MustCompile(`^reload refused, .*bailiwick\.yaml:[0-9]+: mounts\[0\]\.cache\.dir: ` + regexp.QuoteMeta(dir) + ` is in use by this server with other settings`))
	cost("/docs/a.html", "b", 0)

	config("")
	reload()
	cost("/docs/a.html", "b", 1)
	cost("/docs/a.html", "b", 1)
	metric(`bailiwick_cache_objects{dir="`+dir+`"}`, "")
	other := serveTree(t, s.source, "--allow", "**/*.html", "--cache", dir) // it is free
	if status, body := get(t, other.url+"/docs/a.html"); status != 200 || body != "b" {
		t.Error(status, body)
	}
}

// If the directory is removed under the server, objects come from S3, and the log says why.
func TestServeCacheRemoved(t *testing.T) {
	s := startBucketSite(t)
	dir := filepath.Join(t.TempDir(), "cache")
	p := serveTree(t, s.source, "--allow", "**/*.html", "--cache", dir, "--cache-ttl", "1h")
	if status, body := get(t, p.url+"/docs/a.html"); status != 200 || body != "a" {
		t.Fatal(status, body)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		for path, want := range map[string]string{"/docs/a.html": "a", "/index.html": "top"} {
			if status, body := get(t, p.url+path); status != 200 || body != want {
				t.Errorf("%s: %d %q", path, status, body)
			}
		}
	}
	warning := regexp.MustCompile(`level=WARN msg="the cache is not used for new objects, its directory fails" dir=` + regexp.QuoteMeta(dir))
	p.await(warning)
	p.stop()
	warnings := 0
	for _, line := range p.said() {
		if warning.MatchString(line) {
			warnings++
		}
	}
	if warnings != 1 {
		t.Errorf("%d warnings in less than a minute", warnings)
	}
}

// A link that is redirected to S3 bypasses the cache, which keeps nothing for it.
func TestServeCacheRedirect(t *testing.T) {
	s := startBucketSite(t)
	keys := filepath.Join(t.TempDir(), "keys")
	write(t, keys, linkKeys)
	p := serveTree(t, s.source, "--allow", "**/*.html", "--cache", t.TempDir(), "--cache-ttl", "1h", "--link-keys", keys, "--link-redirect", "1m")
	before := len(p.records())
	resp := request(t, p.url+signed(t, keys, "/docs/a.html"))
	if resp.StatusCode != 307 || !strings.HasPrefix(resp.Header.Get("Location"), s.gateway.Endpoint) {
		t.Errorf("%d %v", resp.StatusCode, resp.Header)
	}
	if record := p.awaitRecord(before); !strings.Contains(record, `"cache":"bypass"`) {
		t.Error(record)
	}
}

// Uploads never change, so S3 is not asked about one a second time, whatever the TTL is.
func TestServeCacheUploads(t *testing.T) {
	s := startBucketSite(t)
	p := serveTree(t, s.source, "--uploads", "--catalog", "sqlite:"+filepath.Join(t.TempDir(), "c.db"), "--cache", t.TempDir())
	p.await(regexp.MustCompile(`^cache: .*; uploads never change$`))
	files, status, err := post(p.url, strings.NewReader("text"), "Content-Disposition", "attachment; filename=a.txt")
	if err != nil || status != 201 {
		t.Fatal(status, err)
	}
	id := files[0].ID
	for i, calls := range []int{1, 0, 0} {
		s.gateway.Reset(t)
		if status, body := get(t, p.url+"/"+id); status != 200 || body != "text" {
			t.Errorf("%d %q", status, body)
		}
		if made := s.gateway.Requests(t); len(made) != calls {
			t.Errorf("GET %d cost %v, want %d", i, made, calls)
		}
	}
	if got := change(t, "DELETE", p.url+"/"+id, ""); got != 204 {
		t.Errorf("DELETE: %d", got)
	}
	if status, _ := get(t, p.url+"/"+id); status != 404 {
		t.Errorf("a deleted upload: %d", status)
	}
}

// A cache is refused where all of it cannot be removed at any time, or might be served.
func TestServeCacheRefused(t *testing.T) {
	dir := tree(t, map[string]string{"site/a.html": "a", "etc/users": users, "x": ""})
	if err := os.Symlink("site", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ cache, want string }{
		{"site/sub/cache", "is inside"},
		{"link/cache", "is inside"},
		{".", "contains"},
		{"etc", "one of the server's own files"},
	} {
		writeConfig(t, filepath.Join(dir, "etc"), fmt.Sprintf(`
users: {htpasswd: users}
mounts:
  - {source: ../site, allow: ['**']}
  - path: /s3
    source: "s3://bucket/x?endpoint=http://127.0.0.1:1"
    allow: ['**']
    access: [{who: authenticated, can: [read]}]
    cache: {dir: ../%s}
`, c.cache))
		file := filepath.Join(dir, "etc", "bailiwick.yaml")
		for _, args := range [][]string{{"config", "check", file}, {"serve", "--config", file}} {
			code, _, stderr := runCommand(t, args...)
			if code != cli.ExitUsage || !strings.HasPrefix(strings.TrimPrefix(stderr, "bailiwick: "), file+":10: mounts[1].cache.dir: ") || !strings.Contains(stderr, c.want) || strings.Count(stderr, "\n") != 1 {
				t.Errorf("%s with a cache in %s: %d %q, want %q", args[0], c.cache, code, stderr, c.want)
			}
		}
	}
}

package server_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/backends/s3"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/testdata/s3gateway"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// Each S3 request costs money and a round trip, so the requests that the S3 server receives
// are counted.
var (
	oneGet  = []string{"GetObject"}
	oneHead = []string{"HeadObject"}
	oneList = []string{"ListObjectsV2"}
	nothing = []string{}
)

// countedSite is a site in a bucket, with counters for its S3 requests and the bytes
// fetched.
type countedSite struct {
	gateway   *s3gateway.Gateway
	transport *watchedTransport
	handler   http.Handler
	open      http.Handler // the same without Policy.Authorize
}

const countedFile = "docs/guide.txt"

func newCountedSite(t *testing.T, api func(*s3.Client) s3.API) *countedSite {
	g := s3gateway.Start(t)
	b := g.Bucket(t, "counts")
	plantKeys(t, b, map[string]string{
		"site/" + countedFile:      strings.Repeat("0123456789", 10_000),
		"site/docs/empty":          "",
		"site/docs/private.txt":    canary,
		"site/docs/drafts/new.txt": canary,
		"site/other.txt":           canary,
	})
	// A listing reads no objects, so plain files suffice, and are faster to create.
	for dir, n := range map[string]struct{ shown, hidden int }{"thousand": {1000, 0}, "more": {1001, 0}, "tail": {1000, 1}, "longtail": {1000, 1500}, "secret": {0, 3}} {
		if err := os.MkdirAll(b.Path("site/docs/"+dir), 0o755); err != nil {
			t.Fatal(err)
		}
		for i := range n.shown + n.hidden {
			name := fmt.Sprintf("%04d", i)
			if i >= n.shown {
				name = "hidden-" + name
			}
			if err := os.WriteFile(b.Path("site/docs/"+dir+"/"+name), nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	client := g.Client(t)
	transport := watch(client)
	p := vfs.Policy{
		Allow: vfs.Patterns("docs/**"),
		Deny:  vfs.Patterns("docs/drafts", "docs/*/hidden-*"),
		Authorize: vfs.AuthorizeFunc(func(_ context.Context, _ vfs.Op, n vfs.Name) error {
			if n.Base() == "private.txt" {
				return errors.New("not for you")
			}
			return nil
		}),
	}
	backend := bucketBackend(t, api(client), b, "site")
	site := &countedSite{gateway: g, transport: transport, handler: server.New(jailOver(t, backend, p), server.Config{List: true})}
	p.Authorize = nil
	site.open = server.New(jailOver(t, backend, p), server.Config{List: true})
	return site
}

// sendRequest sends a request and returns the response, the S3 operations and the bytes fetched.
func (s *countedSite) sendRequest(t *testing.T, method, target string, headers ...string) (r reply, ops []string, fetched int64) {
	t.Helper()
	s.gateway.Reset(t)
	before := s.transport.fetched.Load()
	r = request(t, s.handler, method, target, headers...)
	return r, operations(s.gateway.Requests(t)), s.transport.fetched.Load() - before
}

// TestS3Counts: an HTTP request causes at most one S3 request, with the exceptions below,
// and only the bytes that are served are fetched.
func TestS3Counts(t *testing.T) { eachRoad(t, testS3Counts) }

func testS3Counts(t *testing.T, api func(*s3.Client) s3.API) {
	s := newCountedSite(t, api)
	const path = "/" + countedFile
	first, _, _ := s.sendRequest(t, "GET", path)
	tag, date := first.Header.Get("Etag"), first.Header.Get("Last-Modified")
	if first.Status != 200 || tag == "" || date == "" {
		t.Fatalf("%d %v", first.Status, first.Header)
	}
	const long = "Sun, 01 Jan 2017 00:00:00 GMT"
	asJSON := []string{"Accept", "application/json"}

	for _, tt := range []struct {
		what, method, target string
		headers              []string
		status               int
		ops                  []string
	}{
		{"whole", "GET", path, nil, 200, oneGet},
		{"head", "HEAD", path, nil, 200, oneHead},
		{"closed range", "GET", path, []string{"Range", "bytes=500-69999"}, 206, oneGet},
		{"open range", "GET", path, []string{"Range", "bytes=99000-"}, 206, oneGet},
		{"suffix", "GET", path, []string{"Range", "bytes=-700"}, 206, oneGet},
		{"range past the end", "GET", path, []string{"Range", "bytes=99000-200000"}, 206, oneGet},
		{"several ranges", "GET", path, []string{"Range", "bytes=0-1,5-6"}, 200, oneGet},
		{"range at HEAD", "HEAD", path, []string{"Range", "bytes=0-1"}, 200, oneHead},
		{"304 by tag", "GET", path, []string{"If-None-Match", tag}, 304, oneGet},
		{"304 by weak tag", "GET", path, []string{"If-None-Match", "W/" + tag}, 304, oneGet},
		{"304 by date", "GET", path, []string{"If-Modified-Since", date}, 304, oneGet},
		{"304 by tag and date", "GET", path, []string{"If-None-Match", tag, "If-Modified-Since", long}, 304, oneGet},
		{"304 by tag at HEAD", "HEAD", path, []string{"If-None-Match", tag}, 304, oneHead},
		{"304 by date at HEAD", "HEAD", path, []string{"If-Modified-Since", date}, 304, oneHead},
		{"changed, by tag", "GET", path, []string{"If-None-Match", `"other"`}, 200, oneGet},
		{"changed, by date", "GET", path, []string{"If-Modified-Since", long}, 200, oneGet},
		{"If-Range holds", "GET", path, []string{"If-Range", tag, "Range", "bytes=5-9"}, 206, oneGet},
		{"empty", "GET", "/docs/empty", nil, 200, oneGet},
		{"missing", "GET", "/docs/missing.txt", nil, 404, oneGet},
		{"missing, no extension", "GET", "/docs/missing", nil, 404, oneGet},
		{"missing, with a range", "GET", "/docs/missing.txt", []string{"Range", "bytes=1-2"}, 404, oneGet},
		{"missing at HEAD", "HEAD", "/docs/missing.txt", nil, 404, oneHead},
		{"a directory without its slash", "GET", "/docs/thousand", nil, 404, oneGet},

		// Two cases need a second request: a 416 of S3 does not have the size, and a range
		// of a changed object becomes the whole object.
		{"416", "GET", path, []string{"Range", "bytes=100000-"}, 416, []string{"GetObject", "HeadObject"}},
		{"If-Range is stale", "GET", path, []string{"If-Range", `"other"`, "Range", "bytes=5-9"}, 200, []string{"GetObject", "GetObject"}},

		{"refused by grammar", "GET", "/docs/..%2fother.txt", nil, 404, nothing},
		{"dotdot", "GET", "/docs/%2e%2e/other.txt", nil, 404, nothing},
		{"a second slash", "GET", "/docs//guide.txt", nil, 404, nothing},
		{"denied", "GET", "/docs/drafts/new.txt", nil, 404, nothing},
		{"denied at HEAD", "HEAD", "/docs/drafts/new.txt", nil, 404, nothing},
		{"not allowed", "GET", "/other.txt", nil, 404, nothing},
		{"dotfile", "GET", "/docs/.env", nil, 404, nothing},
		{"refused by Authorize", "GET", "/docs/private.txt", nil, 404, nothing},
		{"a denied directory", "GET", "/docs/drafts/", asJSON, 404, nothing},
		{"method", "PUT", path, nil, 405, nothing},
		{"options", "OPTIONS", path, nil, 204, nothing},

		{"1,000 names", "GET", "/docs/thousand/", asJSON, 200, oneList},
		// S3 says that more names follow, but not whether the client may see them.
		{"first page of more", "GET", "/docs/more/", asJSON, 200, []string{"ListObjectsV2", "ListObjectsV2"}},
		{"1,000 names, and one hidden", "GET", "/docs/tail/", asJSON, 200, []string{"ListObjectsV2", "ListObjectsV2"}},
		{"nothing but what is hidden", "GET", "/docs/secret/", asJSON, 404, oneList},
		{"more by size", "GET", "/docs/more/?sort=size", asJSON, 200, []string{"ListObjectsV2", "ListObjectsV2"}},
		{"more by name", "GET", "/docs/more/?sort=name&limit=10", asJSON, 200, oneList},
		{"found in more", "GET", "/docs/more/?q=0999", asJSON, 200, []string{"ListObjectsV2", "ListObjectsV2"}},
		{"found in a thousand", "GET", "/docs/thousand/?q=7&limit=10", asJSON, 200, oneList},
		{"found nowhere", "GET", "/docs/thousand/?q=x", asJSON, 200, oneList},
		{"found below", "GET", "/docs/?q=0999&deep=1", asJSON, 200, []string{"ListObjectsV2", "ListObjectsV2", "ListObjectsV2", "ListObjectsV2", "ListObjectsV2", "ListObjectsV2"}},
		{"second page of more", "GET", "/docs/more/?after=0999", asJSON, 200, oneList},
		{"a few names", "GET", "/docs/more/?limit=10", asJSON, 200, oneList},
		{"a directory of directories", "GET", "/docs/", asJSON, 200, oneList},
		{"no such directory", "GET", "/docs/missing/", asJSON, 404, oneList},
	} {
		r, ops, fetched := s.sendRequest(t, tt.method, tt.target, tt.headers...)
		if r.Status != tt.status {
			t.Errorf("%s: %d, want %d", tt.what, r.Status, tt.status)
		}
		if !slices.Equal(ops, tt.ops) {
			t.Errorf("%s: %v, want %v", tt.what, ops, tt.ops)
		}
		if strings.Contains(r.Body, canary) {
			t.Errorf("%s: the canary was served", tt.what)
		}
		object := tt.method == "GET" && (r.Status == 200 || r.Status == 206) && tt.ops[0] == "GetObject"
		if object && fetched != int64(len(r.Body)) || !object && fetched > 0 {
			t.Errorf("%s: %d bytes fetched, %d served", tt.what, fetched, len(r.Body))
		}
	}
	if r, ops, _ := s.sendRequest(t, "GET", "/docs/empty", "Range", "bytes=0-"); r.Status != 200 || len(ops) > 2 {
		t.Errorf("a range of an empty object: %d, %v", r.Status, ops)
	}
	if r, _, _ := s.sendRequest(t, "GET", "/docs/more/", asJSON...); strings.Count(r.Body, `"name"`) != 1000 || !strings.Contains(r.Body, `"next":"0999"`) {
		t.Errorf("the first page of 1,001 names: %.200s", r.Body)
	}
	if r := request(t, s.open, "GET", "/docs/tail/", asJSON...); strings.Count(r.Body, `"name"`) != 1000 || strings.Contains(r.Body, `"next"`) {
		t.Errorf("without Authorize, a page of 1,000 names reveals that a hidden one follows: %.100s", r.Body[max(0, len(r.Body)-100):])
	}
	for _, dir := range []string{"tail", "longtail"} {
		if r, ops, _ := s.sendRequest(t, "GET", "/docs/"+dir+"/", asJSON...); strings.Count(r.Body, `"name"`) != 1000 || strings.Contains(r.Body, `"next"`) || len(ops) > 4 {
			t.Errorf("1,000 names, followed by hidden ones: %.200s … %.100s, %v", r.Body, r.Body[max(0, len(r.Body)-100):], ops)
		}
	}
}

// TestS3Connections: S3 bodies are read to their end, even those of errors, so the
// connection is reused for the next request.
func TestS3Connections(t *testing.T) { eachRoad(t, testS3Connections) }

func testS3Connections(t *testing.T, api func(*s3.Client) s3.API) {
	s := newCountedSite(t, api)
	for _, tt := range []struct {
		what    string
		target  string
		headers func(i int) []string
		status  int
	}{
		{"ranges", countedFile, func(i int) []string { return []string{"Range", fmt.Sprintf("bytes=%d-%d", i*900, i*900+899)} }, 206},
		{"whole objects", countedFile, func(int) []string { return nil }, 200},
		{"missing names", "docs/missing.txt", func(int) []string { return nil }, 404},
		{"416", countedFile, func(int) []string { return []string{"Range", "bytes=100000-"} }, 416},
		{"listings", "docs/", func(int) []string { return []string{"Accept", "application/json"} }, 200},
	} {
		before := s.transport.dials.Load()
		for i := range 100 {
			if r := request(t, s.handler, "GET", "/"+tt.target, tt.headers(i)...); r.Status != tt.status {
				t.Fatalf("%s: %d", tt.what, r.Status)
			}
		}
		if n := s.transport.dials.Load() - before; n > 2 {
			t.Errorf("100 %s in sequence: %d dials", tt.what, n)
		}
	}
	if s.transport.dials.Load() == 0 {
		t.Error("no dial was counted, so the test proves nothing")
	}
}

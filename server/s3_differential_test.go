package server_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/backends/disk"
	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/testdata/s3gateway"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// differentialTree is the tree that all three backends hold.
func differentialTree() map[string]string {
	files := map[string]string{
		"docs/guide.txt":         "0123456789",
		"docs/empty.txt":         "",
		"docs/one":               "1",
		"docs/index.html":        "<p>the index</p>",
		"docs/big.bin":           strings.Repeat("0123456789abcdef", 6000),
		"docs/two words.txt":     "space",
		"docs/a+b#c?.txt":        "signs",
		"docs/100%.txt":          "percent",
		"docs/%2e%2e":            "no dots",
		"docs/caf\u00e9.html":    "<p>accent</p>",
		"docs/😀.svg":             "<svg/>",
		"docs/page.js":           "alert(1)",
		"docs/page.js.gz":        "not really gzip",
		"docs/.env":              canary,
		"docs/drafts/new.txt":    canary,
		"docs/sub/deep/file.txt": "deep",
		"plain/a-b":              "1",
		"plain/a/x":              "2",
		"plain/a0":               "3",
		"secret.txt":             canary,
	}
	for i := range 25 {
		files[fmt.Sprintf("many/%02d.txt", i)] = strings.Repeat("x", i)
	}
	return files
}

func differentialPolicy() vfs.Policy {
	return vfs.Policy{Allow: vfs.Patterns("docs/**", "plain/**", "many/*"), Deny: vfs.Patterns("docs/drafts")}
}

// An hourLater evaluates preconditions as if it were an hour later: a date is a validator
// only once its second has passed, and the trees were just created.
type hourLater struct{ vfs.Backend }

func (b hourLater) Open(ctx context.Context, n vfs.Name, req vfs.Request) (*vfs.Object, error) {
	req.Cond.Now = time.Now().Add(time.Hour)
	return b.Backend.Open(ctx, n, req)
}

func (b hourLater) Stat(ctx context.Context, n vfs.Name, req vfs.Request) (vfs.Info, error) {
	req.Cond.Now = time.Now().Add(time.Hour)
	return b.Backend.Stat(ctx, n, req)
}

// narrowPolicy is the policy of a second mount, which hides much of what the first shows.
func narrowPolicy() vfs.Policy {
	return vfs.Policy{Allow: vfs.Patterns("docs/**", "plain/**", "many/1*"), Deny: vfs.Patterns("docs/drafts", "docs/sub", "docs/*.html", "plain/a")}
}

// A contender serves the tree from one backend in two mounts. The second is below /narrow.
type contender struct {
	name    string
	handler http.Handler
	narrow  *vfs.Jail         // of the second mount
	tags    map[string]string // ETag by path
}

// newContenders creates the tree in memory, on disk and in a bucket. Each object has the
// same modification time everywhere, in whole seconds, as S3 keeps it.
func newContenders(t *testing.T) []*contender {
	files := differentialTree()
	inMemory, err := mem.FromMap(files)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	g := s3gateway.Start(t)
	bucket := g.Bucket(t, "differential")
	keys := map[string]string{"beside.txt": canary, "site-secret/docs/guide.txt": canary}
	for name, data := range files {
		keys["site/"+name] = data
	}
	plantKeys(t, bucket, keys)
	for name, data := range files {
		n, err := vfs.ParseName(name)
		if err != nil {
			t.Fatal(err)
		}
		info, err := inMemory.Stat(t.Context(), n, vfs.Request{})
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{file, bucket.Path("site/" + name)} {
			second := info.ModTime.Truncate(time.Second)
			if err := os.Chtimes(path, second, second); err != nil {
				t.Fatal(err)
			}
		}
	}
	onDisk, err := disk.New(dir, disk.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { onDisk.Close() })
	inBucket := bucketBackend(t, g.Client(t), bucket, "site")

	var all []*contender
	for _, c := range []struct {
		name    string
		backend vfs.Backend
	}{{"disk", onDisk}, {"memory", inMemory}, {"s3", inBucket}} {
		jail, narrow := jailOver(t, hourLater{c.backend}, differentialPolicy()), jailOver(t, hourLater{c.backend}, narrowPolicy())
		h := server.New(jail, server.Config{List: true, Sidecars: true, MaxAge: time.Minute, Logger: quiet})
		second := http.StripPrefix("/narrow", server.New(narrow, server.Config{List: true, Content: server.ContentUntrusted, Logger: quiet}))
		both := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.URL.Path, "/narrow/") {
				second.ServeHTTP(w, r)
				return
			}
			h.ServeHTTP(w, r)
		})
		all = append(all, &contender{c.name, both, narrow, map[string]string{}})
	}
	return all
}

// Placeholders in headers, for the ETag and date that a contender sent before.
const (
	tagHere  = "{tag}"
	dateHere = "{date}"
)

// TestS3Differential sends the same requests to the same tree on disk, in memory and in a
// bucket. Status, headers and body must be the same, except that ETags differ, and that S3
// has no directories: a directory without its slash is a missing name there.
func TestS3Differential(t *testing.T) {
	contenders := newContenders(t)
	conditions := [][]string{
		nil,
		{"If-None-Match", tagHere}, {"If-None-Match", "W/" + tagHere}, {"If-None-Match", `"x"`}, {"If-None-Match", `"x", ` + tagHere}, {"If-None-Match", "*"},
		{"If-Modified-Since", dateHere}, {"If-Modified-Since", "Sun, 01 Jan 2017 00:00:00 GMT"}, {"If-Modified-Since", "yesterday"},
		{"If-None-Match", `"x"`, "If-Modified-Since", dateHere},
		{"If-Match", tagHere}, {"If-Match", `"x"`}, {"If-Match", "*"}, {"If-Match", "W/" + tagHere},
		{"If-Unmodified-Since", dateHere}, {"If-Unmodified-Since", "Sun, 01 Jan 2017 00:00:00 GMT"},
		{"If-Match", tagHere, "If-None-Match", tagHere},
		{"If-Range", tagHere}, {"If-Range", `"x"`}, {"If-Range", "W/" + tagHere}, {"If-Range", dateHere}, {"If-Range", "Sun, 01 Jan 2017 00:00:00 GMT"},
		{"Accept-Encoding", "gzip"},
	}
	ranges := []string{
		"", "bytes=0-", "bytes=2-5", "bytes=-3", "bytes=0-0", "bytes=9-", "bytes=10-", "bytes=-0", "bytes=5-2", "bytes=0-1,3-4", "bytes=90000-99999999",
		"bytes=99999999999999999999-", "items=0-1",
	}
	targets := []string{
		"/docs/missing.txt", "/docs/sub", "/docs", "/plain/a", "/docs/guide.txt/x", "/docs/guide.tx", "/DOCS/guide.txt", "/docs//guide.txt", "/docs/%2e%2e/secret.txt",
		"/docs/..%2fsecret.txt", "/docs/a%00b", "/docs/%ff", "/secret", "/docs/%252e%252e", "/", "/docs/", "/plain/", "/docs/sub/", "/docs/drafts/", "/docs/missing/",
		"/docs/drafts", "/docs/" + strings.Repeat("n", 255), "/docs/" + strings.Repeat("n", 256), "/docs/caf%65%CC%81.html", "/docs/guide.txt/",
	}
	for name := range maps.Keys(differentialTree()) {
		if !strings.HasPrefix(name, "many/") {
			targets = append(targets, "/"+escapedPath(t, name))
		}
	}
	for _, target := range slices.Clone(targets) {
		targets = append(targets, "/narrow"+target)
	}
	slices.Sort(targets)

	// For these targets, every precondition is combined with every range; for others, with
	// a few.
	thorough := []string{"/docs/guide.txt", "/docs/empty.txt", "/docs/big.bin", "/docs/"}
	count, redirects := 0, 0
	explained := map[bool]int{}
	for _, target := range targets {
		for _, c := range contenders {
			head := request(t, c.handler, "HEAD", target)
			c.tags[target] = head.Header.Get("Etag")
			if ok, is := c.explains(t, target, head.Status); is {
				explained[ok]++
			}
		}
		date := request(t, contenders[0].handler, "HEAD", target).Header.Get("Last-Modified")
		for _, method := range []string{"GET", "HEAD", "OPTIONS", "PUT"} {
			for i, condition := range conditions {
				for j, rng := range ranges {
					switch {
					case method == "GET" && (slices.Contains(thorough, target) || i == 0 || j < 2):
					case method == "GET" && date == "", method == "HEAD" && j > 1, len(method) > 4 && i+j > 0, method == "PUT" && i+j > 0:
						continue // not an object, or a method that does not read it
					case (i+j)%4 > 0:
						continue
					}
					headers := slices.Clone(condition)
					if rng != "" {
						headers = append(headers, "Range", rng)
					}
					redirects += compare(t, contenders, method, target, date, headers)
					count++
				}
			}
		}
	}
	t.Logf("%d requests, %d redirects to a directory on disk alone, explained as allowed and refused: %v", count, redirects, explained)
	if explained[true] < 20 || explained[false] < 20 {
		t.Errorf("too few targets of the second mount: %d allowed, %d refused", explained[true], explained[false])
	}
	if count < 3000 || redirects == 0 {
		t.Errorf("%d requests, %d redirects: too few to prove anything", count, redirects)
	}
}

// explains compares the status of a HEAD with Explain of the second mount's jail. It
// reports whether the target is allowed, and whether an object with that name exists.
func (c *contender) explains(t *testing.T, target string, status int) (allowed, is bool) {
	t.Helper()
	below, ok := strings.CutPrefix(target, "/narrow/")
	n, err := vfs.ParseEscapedPath(below)
	if !ok || err != nil {
		return false, false
	}
	_, there := differentialTree()[n.String()]
	allowed = c.narrow.Explain(t.Context(), vfs.OpRead, n).Allowed
	if found := status == http.StatusOK; found != (allowed && there) {
		t.Errorf("%s: HEAD %s: %d, exists: %t, explained as allowed: %t", c.name, target, status, there, allowed)
	}
	return allowed, there
}

// TestS3DifferentialListings pages through all directories with all page sizes, from all
// positions.
func TestS3DifferentialListings(t *testing.T) {
	contenders := newContenders(t)
	count := 0
	for _, dir := range []string{"/", "/docs/", "/plain/", "/plain/a/", "/many/", "/docs/sub/", "/docs/sub/deep/", "/docs/drafts/", "/none/", "/docs/guide.txt/",
		"/narrow/", "/narrow/docs/", "/narrow/plain/", "/narrow/plain/a/", "/narrow/many/", "/narrow/docs/sub/",
	} {
		for _, accept := range []string{"application/json", "text/html"} {
			for _, limit := range []string{"", "1", "2", "3", "25", "0", "x"} {
				for _, after := range []string{"", "a", "a/", "a-b", "09.txt", "24.txt", "docs/", "zzz", "../x", "😀", "\x7f", "sub/"} {
					query := ""
					if limit != "" {
						query += "&limit=" + limit
					}
					if after != "" {
						query += "&after=" + url.QueryEscape(after)
					}
					compare(t, contenders, "GET", dir+"?"+strings.TrimPrefix(query, "&"), "", []string{"Accept", accept})
					count++
				}
			}
		}
	}
	t.Logf("%d listings", count)
}

// compare sends a request to all contenders. It returns 1 if only those with directories
// redirect it.
func compare(t *testing.T, contenders []*contender, method, target, date string, headers []string) (redirects int) {
	t.Helper()
	var want reply
	for i, c := range contenders {
		filled := slices.Clone(headers)
		for i := range filled {
			filled[i] = strings.NewReplacer(tagHere, c.tags[target], dateHere, date).Replace(filled[i])
		}
		got := request(t, c.handler, method, target, filled...)
		if strings.Contains(got.Body, canary) {
			t.Errorf("%s: %s %s %q: the canary was served", c.name, method, target, headers)
		}
		if tag := got.Header.Get("Etag"); tag != "" {
			if before, ok := c.tags[target]; ok && tag != before && !slices.Contains(headers, "gzip") {
				t.Errorf("%s: %s %s %q: ETag %s, HEAD said %s", c.name, method, target, headers, tag, c.tags[target])
			}
			got.Header.Set("Etag", "some")
		} else if got.Status == http.StatusNotModified && c.name == "s3" {
			// A 304 of this S3 server has no ETag; it is known only if If-None-Match was
			// sent.
			got.Header.Set("Etag", "some")
		}
		if i == 0 {
			want = got
			continue
		}
		if want.Status == http.StatusPermanentRedirect && c.name == "s3" {
			want = request(t, c.handler, method, "/docs/missing.txt")
			redirects = 1
		}
		if got.Status != want.Status || got.Body != want.Body || !maps.EqualFunc(got.Header, want.Header, slices.Equal) {
			t.Errorf("%s %s %q:\n%s: %d %v %.60q\n%s: %d %v %.60q", method, target, filled,
				contenders[0].name, want.Status, want.Header, want.Body, c.name, got.Status, got.Header, got.Body)
		}
	}
	return redirects
}

func escapedPath(t *testing.T, name string) string {
	t.Helper()
	n, err := vfs.ParseName(name)
	if err != nil {
		t.Fatal(err)
	}
	return n.EscapedPath()
}

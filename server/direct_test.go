package server_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/backends/s3"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/access"
	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/server/auth/links"
	"github.com/bailiwick-fs/bailiwick/testdata/s3gateway"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// redirectSite serves the *.txt, *.html and *.png of b, and redirects signed links.
func redirectSite(t testing.TB, b vfs.Backend, k *links.Keys, rec audit.Recorder) http.Handler {
	t.Helper()
	inline, err := server.ParseTypes("text/html")
	if err != nil {
		t.Fatal(err)
	}
	p := allow("*.txt", "*.html", "*.png")
	p.Deny = vfs.Patterns("secret*")
	p.Authorize = access.Anyone()
	return server.New(jailOver(t, b, p), server.Config{
		Inline: inline, Recorder: rec, Logger: quiet,
		Auth: server.Auth{Links: k, Uses: &links.Memory{}, Redirect: time.Minute},
	})
}

// A GET of a link is redirected to S3, which sends the same bytes, with headers that are
// safe without those of this server. Nothing else is redirected.
func TestRedirectLinks(t *testing.T) {
	g := s3gateway.Start(t)
	bucket := g.Bucket(t, "direct")
	plantKeys(t, bucket, map[string]string{
		"site/a.txt": "0123456789", "site/page.html": "<p>hello", "site/p.png": "png", "site/secret.txt": canary, "other.txt": canary,
	})
	k, rec := ring(t, "one"), &recorder{}
	h := redirectSite(t, bucketBackend(t, g.Client(t), bucket, "site"), k, rec)
	link := func(path string) string { return signed(t, k, links.Link{Path: path}) }
	missing := request(t, h, "GET", "/missing.txt")

	g.Reset(t)
	r := request(t, h, "GET", link("/a.txt"))
	where := r.Header.Get("Location")
	if r.Status != 307 || r.Body != "" || r.Header.Get("Cache-Control") != "private, no-store" || r.Header.Get("Referrer-Policy") != "no-referrer" {
		t.Fatalf("GET: %d %q %v", r.Status, r.Body, r.Header)
	}
	if ops := operations(g.Requests(t)); !slices.Equal(ops, oneHead) {
		t.Errorf("the redirect took %v", ops)
	}
	if u, err := url.Parse(where); err != nil || u.Query().Get("X-Amz-Expires") != "60" || u.Query().Get("X-Amz-SignedHeaders") != "host" {
		t.Errorf("redirected to %s", where)
	}
	if a := rec.wait(t, 2)[1]; a.Status != 307 || a.Bytes != 0 || a.Rule != "*.txt" || a.Verdict != audit.Allowed {
		t.Errorf("recorded as %+v", a)
	}
	if r := get(t, "GET", where); r.Status != 200 || r.Body != "0123456789" || r.Header.Get("Content-Type") != "text/plain; charset=utf-8" || r.Header.Get("Content-Disposition") != "inline" || r.Header.Get("Cache-Control") != "private, no-store" {
		t.Errorf("from S3: %d %q %v", r.Status, r.Body, r.Header)
	}
	if r := get(t, "GET", where, "Range", "bytes=2-3"); r.Status != 206 || r.Body != "23" {
		t.Errorf("a range from S3: %d %q", r.Status, r.Body)
	}
	for _, other := range []string{"site/secret.txt", "other.txt", "site/p.png"} {
		if r := get(t, "GET", strings.Replace(where, "site/a.txt", other, 1)); r.Status != 403 {
			t.Errorf("the URL opens %s: %d", other, r.Status)
		}
	}

	for target, want := range map[string]string{
		link("/page.html"): "attachment; filename=page.html",
		link("/p.png"):     "inline",
		signed(t, k, links.Link{Path: "/p.png", DownloadName: "photo.png"}): "attachment; filename=photo.png",
	} {
		r := get(t, "GET", request(t, h, "GET", target).Header.Get("Location"))
		if got := r.Header.Get("Content-Disposition"); r.Status != 200 || !strings.HasPrefix(got, want) {
			t.Errorf("%s: %d %q, want %q", target, r.Status, got, want)
		}
	}

	// All other requests with a link are answered here.
	tag := request(t, h, "HEAD", link("/a.txt"))
	if tag.Status != 200 || tag.Header.Get("Content-Length") != "10" || tag.Header.Get("Location") != "" {
		t.Errorf("HEAD: %d %v", tag.Status, tag.Header)
	}
	if r := request(t, h, "GET", link("/a.txt"), "If-None-Match", tag.Header.Get("Etag")); r.Status != 304 {
		t.Errorf("If-None-Match with the current ETag: %d", r.Status)
	}
	if r := request(t, h, "GET", "/a.txt"); r.Status != 200 || r.Body != "0123456789" {
		t.Errorf("without a link: %d %q", r.Status, r.Body)
	}
	same(t, "a link to nothing", request(t, h, "GET", link("/nothing.txt")), missing)
	g.Reset(t)
	same(t, "a link to a denied name", request(t, h, "GET", link("/secret.txt")), missing)
	same(t, "a link that was changed", request(t, h, "GET", link("/a.txt")+"x"), missing)
	if ops := operations(g.Requests(t)); len(ops) > 0 {
		t.Errorf("refusals took %v", ops)
	}
	// Links with a use limit are not redirected, since the URL of S3 could be used any
	// number of times.
	once := signed(t, k, links.Link{Path: "/a.txt", Uses: 1})
	if r := request(t, h, "GET", once); r.Status != 200 || r.Body != "0123456789" || r.Header.Get("Location") != "" {
		t.Errorf("the first use: %d %v", r.Status, r.Header)
	}
	same(t, "the second use", request(t, h, "GET", once), missing)
}

// slowly delays each request, as for a bucket that is far away.
type slowly struct{ by time.Duration }

func (s slowly) Do(r *http.Request) (*http.Response, error) {
	time.Sleep(s.by)
	return http.DefaultClient.Do(r)
}

// The URL of S3 expires no later than the link, however long S3 took to confirm that the
// object exists.
func TestRedirectEndsWithLink(t *testing.T) {
	g := s3gateway.Start(t)
	bucket := g.Bucket(t, "direct-expires")
	plantKeys(t, bucket, map[string]string{"a.txt": "text"})
	k := ring(t, "one")
	h := redirectSite(t, bucketBackend(t, g.Client(t), bucket, ""), k, nil)
	far, err := s3.NewClient(s3.ClientOptions{
		Region: g.Region, Endpoint: g.Endpoint, HTTPClient: slowly{2 * time.Second},
		Credentials: credentials.NewStaticCredentialsProvider(g.AccessKey, g.SecretKey, ""),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		handler           http.Handler
		left, least, most time.Duration
	}{
		{h, 50 * time.Second, 10 * time.Second, 50 * time.Second},
		{redirectSite(t, bucketBackend(t, far, bucket, ""), k, nil), 50 * time.Second, 10 * time.Second, 50 * time.Second},
		{h, time.Hour, time.Minute, time.Minute},
	} {
		end := time.Now().Add(tt.left).Truncate(time.Second)
		r := request(t, tt.handler, "GET", signed(t, k, links.Link{Path: "/a.txt", Expires: end}))
		u, err := url.Parse(r.Header.Get("Location"))
		if r.Status != 307 || err != nil {
			t.Fatalf("%d %v", r.Status, r.Header)
		}
		seconds, err := time.ParseDuration(u.Query().Get("X-Amz-Expires") + "s")
		if err != nil || seconds < tt.least || seconds > tt.most {
			t.Errorf("with %v left, the URL is valid for %v, %v", tt.left, seconds, err)
		}
		if from, err := time.Parse("20060102T150405Z", u.Query().Get("X-Amz-Date")); err != nil || from.Add(seconds).After(end) {
			t.Errorf("the URL is valid until %v, the link until %v: %v", from.Add(seconds), end, err)
		}
	}
	// A URL cannot be valid for less than a second.
	if r := request(t, h, "GET", signed(t, k, links.Link{Path: "/a.txt", Expires: time.Now().Add(time.Second)})); r.Status == 307 {
		t.Errorf("a link about to expire was redirected to %s", r.Header.Get("Location"))
	}
}

// The redirect keeps the filename and the type of an upload.
func TestRedirectLinksToUploads(t *testing.T) {
	g := s3gateway.Start(t)
	bucket := g.Bucket(t, "directuploads")
	b, err := s3.New(g.Client(t), s3.Options{Bucket: bucket.Name, Writable: true})
	if err != nil {
		t.Fatal(err)
	}
	k := ring(t, "one")
	site := uploadsOver(t, b, server.UploadConfig{Authorize: server.OwnersDelete(), Auth: server.Auth{Links: k, Redirect: time.Minute}})
	target := signed(t, k, links.Link{Path: "/" + postRaw(t, site.url, "notes.txt", "text").ID})
	r := request(t, site.handler, "GET", target)
	if r.Status != 307 {
		t.Fatalf("GET: %d %q", r.Status, r.Body)
	}
	if r = get(t, "GET", r.Header.Get("Location")); r.Status != 200 || r.Body != "text" || !strings.HasPrefix(r.Header.Get("Content-Disposition"), "inline; filename=notes.txt") || !strings.HasPrefix(r.Header.Get("Content-Type"), "text/plain") {
		t.Errorf("from S3: %d %q %v", r.Status, r.Body, r.Header)
	}
}

// If the store has no URLs of its own, the server sends the bytes.
func TestRedirectNowhere(t *testing.T) {
	b, err := mem.FromMap(map[string]string{"a.txt": "data"})
	if err != nil {
		t.Fatal(err)
	}
	k := ring(t, "one")
	if r := request(t, redirectSite(t, b, k, nil), "GET", signed(t, k, links.Link{Path: "/a.txt"})); r.Status != 200 || r.Body != "data" {
		t.Errorf("%d %q", r.Status, r.Body)
	}
}

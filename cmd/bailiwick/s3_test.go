//go:build unix

package main

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/testdata/s3gateway"
)

// A bucketSite is the test site below pub/site in a bucket, beside keys with a similar
// prefix.
type bucketSite struct {
	gateway *s3gateway.Gateway
	source  string
}

const (
	siteBucket = "bailiwick-pages"
	sitePrefix = "pub/site"
	canary     = "of a neighbour"
)

func startBucketSite(t *testing.T) *bucketSite {
	t.Helper()
	g := s3gateway.Start(t)
	isolateAWS(t)
	t.Setenv("AWS_ACCESS_KEY_ID", g.AccessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", g.SecretKey)
	bucket := g.Bucket(t, siteBucket)
	put := func(key, text string) {
		t.Helper()
		if err := bucket.Put(t.Context(), key, []byte(text), ""); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range siteFiles {
		put(sitePrefix+"/"+name, text)
	}
	for _, key := range []string{"pub/site-secret/index.html", "pub/other.html", "index.html"} {
		put(key, canary)
	}
	return &bucketSite{g, "s3://" + siteBucket + "/" + sitePrefix + at(g)}
}

// at returns the parameters that point at a gateway.
func at(g *s3gateway.Gateway) string {
	return "?endpoint=" + g.Endpoint + "&region=" + g.Region + "&path_style=true"
}

// isolateAWS keeps the machine's own credentials and settings out of a test.
func isolateAWS(t *testing.T) {
	t.Helper()
	for _, name := range []string{
		"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE",
		"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_CA_BUNDLE", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE",
		"AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
		"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3",
	} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "config"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(t.TempDir(), "credentials"))
}

// runCommand runs the command to its end.
func runCommand(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, diagnostics bytes.Buffer
	cmd := command(args...)
	cmd.Stdout, cmd.Stderr = &out, &diagnostics
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), diagnostics.String()
}

func TestServeS3(t *testing.T) {
	s := startBucketSite(t)
	p := serveTree(t, s.source, "--allow", "**/*.html", "--deny", "drafts", "--list")
	if said := p.said(); !slices.Contains(said, "exposed: 2 names; hidden: 4 (policy.deny 1, policy.dotfile 1, policy.no_allow 2)") {
		t.Errorf("the start does not report the exposed names:\n%s", strings.Join(said, "\n"))
	}
	missing := exchange(t, p.url, "GET /nosuch.html", "")
	for _, c := range []struct {
		request, byteRange string
		status             int
		body               string
		calls              []string // S3 operations
	}{
		{"GET /", "", 200, "top", []string{"GetObject"}},
		{"GET /docs/a.html", "", 200, "a", []string{"GetObject"}},
		{"HEAD /docs/a.html", "", 200, "", []string{"HeadObject"}},
		{"GET /index.html", "bytes=1-", 206, "op", []string{"GetObject"}},
		{"GET /index.html", "bytes=-1", 206, "p", []string{"GetObject"}},
		{"GET /nosuch.html", "", 404, "not found\n", []string{"GetObject"}},
		{"GET /docs/notes.txt", "", 404, "not found\n", nil},
		{"GET /drafts/b.html", "", 404, "not found\n", nil},
		{"GET /.env", "", 404, "not found\n", nil},
		{"GET /../site-secret/index.html", "", 404, "not found\n", nil},
		{"GET /%2e%2e/other.html", "", 404, "not found\n", nil},
		{"GET /-secret/index.html", "", 404, "not found\n", []string{"GetObject"}},
		{"GET /docs", "", 404, "not found\n", nil},
		{"PUT /docs/a.html", "", 405, "method not allowed\n", nil},
	} {
		s.gateway.Reset(t)
		got := exchange(t, p.url, c.request, c.byteRange)
		if got.status != c.status || got.body != c.body {
			t.Errorf("%s %s: %d %q, want %d %q", c.request, c.byteRange, got.status, got.body, c.status, c.body)
		}
		if c.status == 404 && got.header != missing.header {
			t.Errorf("%s differs from a missing name:\n%s\n%s", c.request, got.header, missing.header)
		}
		var calls []string
		for _, r := range s.gateway.Requests(t) {
			calls = append(calls, r.Op)
		}
		if !slices.Equal(calls, c.calls) {
			t.Errorf("%s cost %q, want %q", c.request, calls, c.calls)
		}
		keepsSecret(t, s, c.request, got.header+got.body)
	}
	listing := exchange(t, p.url, "GET /docs/", "")
	if listing.status != 200 || !strings.Contains(listing.body, "a.html") || strings.Contains(listing.body, "notes") {
		t.Errorf("the listing is %d %q", listing.status, listing.body)
	}
	keepsSecret(t, s, "the listing", listing.header+listing.body)
	p.await(regexp.MustCompile(`"raw":"/docs/a\.html".*"backend":"s3","status":200`))
	p.await(regexp.MustCompile(`"raw":"/drafts/b\.html".*"reason":"policy\.deny"`))
	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != cli.ExitDone {
		t.Errorf("exit code %d", code)
	}
}

// keepsSecret fails the test if text, which a client received, reveals where the objects
// are stored, or contains an object outside the source.
func keepsSecret(t *testing.T, s *bucketSite, what, text string) {
	t.Helper()
	for _, secret := range []string{siteBucket, sitePrefix, strings.TrimPrefix(s.gateway.Endpoint, "http://"), "NoSuchKey", "amz", canary} {
		if strings.Contains(strings.ToLower(text), strings.ToLower(secret)) {
			t.Errorf("%s reveals %q to the client:\n%s", what, secret, text)
		}
	}
}

// A reply is a response without its Date. The header is in wire format.
type reply struct {
	status       int
	header, body string
}

// exchange sends a request with its path verbatim.
func exchange(t *testing.T, url, request, byteRange string) reply {
	t.Helper()
	method, path, _ := strings.Cut(request, " ")
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.URL.Opaque = path
	if byteRange != "" {
		req.Header.Set("Range", byteRange)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	resp.Header.Del("Date")
	var header bytes.Buffer
	if err := resp.Header.Write(&header); err != nil {
		t.Fatal(err)
	}
	return reply{resp.StatusCode, header.String(), string(body)}
}

// The commands that read apply the same rules on S3.
func TestCommandsOnS3(t *testing.T) {
	s := startBucketSite(t)
	saved := filepath.Join(t.TempDir(), "exposed.txt")
	html := []string{"--allow", "**/*.html", "--deny", "drafts"}
	for _, c := range []struct {
		args           []string
		code           int
		stdout, stderr string // stderr: a substring
	}{
		{[]string{"ls", s.source}, 0, "docs/\nindex.html\n", ""},
		{[]string{"ls", s.source, "docs"}, 0, "a.html\n", ""},
		{[]string{"ls", s.source, "docs", "--json"}, 0, "", ""},
		{[]string{"ls", s.source, "nosuch"}, 1, "", "no file or object has this name (missing)"},
		{[]string{"ls", s.source, "index.html"}, 1, "", "no file or object has this name (missing)"},
		{[]string{"ls", s.source, "../site-secret"}, 1, "", "name.dotdot"},
		{[]string{"cat", s.source, "index.html", "docs/a.html"}, 0, "topa", ""},
		{[]string{"cat", s.source, "index.html", "nosuch.html"}, 1, "top", "nosuch.html: no file or object has this name (missing)"},
		{[]string{"cat", s.source, "docs/notes.txt"}, 1, "", "policy.no_allow"},
		{[]string{"stat", s.source, "index.html"}, 0, "", ""},
		{[]string{"stat", s.source, "docs"}, 1, "", "policy.no_allow"},
		{[]string{"explain", s.source, "index.html", "nosuch.html"}, 0, "allowed\tindex.html\t**/*.html\nallowed\tnosuch.html\t**/*.html\tthere is no such object now\n", ""},
		{[]string{"explain", s.source, "drafts/b.html"}, 1, "refused\tdrafts/b.html\tpolicy.deny\ta deny pattern covers it: drafts\n", ""},
		{[]string{"scan", s.source, "--save", saved}, 0, "refused\t.env\tpolicy.no_allow\tno allow pattern matches it\n" +
			"refused\tdocs/.git/x.html\tpolicy.dotfile\tan element begins with a dot that no allow pattern spells; apart from that dot, **/*.html matches\n" +
			"allowed\tdocs/a.html\t**/*.html\n" +
			"refused\tdocs/notes.txt\tpolicy.no_allow\tno allow pattern matches it\n" +
			"refused\tdrafts/b.html\tpolicy.deny\ta deny pattern covers it: drafts\n" +
			"allowed\tindex.html\t**/*.html\n", "exposed: 2 names; hidden: 4"},
		{[]string{"scan", s.source, "--check", saved}, 0, "", "the exposed names are those in"},
		{[]string{"scan", "s3://" + siteBucket + "/nosuch" + at(s.gateway)}, 0, "", "exposed: 0 names"},
	} {
		name := strings.Join(append([]string{c.args[0]}, c.args[2:]...), " ")
		code, stdout, stderr := runCommand(t, append(c.args, html...)...)
		if code != c.code {
			t.Errorf("%s: exit code %d, want %d: %s", name, code, c.code, stderr)
		}
		if c.stdout != "" && stdout != c.stdout {
			t.Errorf("%s prints\n%s\nwant\n%s", name, stdout, c.stdout)
		}
		if !strings.Contains(stderr, c.stderr) || c.stderr == "" && stderr != "" {
			t.Errorf("%s: standard error is %q, want %q", name, stderr, c.stderr)
		}
		if strings.Contains(stdout, canary) {
			t.Errorf("%s prints an object outside the source", name)
		}
	}
}

// A server that cannot use its bucket reports the cause in one line, without secrets, and
// does not listen.
func TestServeS3CannotStart(t *testing.T) {
	s := startBucketSite(t)
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := "http://" + dead.Addr().String()
	dead.Close()
	// mute accepts connections and never responds.
	mute, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	// An instance metadata service that refuses makes the SDK log diagnostics.
	metadata := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	defer metadata.Close()
	const secret = "w8rongSecretw8rongSecret"
	for _, c := range []struct {
		name   string
		source string
		env    map[string]string
		code   int
		says   string
	}{
		{"no credentials", s.source, map[string]string{"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, cli.ExitUsage, "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"},
		{"no role", s.source, map[string]string{
			"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "",
			"AWS_EC2_METADATA_DISABLED": "", "AWS_EC2_METADATA_SERVICE_ENDPOINT": metadata.URL,
		}, cli.ExitUsage, "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"},
		{"wrong secret", s.source, map[string]string{"AWS_SECRET_ACCESS_KEY": secret}, cli.ExitUsage, "AWS_SECRET_ACCESS_KEY"},
		{"wrong key", s.source, map[string]string{"AWS_ACCESS_KEY_ID": "nobody", "AWS_SECRET_ACCESS_KEY": secret}, cli.ExitUsage, "AWS_ACCESS_KEY_ID"},
		{"profile that is not there", s.source, map[string]string{"AWS_PROFILE": "nosuch"}, cli.ExitUsage, "nosuch"},
		{"wrong bucket", "s3://bailiwick-nosuch" + at(s.gateway), nil, cli.ExitUsage, "bucket"},
		{"wrong region", strings.Replace(s.source, "us-east-1", "eu-north-1", 1), nil, cli.ExitUsage, "region"},
		{"no region", "s3://" + siteBucket, nil, cli.ExitUsage, "AWS_REGION"},
		{"unused endpoint", "s3://" + siteBucket, map[string]string{"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, cli.ExitUsage, "AWS_ENDPOINT_URL is set but not used"},
		{"dead endpoint", "s3://" + siteBucket + "?endpoint=" + closed, nil, cli.ExitFailed, "endpoint"},
		{"mute endpoint", "s3://" + siteBucket + "?endpoint=http://" + mute.Addr().String(), nil, cli.ExitFailed, "endpoint"},
		{"unknown host", "s3://" + siteBucket + "?endpoint=https://nosuch.invalid", nil, cli.ExitFailed, "endpoint"},
		{"unknown parameter", s.source + "&secret_key=" + secret, nil, cli.ExitUsage, "unknown parameter secret_key"},
		{"credentials in the source", "s3://key:" + secret + "@" + siteBucket, nil, cli.ExitUsage, "AWS_ACCESS_KEY_ID"},
		{"http elsewhere", "s3://" + siteBucket + "?endpoint=http://192.0.2.1", nil, cli.ExitUsage, "insecure=true"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for name, value := range c.env {
				t.Setenv(name, value)
			}
			log := filepath.Join(t.TempDir(), "log")
			code, stdout, stderr := runCommand(t, "serve", c.source, "--allow", "**", "--listen", "127.0.0.1:0", "--access-log", log)
			if code != c.code {
				t.Errorf("exit code %d, want %d", code, c.code)
			}
			if strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, c.says) || stdout != "" {
				t.Errorf("standard error is %q, want one line with %q", stderr, c.says)
			}
			if _, err := os.Stat(log); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("an access log was created: %v", err)
			}
			for _, text := range []string{secret, s.gateway.SecretKey} {
				if strings.Contains(stderr, text) {
					t.Errorf("standard error contains a secret: %s", stderr)
				}
			}
		})
	}
}

// --precompressed is refused on S3 without a cache, or with one that asks the source each
// time: the lookup would cost a request for each variant.
func TestServeS3Precompressed(t *testing.T) {
	s := startBucketSite(t)
	for _, cache := range [][]string{nil, {"--cache", t.TempDir()}} {
		code, _, stderr := runCommand(t, append([]string{"serve", s.source, "--allow", "**", "--listen", "127.0.0.1:0", "--precompressed"}, cache...)...)
		if code != cli.ExitUsage || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, "--precompressed") {
			t.Errorf("%q: exit code %d, %q, want %d and a line on --precompressed", cache, code, stderr, cli.ExitUsage)
		}
	}
}

// A server can run with credentials that permit GetObject but not ListBucket. Clients see
// no difference.
func TestServeS3WithoutListing(t *testing.T) {
	s := startBucketSite(t)
	access, secret := s.gateway.User(t, "reader")
	policy := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["` + access + `"]},` +
		`"Action":"s3:GetObject","Resource":"arn:aws:s3:::` + siteBucket + `/` + sitePrefix + `/*"}]}`
	bucket := siteBucket
	if _, err := s.gateway.Client(t).PutBucketPolicy(t.Context(), &awss3.PutBucketPolicyInput{Bucket: &bucket, Policy: &policy}); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_ACCESS_KEY_ID", access)
	t.Setenv("AWS_SECRET_ACCESS_KEY", secret)
	p := serveTree(t, s.source, "--allow", "**/*.html", "--list")
	p.await(regexp.MustCompile(`s3:ListBucket`))
	p.await(regexp.MustCompile(`^exposed: not counted`))
	if got := exchange(t, p.url, "GET /docs/a.html", ""); got.status != 200 || got.body != "a" {
		t.Errorf("an object: %d %q", got.status, got.body)
	}
	refused := exchange(t, p.url, "GET /docs/notes.txt", "")
	for _, request := range []string{"GET /nosuch.html", "GET /docs/", "GET /nosuch/"} {
		if got := exchange(t, p.url, request, ""); got != refused {
			t.Errorf("%s: %v, want the response to a refused name: %v", request, got, refused)
		}
	}
	code, stdout, stderr := runCommand(t, "scan", s.source, "--allow", "**")
	if code != cli.ExitFailed || stdout != "" || !strings.Contains(stderr, "no permission to read") {
		t.Errorf("scan: exit code %d, %q, %q", code, stdout, stderr)
	}
}

package s3_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/google/go-cmp/cmp"

	"github.com/bailiwick-fs/bailiwick/backends/s3"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A recorder is an HTTP client without a network. It answers every GET with an object
// whose body breaks off, or, to a range, ends as it should.
type recorder struct {
	mu       sync.Mutex
	requests []*http.Request
}

func (r *recorder) Do(req *http.Request) (*http.Response, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests = append(r.requests, req)
	res := &http.Response{StatusCode: 200, ProtoMajor: 1, ProtoMinor: 1, Request: req, ContentLength: 100, Body: http.NoBody, Header: http.Header{
		"Content-Length":   {"100"},
		"Etag":             {stubTag},
		"X-Amz-Version-Id": {"v+1/="},
		"Last-Modified":    {modified.Format(http.TimeFormat)},
	}}
	first, last, ok := int64(0), int64(99), true
	if header := req.Header.Get("Range"); header != "" {
		if first, last, ok = cutRange(header, 100); !ok {
			return nil, errors.New("no such range")
		}
		res.StatusCode, res.ContentLength = 206, last-first+1
		res.Header.Set("Content-Length", fmt.Sprint(last-first+1))
		res.Header.Set("Content-Range", fmt.Sprintf("bytes %d-%d/100", first, last))
	}
	switch {
	case req.Method == http.MethodHead:
	case req.Header.Get("Range") == "":
		res.Body = io.NopCloser(io.MultiReader(strings.NewReader("0123456789"), brokenReader{}))
	default:
		res.Body = io.NopCloser(bytes.NewReader(make([]byte, last-first+1)))
	}
	return res, nil
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// A sentRequest is what a service sees of a request.
type sentRequest struct {
	Method, URL, Host string
	Header            map[string]string
	Signed            string
}

// unlike are the fields that differ: those with a time or a number in them, and the
// product that sends the request.
var unlike = []string{"Authorization", "User-Agent", "X-Amz-Date", "Amz-Sdk-Invocation-Id", "Amz-Sdk-Request"}

func sent(req *http.Request) sentRequest {
	s := sentRequest{Method: req.Method, URL: req.URL.Scheme + "://" + req.URL.Host + req.URL.RequestURI(), Host: req.Host, Header: map[string]string{}}
	for name, values := range req.Header {
		if !slices.Contains(unlike, name) {
			s.Header[name] = strings.Join(values, ",")
		}
	}
	if s.Host == "" {
		s.Host = req.URL.Host
	}
	credential, rest, _ := strings.Cut(req.Header.Get("Authorization"), ", SignedHeaders=")
	fields, _, _ := strings.Cut(rest, ",")
	names := slices.DeleteFunc(strings.Split(fields, ";"), func(name string) bool {
		return strings.HasPrefix(name, "amz-sdk-") || name == "accept-encoding" // which only the SDK signs
	})
	s.Signed = credential + " " + strings.Join(names, ";")
	return s
}

// checkSignature signs what was sent again.
func checkSignature(t *testing.T, req *http.Request, c aws.Credentials) {
	t.Helper()
	_, rest, _ := strings.Cut(req.Header.Get("Authorization"), ", SignedHeaders=")
	fields, _, _ := strings.Cut(rest, ",")
	again, err := http.NewRequest(req.Method, req.URL.Scheme+"://"+req.URL.Host+req.URL.RequestURI(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for name := range strings.SplitSeq(fields, ";") {
		if values := req.Header.Values(name); len(values) > 0 {
			again.Header[http.CanonicalHeaderKey(name)] = values
		}
	}
	at, err := time.Parse("20060102T150405Z", req.Header.Get("X-Amz-Date"))
	if err != nil {
		t.Fatal(err)
	}
	scope := strings.Split(req.Header.Get("Authorization"), "/")
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	if err := signer.SignHTTP(t.Context(), c, again, req.Header.Get("X-Amz-Content-Sha256"), "s3", scope[2], at); err != nil {
		t.Fatal(err)
	}
	if got, want := req.Header.Get("Authorization"), again.Header.Get("Authorization"); got != want {
		t.Errorf("%s %s: the signature is not of what was sent:\n%s\n%s", req.Method, req.URL, got, want)
	}
}

// The Backend's own requests are those of the SDK.
func TestSameRequests(t *testing.T) {
	yes, no := true, false
	temporary := credentials.NewStaticCredentialsProvider("key-id", "secret-key", "a+session/token=")
	names := []string{
		"file", "dir/file.txt", "a b", "a+b", "100%", "%2e%2e", "%2F", "%zz", "é", "e\u0301", "😀/😀", "a&b=c?d#e", "a;b,c", "~*()!'", "a:b@c$", "[x]", `"<>|^{}`, "-_.", "...", "‥", "．．", "a=b",
	}
	requests := map[string]vfs.Request{
		"whole":               {},
		"range":               {Range: vfs.RangeBetween(2, 5)},
		"rest":                {Range: vfs.RangeFrom(7)},
		"suffix":              {Range: vfs.RangeSuffix(5)},
		"If-None-Match":       {Cond: vfs.Cond{IfNoneMatch: tags(otherTag)}},
		"If-Match":            {Cond: vfs.Cond{IfMatch: tags(thisTag)}},
		"If-Modified-Since":   {Cond: vfs.Cond{IfModifiedSince: modified.Add(-time.Hour)}},
		"If-Range by tag":     {Range: vfs.RangeFrom(7), Cond: vfs.Cond{IfRangeTag: thisTag}},
		"If-Range by date":    {Range: vfs.RangeFrom(7), Cond: vfs.Cond{IfRangeDate: modified, Now: modified.Add(time.Hour)}},
		"HEAD for -0":         {Range: vfs.RangeSuffix(0)},
		"If-None-Match: *":    {Cond: vfs.Cond{IfNoneMatch: vfs.Tags{Any: true}}},
		"several, and If-Any": {Cond: vfs.Cond{IfNoneMatch: tags(otherTag, weakTag)}},
	}
	for what, tt := range map[string]struct {
		opts   s3.ClientOptions
		bucket string
		prefix string
		owner  string
	}{
		"AWS":                    {s3.ClientOptions{Credentials: staticKeys}, "bucket", "", ""},
		"AWS, temporary":         {s3.ClientOptions{Credentials: temporary}, "bucket", "pre fix/ü+%", "123456789012"},
		"AWS, path style":        {s3.ClientOptions{Credentials: staticKeys, PathStyle: &yes}, "bucket", "pub", ""},
		"AWS, dots":              {s3.ClientOptions{Credentials: staticKeys}, "my.bucket", "pub", ""},
		"AWS, capitals":          {s3.ClientOptions{Credentials: staticKeys}, "Old_Name", "pub", ""},
		"AWS, us-east-1":         {s3.ClientOptions{Region: "us-east-1", Credentials: staticKeys}, "bucket", "pub", ""},
		"AWS, China":             {s3.ClientOptions{Region: "cn-north-1", Credentials: staticKeys}, "bucket", "pub", ""},
		"AWS, anonymous":         {s3.ClientOptions{Anonymous: true}, "bucket", "pub", "123456789012"},
		"AWS, alias":             {s3.ClientOptions{Credentials: staticKeys}, "name-abcdefghijklmnopqrstuvwxyz0123456789-s3alias", "", ""},
		"endpoint":               {s3.ClientOptions{Endpoint: "http://127.0.0.1:9000", Credentials: staticKeys}, "bucket", "pub", ""},
		"endpoint, default port": {s3.ClientOptions{Endpoint: "http://minio.example:80", Credentials: staticKeys}, "bucket", "pub", ""},
		"endpoint, TLS port":     {s3.ClientOptions{Endpoint: "https://minio.example:443/", Credentials: staticKeys}, "bucket", "", "123456789012"},
		"endpoint, IPv6":         {s3.ClientOptions{Endpoint: "http://[::1]:9000", Credentials: staticKeys}, "bucket", "pub", ""},
		"endpoint with a path":   {s3.ClientOptions{Endpoint: "https://minio.example/s 3/x%2Fy/", Credentials: staticKeys}, "bucket", "a b", ""},
		"endpoint, by host":      {s3.ClientOptions{Endpoint: "https://minio.example/s3", PathStyle: &no, Credentials: staticKeys}, "bucket", "pub", ""},
		"endpoint, dots by host": {s3.ClientOptions{Endpoint: "https://minio.example", PathStyle: &no, Credentials: staticKeys}, "my.bucket", "pub", ""},
		"endpoint, anonymous":    {s3.ClientOptions{Endpoint: "https://minio.example", Anonymous: true}, "bucket", "pub", ""},
	} {
		t.Run(what, func(t *testing.T) {
			if tt.opts.Region == "" {
				tt.opts.Region = "eu-central-1"
			}
			// run returns all requests in order, and checks their signatures.
			run := func(t *testing.T, sdk bool) (list []sentRequest) {
				rec := &recorder{}
				opts := tt.opts
				opts.HTTPClient = rec
				client, err := s3.NewClient(opts)
				if err != nil {
					t.Fatal(err)
				}
				var api s3.API = client
				if sdk {
					api = client.Client
				}
				b, err := s3.New(api, s3.Options{Bucket: tt.bucket, Prefix: tt.prefix, ExpectedBucketOwner: tt.owner})
				if err != nil {
					t.Fatal(err)
				}
				if b.OwnRequests() == sdk {
					t.Fatalf("its own requests: %t", b.OwnRequests())
				}
				for _, s := range names {
					for _, kind := range slices.Sorted(maps.Keys(requests)) {
						if obj, err := b.Open(t.Context(), name(s), requests[kind]); err == nil {
							if _, err := io.Copy(io.Discard, obj.Body); err != nil {
								t.Errorf("%s, %s: %v", s, kind, err)
							}
							obj.Body.Close()
						}
					}
					if _, err := b.Stat(t.Context(), name(s), vfs.Request{}); err != nil {
						t.Errorf("%s: %v", s, err)
					}
				}
				for _, req := range rec.requests {
					list = append(list, sent(req))
					if opts.Credentials != nil {
						c, err := opts.Credentials.Retrieve(context.Background())
						if err != nil {
							t.Fatal(err)
						}
						checkSignature(t, req, c)
					}
				}
				return list
			}
			synctest.Test(t, func(t *testing.T) {
				own, sdk := run(t, false), run(t, true)
				if len(own) < len(names)*len(requests) {
					t.Errorf("only %d requests", len(own))
				}
				if diff := cmp.Diff(sdk, own); diff != "" {
					t.Errorf("the SDK's requests (-) differ (+):\n%.3000s", diff)
				}
			})
		})
	}
}

// changingKeys are credentials that expire after an hour. Only the secret changes.
type changingKeys struct{ last aws.Credentials }

func (k *changingKeys) Retrieve(context.Context) (aws.Credentials, error) {
	k.last = aws.Credentials{AccessKeyID: "key-id", SecretAccessKey: k.last.SecretAccessKey + "x", CanExpire: true, Expires: time.Now().Add(time.Hour)}
	return k.last, nil
}

// A signing key is kept for a day, and not beyond its credentials.
func TestSigningKeyChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec, keys := &recorder{}, &changingKeys{}
		client, err := s3.NewClient(s3.ClientOptions{Region: "eu-west-1", Credentials: keys, HTTPClient: rec})
		if err != nil {
			t.Fatal(err)
		}
		b := newBackend(t, client, s3.Options{})
		secrets := map[string]bool{}
		for range 20 {
			time.Sleep(25 * time.Minute)
			if _, err := b.Stat(t.Context(), name("file"), vfs.Request{}); err != nil {
				t.Fatal(err)
			}
			checkSignature(t, rec.requests[len(rec.requests)-1], keys.last)
			secrets[keys.last.SecretAccessKey] = true
		}
		time.Sleep(24 * time.Hour)
		for range 2 {
			if _, err := b.Stat(t.Context(), name("file"), vfs.Request{}); err != nil {
				t.Fatal(err)
			}
			checkSignature(t, rec.requests[len(rec.requests)-1], keys.last)
			time.Sleep(13 * time.Hour)
		}
		if len(secrets) < 3 {
			t.Errorf("the secret changed %d times", len(secrets))
		}
	})
}

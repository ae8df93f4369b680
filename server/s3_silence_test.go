package server_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/bailiwick-fs/bailiwick/backends/s3"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/testdata/s3gateway"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

const (
	silentBucket = "tellnobody"
	silentPrefix = "thisdirectory/either"
)

// telltales are strings that no response may contain: where objects are stored, and the
// messages of S3.
func telltales(g *s3gateway.Gateway) []string {
	return []string{
		silentBucket, "nosuchbucket", "thisdirectory", strings.TrimPrefix(g.Endpoint, "http://"), g.AccessKey, g.SecretKey, "127.0.0.1",
		"RequestId", "HostId", "x-amz", "AccessDenied", "NoSuchKey", "NoSuchBucket", "InvalidRange", "PreconditionFailed", "SignatureDoesNotMatch", "InvalidAccessKeyId",
		"versitygw", "Error>", "s3",
	}
}

// TestS3Silence: whatever S3 answers, a client learns neither where objects are stored nor
// whether an object is missing or forbidden. The record has the reason for the operator.
func TestS3Silence(t *testing.T) {
	g := s3gateway.Start(t)
	b := g.Bucket(t, silentBucket)
	plantKeys(t, b, map[string]string{silentPrefix + "/ok.txt": "ok", silentPrefix + "/sub/x.txt": "x"})
	access, secret := g.User(t, "stranger")

	recorded := map[string]audit.Attempt{}
	serve := func(api s3.API, bucket string) http.Handler {
		backend, err := s3.New(api, s3.Options{Bucket: bucket, Prefix: silentPrefix})
		if err != nil {
			t.Fatal(err)
		}
		rec := recorderFunc(func(a *audit.Attempt) { recorded[a.Raw] = *a })
		return server.New(jailOver(t, backend, allow("**")), server.Config{List: true, NoIndex: true, Logger: quiet, Recorder: rec})
	}
	dead := httptest.NewServer(nil)
	dead.Close()
	options := g.Client(t).Options()
	options.BaseEndpoint, options.Retryer = &dead.URL, aws.NopRetryer{}

	owner := serve(g.Client(t), silentBucket)
	missing := map[string]reply{}
	for _, method := range []string{"GET", "HEAD"} {
		missing[method] = request(t, owner, method, "/missing.txt")
		if missing[method].Status != 404 {
			t.Fatalf("a missing name: %d", missing[method].Status)
		}
	}
	targets := []string{"/ok.txt", "/sub/", "/missing.txt", "/sub", "/missing/", "/../x", "/ok.txt/x", "/" + strings.Repeat("n", 255)}
	for _, tt := range []struct {
		what    string
		handler http.Handler
		status  int // for an existing name
		reason  vfs.Reason
	}{
		{"owner", owner, 200, ""},
		{"a user without rights", serve(g.ClientOf(t, access, secret), silentBucket), 404, reason.Permission},
		{"wrong bucket", serve(g.Client(t), "nosuchbucket"), 503, audit.ReasonUnavailable},
		{"wrong secret", serve(g.ClientOf(t, access, "wrong"), silentBucket), 503, audit.ReasonUnavailable},
		{"unknown user", serve(g.ClientOf(t, "nobody", "wrong"), silentBucket), 503, audit.ReasonUnavailable},
		{"no server", serve(awss3.New(options), silentBucket), 503, audit.ReasonUnavailable},
	} {
		for _, method := range []string{"GET", "HEAD"} {
			for _, target := range targets {
				for _, headers := range [][]string{nil, {"Range", "bytes=900-"}, {"If-Match", `"x"`}, {"If-None-Match", "*"}} {
					r := request(t, tt.handler, method, target, headers...)
					text := fmt.Sprint(r.Header, r.Body)
					for _, tell := range telltales(g) {
						if strings.Contains(strings.ToLower(text), strings.ToLower(tell)) {
							t.Errorf("%s: %s %s %q: %q is in %d %s", tt.what, method, target, headers, tell, r.Status, text)
						}
					}
					if r.Status == 404 && (r.Body != missing[method].Body || fmt.Sprint(r.Header) != fmt.Sprint(missing[method].Header)) {
						t.Errorf("%s: %s %s %q: %v is not the uniform 404", tt.what, method, target, headers, r)
					}
				}
			}
		}
		if r := request(t, tt.handler, "GET", "/ok.txt"); r.Status != tt.status {
			t.Errorf("%s: %d, want %d", tt.what, r.Status, tt.status)
		}
		if got := recorded["/ok.txt"].Reason; got != tt.reason {
			t.Errorf("%s: recorded with reason %q, want %q", tt.what, got, tt.reason)
		}
	}
}

type recorderFunc func(*audit.Attempt)

func (f recorderFunc) Record(a *audit.Attempt) { f(a) }

// TestS3OddKeys stores objects under unusual keys, as other S3 clients do, and reads them
// over HTTP.
func TestS3OddKeys(t *testing.T) {
	g := s3gateway.Start(t)
	b := g.Bucket(t, "oddkeys")
	objects := map[string]string{}
	for _, name := range []string{
		"two words.txt", " leading", "trailing ", "a+b", "a%2Bb", "hash#tag", "what?", "a&b=c;d", "100%", "%2e%2e", "😀.txt", "caf\u00e9", "cafe\u0301", "~", "a..b", "'quoted\"", "<b>",
		"[x]{y}*", "写真/фото.jpg", "10:30.log", "$(x)`y`|z^", "@,!",
	} {
		objects["dir/"+name] = "contents of " + name
	}
	plantKeys(t, b, objects)
	h := server.New(jailOver(t, bucketBackend(t, g.Client(t), b, "dir"), allow("re:.*")), server.Config{List: true})
	listing := request(t, h, "GET", "/", "Accept", "text/html").Body
	for key, data := range objects {
		path := "/" + escapedPath(t, strings.TrimPrefix(key, "dir/"))
		if r := request(t, h, "GET", path); r.Status != 200 || r.Body != data {
			t.Errorf("%s: %d %q", path, r.Status, r.Body)
		}
		if first, _, deeper := strings.Cut(path[1:], "/"); !strings.Contains(listing, `href="./`+first) && !deeper {
			t.Errorf("%s is not in the listing", path)
		}
	}
}

package s3gateway_test

import (
	"os"
	"slices"
	"testing"

	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/bailiwick-fs/bailiwick/testdata/s3gateway"
)

// TestGateway checks that requests are logged as soon as the response arrives: tests
// that count requests depend on it.
func TestGateway(t *testing.T) {
	g := s3gateway.Start(t)
	b := g.Bucket(t, "bucket")
	client := g.Client(t)
	for _, key := range []string{
		"plain.txt", "dir/two words.txt", " leading", "a /b /c", "dir /bucket/dir ", "a+b", "100%.txt", "%2e%2e", "#?&=", "caf\u00e9", "😀", "-", `"quoted" [x]`,
	} {
		if err := b.Put(t.Context(), key, []byte("data"), "text/plain"); err != nil {
			t.Errorf("%q: %v", key, err)
			continue
		}
		if data, err := os.ReadFile(b.Path(key)); err != nil || string(data) != "data" {
			t.Errorf("the file of %q has %q, %v", key, data, err)
		}
		g.Reset(t)
		if got := g.Requests(t); len(got) > 0 {
			t.Errorf("after Reset: %v", got)
		}
		for range 20 {
			g.Reset(t)
			if _, err := client.HeadObject(t.Context(), &awss3.HeadObjectInput{Bucket: &b.Name, Key: &key}); err != nil {
				t.Errorf("%q: %v", key, err)
			}
			want := []s3gateway.Request{{Op: "HeadObject", Bucket: "bucket", Key: key}}
			if got := g.Requests(t); !slices.Equal(got, want) {
				t.Errorf("%q: logged %v, want %v", key, got, want)
			}
		}
	}
	g.Reset(t)
	if _, err := client.HeadBucket(t.Context(), &awss3.HeadBucketInput{Bucket: &b.Name}); err != nil {
		t.Error(err)
	}
	if got := g.Requests(t); len(got) != 1 || got[0] != (s3gateway.Request{Op: "HeadBucket", Bucket: "bucket"}) {
		t.Errorf("logged %v, want one HeadBucket", got)
	}

	access, secret := g.User(t, "stranger")
	stranger := g.ClientOf(t, access, secret)
	if _, err := stranger.HeadBucket(t.Context(), &awss3.HeadBucketInput{Bucket: &b.Name}); err == nil {
		t.Error("a user without permissions can access the bucket")
	}
}

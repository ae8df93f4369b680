package s3_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/backends/s3"
	"github.com/bailiwick-fs/bailiwick/testdata/s3gateway"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// URLs are made only with credentials to sign them.
func TestDirectNeedsCredentials(t *testing.T) {
	signed := s3gateway.Start(t).Client(t)
	public, err := s3.NewClient(s3.ClientOptions{Region: "us-east-1", Endpoint: "https://s3.example", Anonymous: true})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		api  s3.API
		want bool
	}{"signed": {signed, true}, "anonymous": {public, false}, "not the SDK's client": {struct{ s3.API }{signed}, false}} {
		b, err := s3.New(c.api, s3.Options{Bucket: "bucket"})
		if err != nil {
			t.Fatal(err)
		}
		if got := b.Caps().Direct; got != c.want {
			t.Errorf("%s: Direct is %t", name, got)
		}
	}
}

// A URL takes a plain GET and nothing else, supports every possible key, and is not
// made for an object that is missing or does not meet the request.
func TestDirect(t *testing.T) {
	g := s3gateway.Start(t)
	bucket := g.Bucket(t, "direct")
	key := "pub/a b+c&d=é%2f?.txt"
	if err := bucket.Put(t.Context(), key, []byte("data"), "text/html"); err != nil {
		t.Fatal(err)
	}
	b, err := s3.New(g.Client(t), s3.Options{Bucket: bucket.Name, Prefix: "pub"})
	if err != nil {
		t.Fatal(err)
	}
	direct := vfs.Request{Direct: vfs.Direct{For: time.Minute, ContentType: "text/plain", ContentDisposition: `attachment; filename="x y.txt"`}}
	name, err := vfs.ParseName(strings.TrimPrefix(key, "pub/"))
	if err != nil {
		t.Fatal(err)
	}
	obj, err := b.Open(t.Context(), name, direct)
	if err != nil {
		t.Fatal(err)
	}
	defer obj.Body.Close()
	u, err := url.Parse(obj.Location)
	if err != nil || u.Path != "/"+bucket.Name+"/"+key || u.Query().Get("X-Amz-SignedHeaders") != "host" || obj.Info.Size != 4 {
		t.Fatalf("%+v: %v", obj, err)
	}
	resp, err := http.Get(obj.Location)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 || string(body) != "data" || resp.Header.Get("Content-Type") != "text/plain" || resp.Header.Get("Content-Disposition") != `attachment; filename="x y.txt"` {
		t.Errorf("%d %q %v", resp.StatusCode, body, resp.Header)
	}

	missing, _ := vfs.ParseName("missing")
	if obj, err := b.Open(t.Context(), missing, direct); vfs.ReasonOf(err) != reason.Missing {
		t.Errorf("missing: %+v %v", obj, err)
	}
	direct.Cond.IfMatch = vfs.Tags{List: []vfs.Tag{{Value: "other"}}}
	if obj, err := b.Open(t.Context(), name, direct); err == nil {
		t.Errorf("another version: %+v", obj)
	}
}

package gcs_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"cloud.google.com/go/storage"
	"github.com/fsouza/fake-gcs-server/fakestorage"
	cdk "gocloud.dev/blob"
	"gocloud.dev/blob/gcsblob"
	"google.golang.org/api/option"

	"github.com/bailiwick-fs/bailiwick/backends/blob"
	"github.com/bailiwick-fs/bailiwick/backends/blob/gcs"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/vfstest"
)

// TestBackend runs the contract of vfs.Backend on an emulator.
func TestBackend(t *testing.T) {
	server, url := startServer(t)
	client := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(client.CloseIdleConnections)
	var buckets atomic.Int64
	open := func(opts blob.Options) func(t *testing.T, tree vfstest.Tree) vfs.Backend {
		return func(t *testing.T, tree vfstest.Tree) vfs.Backend {
			name := fmt.Sprintf("tree-%d", buckets.Add(1))
			server.CreateBucketWithOpts(fakestorage.CreateBucketOpts{Name: name})
			for _, objects := range []map[string]string{tree.Files, tree.Raw} {
				for key, data := range objects {
					server.CreateObject(fakestorage.Object{
						ObjectAttrs: fakestorage.ObjectAttrs{BucketName: name, Name: key, ContentType: "text/plain"},
						Content:     []byte(data),
					})
				}
			}
			opts.Service = gcs.Service
			b, err := blob.New(openBucket(t, url, client, name), opts)
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
	}
	raw := []string{
		"raw/../x", "raw//x", "raw/./x", "raw/", "raw/dir/", "raw/back\\slash", "raw/new\nline",
		"raw/\u202egnp.txt", "raw/\ufeff", "raw/__0x2f__", "raw/x__0x41__", "raw/a__0x2f__b",
	}
	vfstest.TestBackend(t, open(blob.Options{Writable: true}), vfstest.Options{
		Raw: raw,
	})
}

// startServer starts the emulator, and returns its address.
func startServer(t *testing.T) (*fakestorage.Server, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server, err := fakestorage.NewServerWithOptions(fakestorage.Options{NoListener: true, PublicHost: l.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	web := &httptest.Server{Listener: l, Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// The emulator leaves this out of an object's own answer, and its pages are not in
		// order: each has all prefixes.
		w.Header().Set("X-Goog-Metageneration", "1")
		query := r.URL.Query()
		query.Del("maxResults")
		r.URL.RawQuery = query.Encode()
		server.HTTPHandler().ServeHTTP(w, r)
	})}}
	web.Start()
	t.Cleanup(web.Close)
	return server, web.URL
}

func openBucket(t *testing.T, url string, client *http.Client, name string) *cdk.Bucket {
	t.Helper()
	// With authentication, it would look for the metadata server of a cloud.
	service, err := storage.NewClient(t.Context(), option.WithEndpoint(url+"/storage/v1/"), option.WithHTTPClient(client), option.WithoutAuthentication())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { service.Close() })
	bucket, err := gcsblob.OpenBucket(t.Context(), nil, name, &gcsblob.Options{Client: service})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { bucket.Close() })
	return bucket
}

package azure_test

import (
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/bailiwick-fs/bailiwick/backends/blob"
	"github.com/bailiwick-fs/bailiwick/backends/blob/azure"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// TestExample runs the example's server against the emulator.
func TestExample(t *testing.T) {
	a := startAzurite(t)
	bucket, client := a.bucket(t, a.http)
	for key, data := range map[string]string{"index.html": "<h1>Hello</h1>", "settings.yaml": "password: x"} {
		if err := bucket.WriteAll(t.Context(), key, []byte(data), nil); err != nil {
			t.Fatal(err)
		}
	}
	u, err := url.Parse(client.URL())
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("AZURE_STORAGE_ACCOUNT", account)
	t.Setenv("AZURE_STORAGE_KEY", key)
	_, container, _ := strings.Cut(u.Path[1:], "/")
	handler, err := site(t.Context(), "azblob://"+container+"?localemu=true&protocol=http&domain="+u.Host)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int{"/": http.StatusOK, "/settings.yaml": http.StatusNotFound, "/missing.html": http.StatusNotFound} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code != want || want == http.StatusOK && w.Body.String() != "<h1>Hello</h1>" {
			t.Errorf("%s: %d %q, want %d", path, w.Code, w.Body, want)
		}
	}
}

// A recorder notes the requests that pass through it.
type recorder struct {
	client   *http.Client
	mu       sync.Mutex
	requests []string
}

func (r *recorder) Do(req *http.Request) (*http.Response, error) {
	line := req.Method
	if tag := req.Header.Get("If-Match"); tag != "" {
		line += " If-Match"
	}
	if tag := req.Header.Get("If-None-Match"); tag != "" {
		line += " If-None-Match " + tag
	}
	r.mu.Lock()
	r.requests = append(r.requests, line)
	r.mu.Unlock()
	return r.client.Do(req)
}

// TestRequests: reading takes one request, and conditions are the service's.
func TestRequests(t *testing.T) {
	a := startAzurite(t)
	log := &recorder{client: a.http}
	bucket, _ := a.bucket(t, log)
	b, err := blob.New(bucket, blob.Options{Service: azure.Service, Writable: true})
	if err != nil {
		t.Fatal(err)
	}
	n, err := vfs.ParseName("a")
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	var tag vfs.Tags
	put := func(cond vfs.Cond) func() error {
		return func() error {
			info, err := b.Put(ctx, n, strings.NewReader("0123456789"), vfs.PutOptions{Cond: cond})
			tag = vfs.Tags{List: []vfs.Tag{{Value: info.ETag, Set: true}}}
			return err
		}
	}
	get := func(req vfs.Request) func() error {
		return func() error {
			obj, err := b.Open(ctx, n, req)
			if err != nil {
				return err
			}
			defer obj.Body.Close()
			_, err = io.Copy(io.Discard, obj.Body)
			return err
		}
	}
	for _, tt := range []struct {
		what string
		do   func() error
		want []string
	}{
		{"create", put(vfs.Cond{IfNoneMatch: vfs.Tags{Any: true}}), []string{"PUT If-None-Match *", "HEAD"}},
		{"replace", func() error { return put(vfs.Cond{IfMatch: tag})() }, []string{"HEAD", "PUT If-Match", "HEAD"}},
		{"put", put(vfs.Cond{}), []string{"PUT", "HEAD"}},
		{"get", get(vfs.Request{}), []string{"GET"}},
		{"get a part", get(vfs.Request{Range: vfs.RangeBetween(2, 5)}), []string{"GET"}},
		{"get the end", get(vfs.Request{Range: vfs.RangeSuffix(3)}), []string{"HEAD", "GET If-Match"}},
		{"get this version", func() error { return get(vfs.Request{Cond: vfs.Cond{IfMatch: tag}})() }, []string{"GET"}},
		{"stat", func() error { _, err := b.Stat(ctx, n, vfs.Request{}); return err }, []string{"HEAD"}},
		{"remove", func() error { return b.Remove(ctx, n, vfs.Cond{IfMatch: tag}) }, []string{"HEAD", "DELETE If-Match"}},
	} {
		log.requests = nil
		if err := tt.do(); err != nil {
			t.Fatalf("%s: %v", tt.what, err)
		}
		if !slices.Equal(log.requests, tt.want) {
			t.Errorf("%s sent %q, want %q", tt.what, log.requests, tt.want)
		}
	}
}

// TestCompressed: the bytes of an object are those that are stored, whatever its coding.
func TestCompressed(t *testing.T) {
	a := startAzurite(t)
	bucket, _ := a.bucket(t, a.http)
	b, err := blob.New(bucket, blob.Options{Service: azure.Service, Writable: true})
	if err != nil {
		t.Fatal(err)
	}
	n, err := vfs.ParseName("a.gz")
	if err != nil {
		t.Fatal(err)
	}
	var packed strings.Builder
	zip := gzip.NewWriter(&packed)
	io.WriteString(zip, strings.Repeat("text ", 1000))
	zip.Close()
	if _, err := b.Put(t.Context(), n, strings.NewReader(packed.String()), vfs.PutOptions{Encoding: "gzip"}); err != nil {
		t.Fatal(err)
	}
	obj, err := b.Open(context.Background(), n, vfs.Request{})
	if err != nil {
		t.Fatal(err)
	}
	defer obj.Body.Close()
	data, err := io.ReadAll(obj.Body)
	if err != nil || string(data) != packed.String() || obj.Info.Encoding != "gzip" {
		t.Errorf("%d bytes, %v, coding %q, want the %d stored ones", len(data), err, obj.Info.Encoding, packed.Len())
	}
}

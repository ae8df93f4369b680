package server_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/sync/errgroup"

	"github.com/bailiwick-fs/bailiwick/backends/s3"
	"github.com/bailiwick-fs/bailiwick/testdata/s3gateway"
)

// A watchedAPI counts connections and the bytes of bodies.
type watchedAPI struct {
	s3.API
	dials   atomic.Int64
	fetched atomic.Int64 // bytes of bodies
}

func (w *watchedAPI) trace(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{ConnectStart: func(string, string) { w.dials.Add(1) }})
}

func (w *watchedAPI) GetObject(ctx context.Context, in *awss3.GetObjectInput, opts ...func(*awss3.Options)) (*awss3.GetObjectOutput, error) {
	out, err := w.API.GetObject(w.trace(ctx), in, opts...)
	if err == nil {
		out.Body = &watchedBody{out.Body, w}
	}
	return out, err
}

func (w *watchedAPI) HeadObject(ctx context.Context, in *awss3.HeadObjectInput, opts ...func(*awss3.Options)) (*awss3.HeadObjectOutput, error) {
	return w.API.HeadObject(w.trace(ctx), in, opts...)
}

func (w *watchedAPI) ListObjectsV2(ctx context.Context, in *awss3.ListObjectsV2Input, opts ...func(*awss3.Options)) (*awss3.ListObjectsV2Output, error) {
	return w.API.ListObjectsV2(w.trace(ctx), in, opts...)
}

type watchedBody struct {
	io.ReadCloser
	w *watchedAPI
}

func (b *watchedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.w.fetched.Add(int64(n))
	return n, err
}

// bucketBackend returns a backend for the objects below prefix.
func bucketBackend(t testing.TB, api s3.API, b *s3gateway.Bucket, prefix string) *s3.Backend {
	t.Helper()
	backend, err := s3.New(api, s3.Options{Bucket: b.Name, Prefix: prefix})
	if err != nil {
		t.Fatal(err)
	}
	return backend
}

// plantKeys stores objects by key.
func plantKeys(t testing.TB, b *s3gateway.Bucket, objects map[string]string) {
	t.Helper()
	var group errgroup.Group
	group.SetLimit(8)
	for _, key := range slices.Sorted(maps.Keys(objects)) {
		group.Go(func() error {
			if err := b.Put(t.Context(), key, []byte(objects[key]), ""); err != nil {
				return fmt.Errorf("planting %q: %w", key, err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
}

// operations returns the S3 operations of requests, without the keys.
func operations(requests []s3gateway.Request) []string {
	ops := make([]string, len(requests))
	for i, r := range requests {
		ops[i] = r.Op
	}
	return ops
}

// request sends a request with an unmodified target, and headers given as pairs.
func request(t testing.TB, h http.Handler, method, target string, headers ...string) reply {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(method + " " + target + " HTTP/1.1\r\nHost: bailiwick.example\r\n\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	r.RemoteAddr = "192.0.2.1:1234"
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r.WithContext(t.Context()))
	return reply{w.Code, w.Header(), w.Body.String()}
}

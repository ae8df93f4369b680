package server_test

import (
	"bufio"
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

	"golang.org/x/sync/errgroup"

	"github.com/bailiwick-fs/bailiwick/backends/s3"
	"github.com/bailiwick-fs/bailiwick/testdata/s3gateway"
)

// A watchedTransport counts the connections of a client, and the bytes of objects.
type watchedTransport struct {
	next    http.RoundTripper
	dials   atomic.Int64
	fetched atomic.Int64
}

// watch must be called before a backend is made of the client.
func watch(c *s3.Client) *watchedTransport {
	h := c.Options().HTTPClient.(*http.Client)
	w := &watchedTransport{next: h.Transport}
	h.Transport = w
	return w
}

func (w *watchedTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	trace := &httptrace.ClientTrace{ConnectStart: func(string, string) { w.dials.Add(1) }}
	res, err := w.next.RoundTrip(req.WithContext(httptrace.WithClientTrace(req.Context(), trace)))
	if err == nil && res.StatusCode/100 == 2 && req.URL.Query().Get("x-id") == "GetObject" {
		res.Body = &watchedBody{res.Body, w}
	}
	return res, err
}

func (w *watchedTransport) CloseIdleConnections() {
	w.next.(interface{ CloseIdleConnections() }).CloseIdleConnections()
}

type watchedBody struct {
	io.ReadCloser
	w *watchedTransport
}

func (b *watchedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.w.fetched.Add(int64(n))
	return n, err
}

// eachRoad runs a test with backends that read objects with requests of their own, and
// through the SDK.
func eachRoad(t *testing.T, test func(t *testing.T, api func(*s3.Client) s3.API)) {
	t.Run("own requests", func(t *testing.T) { test(t, func(c *s3.Client) s3.API { return c }) })
	t.Run("SDK", func(t *testing.T) { test(t, func(c *s3.Client) s3.API { return c.Client }) })
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

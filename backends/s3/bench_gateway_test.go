//go:build unix

package s3_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/bailiwick-fs/bailiwick/backends/s3"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/testdata/s3gateway"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A getter gets an object and discards it. It records when the first byte came.
type getter struct {
	name string
	get  func(ctx context.Context) (first time.Time, n int64, err error)

	first, elapsed, cpu time.Duration
	gets                int
	mallocs             uint64
}

// BenchmarkGET gets an object from this package over HTTP; through a bare
// httputil.ReverseProxy in front of the same S3 server, which is the best that a proxy
// in Go can do; and from that server with the SDK. They alternate within one run and
// share the processors with the S3 server and the clients. CPU time and allocations are
// those of this process, which includes the clients but not the S3 server.
func BenchmarkGET(b *testing.B) {
	for _, c := range []struct {
		name           string
		size, parallel int
	}{
		{"1KiB", 1 << 10, 1},
		{"100KiB", 100 << 10, 32},
		{"64MiB", 64 << 20, 1},
	} {
		b.Run(fmt.Sprintf("%s/parallel%d", c.name, c.parallel), func(b *testing.B) { benchmarkGET(b, c.size, c.parallel) })
	}
}

func benchmarkGET(b *testing.B, size, parallel int) {
	g := s3gateway.Start(b)
	bucket := g.Bucket(b, "bench")
	const key = "pub/object.bin"
	if err := bucket.Put(b.Context(), key, bytes.Repeat([]byte("0123456789abcdef"), size/16), ""); err != nil {
		b.Fatal(err)
	}
	client := g.Client(b)
	getters := []*getter{
		{name: "bailiwick", get: httpGetter(b, jailed(b, client, bucket.Name, "pub"), "/object.bin")},
		{name: "proxy", get: httpGetter(b, reverseProxy(b, client.Client, bucket.Name, key), "/")},
		{name: "sdk", get: sdkGetter(client.Client, bucket.Name, key)},
	}
	for _, t := range getters {
		t.turn(b, parallel, parallel, int64(size)) // opens the connections
		t.first, t.elapsed, t.cpu, t.gets, t.mallocs = 0, 0, 0, 0, 0
	}
	count := max(parallel, min(64, 16<<20/size))
	for b.Loop() {
		for _, t := range getters {
			t.turn(b, count, parallel, int64(size))
		}
	}
	us := func(d time.Duration, t *getter) float64 { return float64(d.Nanoseconds()) / 1e3 / float64(t.gets) }
	for _, t := range getters {
		b.ReportMetric(us(t.first, t), t.name+"-first-µs")
		b.ReportMetric(us(t.cpu, t), t.name+"-cpu-µs")
		b.ReportMetric(float64(t.mallocs)/float64(t.gets), t.name+"-allocs")
		b.ReportMetric(float64(size)*float64(t.gets)/1e6/t.elapsed.Seconds(), t.name+"-MB/s")
	}
	ours, proxy, sdk := getters[0], getters[1], getters[2]
	b.ReportMetric(us(ours.first, ours)/us(proxy.first, proxy), "first-byte/proxy")
	b.ReportMetric(us(proxy.elapsed, proxy)/us(ours.elapsed, ours), "×proxy")
	b.ReportMetric(us(sdk.elapsed, sdk)/us(ours.elapsed, ours), "×sdk")
	b.ReportMetric(0, "ns/op") // it covers all three
}

// turn gets the object count times, with the given parallelism.
func (t *getter) turn(b *testing.B, count, parallel int, size int64) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	cpu := cpuTime(b)
	start := time.Now()
	waits := make([]time.Duration, parallel)
	var group errgroup.Group
	for i := range parallel {
		group.Go(func() error {
			for range count / parallel {
				begin := time.Now()
				first, n, err := t.get(b.Context())
				if err == nil && n != size {
					err = fmt.Errorf("%d bytes of %d", n, size)
				}
				if err != nil {
					return fmt.Errorf("%s: %w", t.name, err)
				}
				waits[i] += first.Sub(begin)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		b.Fatal(err)
	}
	t.elapsed += time.Since(start)
	t.cpu += cpuTime(b) - cpu
	runtime.ReadMemStats(&after)
	t.mallocs += after.Mallocs - before.Mallocs
	t.gets += count / parallel * parallel
	for _, w := range waits {
		t.first += w
	}
}

func cpuTime(b *testing.B) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func jailed(b *testing.B, api s3.API, bucket, prefix string) http.Handler {
	backend, err := s3.New(api, s3.Options{Bucket: bucket, Prefix: prefix})
	if err != nil {
		b.Fatal(err)
	}
	jail, err := vfs.New(backend, vfs.Policy{Allow: vfs.Patterns("**")})
	if err != nil {
		b.Fatal(err)
	}
	log := audit.NewLog(io.Discard, audit.LogOptions{})
	b.Cleanup(func() { log.Close() })
	return server.New(jail, server.Config{Recorder: log, List: true, NoIndex: true})
}

// reverseProxy passes every request on to one URL, which is signed once.
func reverseProxy(b *testing.B, client *awss3.Client, bucket, key string) http.Handler {
	signed, err := awss3.NewPresignClient(client).PresignGetObject(b.Context(), &awss3.GetObjectInput{Bucket: &bucket, Key: aws.String(key)})
	if err != nil {
		b.Fatal(err)
	}
	target, err := url.Parse(signed.URL)
	if err != nil {
		b.Fatal(err)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 256, DisableCompression: true}
	b.Cleanup(transport.CloseIdleConnections)
	return &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.Out.URL, r.Out.Host = target, target.Host },
		Transport: transport,
	}
}

func httpGetter(b *testing.B, h http.Handler, target string) func(ctx context.Context) (time.Time, int64, error) {
	srv := httptest.NewServer(h)
	transport := &http.Transport{MaxIdleConnsPerHost: 256, DisableCompression: true}
	b.Cleanup(func() {
		transport.CloseIdleConnections()
		srv.Close()
	})
	return func(ctx context.Context) (first time.Time, n int64, err error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, srv.URL+target, nil)
		if err != nil {
			return first, 0, err
		}
		res, err := transport.RoundTrip(req)
		if err != nil {
			return first, 0, err
		}
		if res.StatusCode != http.StatusOK {
			res.Body.Close()
			return first, 0, fmt.Errorf("status %d", res.StatusCode)
		}
		return drain(res.Body)
	}
}

func sdkGetter(client *awss3.Client, bucket, key string) func(ctx context.Context) (time.Time, int64, error) {
	return func(ctx context.Context) (first time.Time, n int64, err error) {
		out, err := client.GetObject(ctx, &awss3.GetObjectInput{Bucket: &bucket, Key: &key})
		if err != nil {
			return first, 0, err
		}
		return drain(out.Body)
	}
}

func drain(body io.ReadCloser) (first time.Time, n int64, err error) {
	defer body.Close()
	if _, err := io.ReadFull(body, make([]byte, 1)); err != nil {
		return first, 0, err
	}
	first = time.Now()
	n, err = io.Copy(io.Discard, body)
	return first, n + 1, err
}

// BenchmarkListing reads the first page of a directory with many keys: one request, and
// no more memory than a page needs.
func BenchmarkListing(b *testing.B) {
	for _, keys := range []int{2000, 100_000} {
		b.Run(fmt.Sprint(keys), func(b *testing.B) {
			g := s3gateway.Start(b)
			bucket := g.Bucket(b, "bench")
			if err := os.MkdirAll(bucket.Path("pub/many"), 0o755); err != nil {
				b.Fatal(err)
			}
			for i := range keys {
				if err := os.WriteFile(bucket.Path(fmt.Sprintf("pub/many/%06d.txt", i)), nil, 0o644); err != nil {
					b.Fatal(err)
				}
			}
			h := jailed(b, g.Client(b), bucket.Name, "pub")
			g.Reset(b)
			b.ReportAllocs()
			pages := 0
			for b.Loop() {
				w := httptest.NewRecorder()
				r := httptest.NewRequest(http.MethodGet, "/many/", nil)
				r.Header.Set("Accept", "application/json")
				h.ServeHTTP(w, r)
				if w.Code != http.StatusOK {
					b.Fatal(w.Code)
				}
				pages++
			}
			b.ReportMetric(float64(len(g.Requests(b)))/float64(pages), "requests/page")
		})
	}
}

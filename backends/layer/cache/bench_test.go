package cache_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/backends/disk"
	"github.com/bailiwick-fs/bailiwick/backends/layer/cache"
	"github.com/bailiwick-fs/bailiwick/backends/layer/limit"
	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/backends/s3"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/testdata/s3gateway"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

var sizes = []int{1 << 10, 100 << 10, 10 << 20}

// BenchmarkWarm requests an object over loopback from the cache, and the same bytes from
// disk. Both alternate, so that noise affects both. ×disk is the ratio of requests per
// second.
func BenchmarkWarm(b *testing.B) {
	for _, size := range sizes {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			data := pattern(1, size)
			dir := b.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "a"), []byte(data), 0o600); err != nil {
				b.Fatal(err)
			}
			d, err := disk.New(dir, disk.Options{SkipSelfTest: true})
			if err != nil {
				b.Fatal(err)
			}
			defer d.Close()
			m, err := mem.FromMap(map[string]string{"a": data})
			if err != nil {
				b.Fatal(err)
			}
			c := openIn(b, m, filepath.Join(b.TempDir(), "cache"), cache.Options{TTL: hour})
			for how := miss; how != hit; {
				if _, how, err = read(b.Context(), c, name(b, "a"), whole); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportAllocs()
			alternate(b, c, d, size, "×disk")
		})
	}
}

// BenchmarkOpen opens, reads a byte of and closes a known object, without HTTP.
func BenchmarkOpen(b *testing.B) {
	for _, size := range sizes {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			m, err := mem.FromMap(map[string]string{"a": pattern(1, size)})
			if err != nil {
				b.Fatal(err)
			}
			c := openIn(b, m, filepath.Join(b.TempDir(), "cache"), cache.Options{TTL: hour})
			n := name(b, "a")
			for how := miss; how != hit; {
				if _, how, err = read(b.Context(), c, n, whole); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportAllocs()
			for b.Loop() {
				obj, err := c.Open(context.Background(), n, whole)
				if err != nil {
					b.Fatal(err)
				}
				obj.Body.Close()
			}
		})
	}
}

// BenchmarkCold opens and reads objects that are not known, through the cache and without
// it, from a source in memory that answers after 5 ms, from the same over 1 Gbit/s, and
// from a real S3 server on this machine. ×bare is the ratio of objects per second, and ×first that of the times to the
// first byte.
func BenchmarkCold(b *testing.B) {
	for _, size := range sizes {
		b.Run(fmt.Sprintf("mem/%dKiB", size>>10), func(b *testing.B) {
			m, err := mem.FromMap(map[string]string{"a": pattern(1, size)})
			if err != nil {
				b.Fatal(err)
			}
			benchmarkCold(b, pretends{slowly{m}})
		})
		b.Run(fmt.Sprintf("gigabit/%dKiB", size>>10), func(b *testing.B) {
			m, err := mem.FromMap(map[string]string{"a": pattern(1, size)})
			if err != nil {
				b.Fatal(err)
			}
			benchmarkCold(b, pretends{limit.New(slowly{m}, limit.Options{BytesPerSecond: 1e9 / 8})})
		})
		b.Run(fmt.Sprintf("s3/%dKiB", size>>10), func(b *testing.B) {
			g := s3gateway.Start(b)
			bucket := g.Bucket(b, "cold")
			if err := bucket.Put(b.Context(), "a", []byte(pattern(1, size)), ""); err != nil {
				b.Fatal(err)
			}
			s, err := s3.New(g.Client(b), s3.Options{Bucket: bucket.Name})
			if err != nil {
				b.Fatal(err)
			}
			benchmarkCold(b, pretends{s})
		})
	}
}

func benchmarkCold(b *testing.B, source vfs.Backend) {
	n := name(b, "a")
	c := openIn(b, source, filepath.Join(b.TempDir(), "cache"), cache.Options{TTL: hour})
	buf := make([]byte, 256<<10)
	get := func(from vfs.Backend, all, first *time.Duration) {
		began := time.Now()
		obj, err := from.Open(context.Background(), n, whole)
		if err != nil {
			b.Fatal(err)
		}
		defer obj.Body.Close()
		obj.Body.Read(buf[:32<<10]) // as the server does
		*first += time.Since(began)
		if _, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{obj.Body}, buf); err != nil {
			b.Fatal(err)
		}
		*all += time.Since(began)
	}
	var cold, bare, coldFirst, bareFirst time.Duration
	for b.Loop() {
		get(c, &cold, &coldFirst)
		if err := c.Remove(context.Background(), n, vfs.Cond{}); err != nil { // the cache forgets
			b.Fatal(err)
		}
		get(source, &bare, &bareFirst)
	}
	b.ReportMetric(float64(bare)/float64(cold), "×bare")
	b.ReportMetric(float64(coldFirst)/float64(bareFirst), "×first")
	b.ReportMetric(float64(cold.Nanoseconds())/float64(b.N), "ns/cold")
}

// slowly answers after 5 ms.
type slowly struct{ vfs.Backend }

func (s slowly) Open(ctx context.Context, n vfs.Name, req vfs.Request) (*vfs.Object, error) {
	time.Sleep(5 * time.Millisecond)
	return s.Backend.Open(ctx, n, req)
}

// pretends only pretends to remove objects.
type pretends struct{ vfs.Backend }

func (pretends) Remove(context.Context, vfs.Name, vfs.Cond) error { return nil }

// alternate requests /a from servers over both backends in turn.
func alternate(b *testing.B, one, other vfs.Backend, size int, unit string) {
	client := func(from vfs.Backend) func() time.Duration {
		jail, err := vfs.New(from, vfs.Policy{Allow: vfs.Patterns("**")})
		if err != nil {
			b.Fatal(err)
		}
		s := httptest.NewServer(server.New(jail, server.Config{}))
		b.Cleanup(s.Close)
		transport := &http.Transport{MaxIdleConnsPerHost: 1, DisableCompression: true}
		b.Cleanup(transport.CloseIdleConnections)
		buf := make([]byte, 256<<10)
		return func() time.Duration {
			began := time.Now()
			req, err := http.NewRequest("GET", s.URL+"/a", nil)
			if err != nil {
				b.Fatal(err)
			}
			resp, err := transport.RoundTrip(req)
			if err != nil {
				b.Fatal(err)
			}
			defer resp.Body.Close()
			if n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, resp.Body, buf); n != int64(size) || err != nil {
				b.Fatalf("%d bytes, %v", n, err)
			}
			return time.Since(began)
		}
	}
	first, second := client(one), client(other)
	var spent, rival time.Duration
	for b.Loop() {
		spent += first()
		rival += second()
	}
	b.ReportMetric(float64(rival)/float64(spent), unit)
	b.ReportMetric(float64(spent.Nanoseconds())/float64(b.N), "ns/GET")
}

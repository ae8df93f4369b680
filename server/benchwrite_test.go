package server_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"

	"github.com/bailiwick-fs/bailiwick/backends/disk"
	"github.com/bailiwick-fs/bailiwick/backends/s3"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/server/catalog/sqlite"
	"github.com/bailiwick-fs/bailiwick/testdata/s3gateway"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// BenchmarkWriteDisk sends a body over loopback in four ways: put is a PUT that replaces a
// file; upload is an upload with its row in SQLite; bare is a handler around io.Copy to a
// file and fsync, after which a crash may leave a file truncated or missing; careful writes
// a file of another name, syncs and renames it, and syncs the directory, without which a
// success response promises nothing. They alternate within one run. The medians are
// compared; a ratio says how many times as fast this package is.
func BenchmarkWriteDisk(b *testing.B) {
	for _, size := range []int{1 << 20, 64 << 20} {
		b.Run(fmt.Sprintf("%dMiB", size>>20), func(b *testing.B) {
			dir := b.TempDir()
			for _, sub := range []string{"ours", "uploads", "bare", "careful"} {
				if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
					b.Fatal(err)
				}
			}
			open := func(sub string) vfs.Backend {
				backend, err := disk.New(filepath.Join(dir, sub), disk.Options{Writable: true})
				if err != nil {
					b.Fatal(err)
				}
				b.Cleanup(func() { backend.Close() })
				return backend
			}
			w := newWriters(b, size, open("ours"), open("uploads"))
			data := w.data
			w.serve("bare", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				writeFile(b, filepath.Join(dir, "bare/object"), r.Body)
			}))
			w.serve("careful", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				file := filepath.Join(dir, "careful/object")
				writeFile(b, file+".new", r.Body)
				if err := os.Rename(file+".new", file); err != nil {
					b.Error(err)
				}
				d, err := os.Open(filepath.Dir(file))
				if err != nil {
					b.Error(err)
					return
				}
				defer d.Close()
				if err := d.Sync(); err != nil {
					b.Error(err)
				}
			}))
			w.run(b, len(data))
		})
	}
}

func writeFile(b *testing.B, file string, body io.Reader) {
	f, err := os.Create(file)
	if err == nil {
		_, err = io.Copy(f, body)
	}
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		b.Error(err)
	}
}

// BenchmarkWriteS3 is the same for S3. sdk is the SDK alone, without HTTP in front of it,
// with all bytes in memory: one PutObject, or as many concurrent parts as this package
// sends.
func BenchmarkWriteS3(b *testing.B) {
	for _, size := range []int{1 << 20, 64 << 20} {
		b.Run(fmt.Sprintf("%dMiB", size>>20), func(b *testing.B) {
			g := s3gateway.Start(b)
			bucket := g.Bucket(b, "bench").Name
			client := g.Client(b)
			open := func(prefix string) vfs.Backend {
				backend, err := s3.New(client, s3.Options{Bucket: bucket, Prefix: prefix, Writable: true})
				if err != nil {
					b.Fatal(err)
				}
				return backend
			}
			w := newWriters(b, size, open("ours"), open("uploads"))
			w.add("sdk", func(ctx context.Context) error { return sendParts(ctx, client.Client, bucket, w.data) })
			w.run(b, size)
		})
	}
}

// sendParts stores data by the SDK.
func sendParts(ctx context.Context, client *awss3.Client, bucket string, data []byte) error {
	const part = 8 << 20
	key := aws.String("direct")
	if len(data) <= part {
		_, err := client.PutObject(ctx, &awss3.PutObjectInput{Bucket: &bucket, Key: key, Body: bytes.NewReader(data)})
		return err
	}
	upload, err := client.CreateMultipartUpload(ctx, &awss3.CreateMultipartUploadInput{
		Bucket: &bucket, Key: key, ChecksumAlgorithm: types.ChecksumAlgorithmCrc32,
	})
	if err != nil {
		return err
	}
	parts := make([]types.CompletedPart, (len(data)+part-1)/part)
	var group errgroup.Group
	group.SetLimit(4)
	for i := range parts {
		group.Go(func() error {
			number := aws.Int32(int32(i + 1))
			out, err := client.UploadPart(ctx, &awss3.UploadPartInput{
				Bucket: &bucket, Key: key, UploadId: upload.UploadId, PartNumber: number,
				ChecksumAlgorithm: types.ChecksumAlgorithmCrc32,
				Body:              bytes.NewReader(data[i*part : min((i+1)*part, len(data))]),
			})
			if err != nil {
				return err
			}
			parts[i] = types.CompletedPart{PartNumber: number, ETag: out.ETag, ChecksumCRC32: out.ChecksumCRC32}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	_, err = client.CompleteMultipartUpload(ctx, &awss3.CompleteMultipartUploadInput{
		Bucket: &bucket, Key: key, UploadId: upload.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
	})
	return err
}

// writers are several ways to store the same bytes. The first two are those of this
// package.
type writers struct {
	b    *testing.B
	data []byte
	ways []*writeWay
}

type writeWay struct {
	name    string
	do      func(ctx context.Context) error
	elapsed []time.Duration
}

func newWriters(b *testing.B, size int, puts, uploads vfs.Backend) *writers {
	w := &writers{b: b, data: bytes.Repeat([]byte("0123456789abcdef"), size/16)}
	jail, err := vfs.New(puts, vfs.Policy{Allow: vfs.Patterns("**")})
	if err != nil {
		b.Fatal(err)
	}
	w.serve("put", server.New(jail, server.Config{Write: true}))
	if jail, err = vfs.New(uploads, catalog.Policy()); err != nil {
		b.Fatal(err)
	}
	cat, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "c.db"), "mem:bench", sqlite.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { cat.Close() })
	s := httptest.NewServer(server.NewUploads(jail, cat, server.UploadConfig{}))
	b.Cleanup(s.Close)
	w.add("upload", func(ctx context.Context) error {
		return w.send(ctx, "POST", s.URL+"/", http.StatusCreated)
	})
	return w
}

func (w *writers) add(name string, do func(ctx context.Context) error) {
	w.ways = append(w.ways, &writeWay{name: name, do: do})
}

// serve adds a handler that stores the body of a PUT.
func (w *writers) serve(name string, h http.Handler) {
	s := httptest.NewServer(h)
	w.b.Cleanup(s.Close)
	w.add(name, func(ctx context.Context) error { return w.send(ctx, "PUT", s.URL+"/object", 0) })
}

func (w *writers) send(ctx context.Context, method, url string, want int) error {
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(w.data))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Disposition", "attachment; filename=object")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 || want != 0 && resp.StatusCode != want {
		return fmt.Errorf("%s: %s", method, resp.Status)
	}
	return nil
}

func (w *writers) run(b *testing.B, size int) {
	b.Cleanup(http.DefaultClient.CloseIdleConnections)
	order := slices.Clone(w.ways)
	for _, way := range order {
		if err := way.do(b.Context()); err != nil { // opens the connection
			b.Fatal(err)
		}
	}
	for b.Loop() {
		for range max(1, min(8, 64<<20/size)) {
			for _, way := range order {
				start := time.Now()
				if err := way.do(b.Context()); err != nil {
					b.Fatal(err)
				}
				way.elapsed = append(way.elapsed, time.Since(start))
			}
			slices.Reverse(order)
		}
	}
	for _, way := range w.ways {
		b.ReportMetric(float64(size)/way.median().Seconds()/1e6, way.name+"-MB/s")
	}
	for _, own := range w.ways[:2] {
		for _, other := range w.ways[2:] {
			b.ReportMetric(float64(other.median())/float64(own.median()), own.name+"/"+other.name)
		}
	}
	b.ReportMetric(0, "ns/op") // it would be the sum over all ways
}

// median is the median time of a write, which is robust against other load on the machine.
func (w *writeWay) median() time.Duration {
	slices.Sort(w.elapsed)
	return w.elapsed[len(w.elapsed)/2]
}

//go:build unix

package s3_test

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"

	"github.com/bailiwick-fs/bailiwick/backends/s3"
	"github.com/bailiwick-fs/bailiwick/testdata/s3gateway"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// BenchmarkPut stores an object with this package, and with only the SDK: with one
// PutObject, or with a multipart upload with as many parts in flight. They alternate
// within one run; the result is the median. The SDK already has the bytes in memory,
// while Put reads them. ×sdk is Put's speed relative to the SDK's.
func BenchmarkPut(b *testing.B) {
	for _, c := range []struct {
		name string
		size int
	}{{"1KiB", 1 << 10}, {"1MiB", 1 << 20}, {"64MiB", 64 << 20}} {
		b.Run(c.name, func(b *testing.B) { benchmarkPut(b, c.size) })
	}
}

const benchPart = 8 << 20

func benchmarkPut(b *testing.B, size int) {
	g := s3gateway.Start(b)
	bucket := g.Bucket(b, "bench").Name
	client := g.Client(b)
	backend, err := s3.New(client, s3.Options{Bucket: bucket, Writable: true, PartSize: benchPart})
	if err != nil {
		b.Fatal(err)
	}
	data := bytes.Repeat([]byte("0123456789abcdef"), size/16)
	direct := putDirect
	if size > benchPart {
		direct = putParts
	}
	putters := []*putter{
		{name: "bailiwick", put: func(ctx context.Context) error {
			_, err := backend.Put(ctx, name("ours"), bytes.NewReader(data), vfs.PutOptions{Size: int64(size), SizeKnown: true})
			return err
		}},
		{name: "sdk", put: func(ctx context.Context) error { return direct(ctx, client.Client, bucket, data) }},
	}
	for _, p := range putters {
		p.once(b) // opens the connections
		*p = putter{name: p.name, put: p.put}
	}
	for b.Loop() {
		for range max(1, min(64, 16<<20/size)) {
			for _, p := range putters {
				p.once(b)
			}
			slices.Reverse(putters)
		}
	}
	slices.SortFunc(putters, func(a, b *putter) int { return strings.Compare(a.name, b.name) })
	for _, p := range putters {
		b.ReportMetric(float64(p.median().Nanoseconds())/1e3, p.name+"-µs")
		b.ReportMetric(float64(p.mallocs)/float64(len(p.elapsed)), p.name+"-allocs")
		b.ReportMetric(float64(p.bytes)/float64(len(p.elapsed)), p.name+"-B")
	}
	b.ReportMetric(float64(putters[1].median())/float64(putters[0].median()), "×sdk")
	b.ReportMetric(0, "ns/op") // it covers both
}

// A putter stores one object repeatedly.
type putter struct {
	name string
	put  func(ctx context.Context) error

	elapsed        []time.Duration
	mallocs, bytes uint64
}

func (p *putter) once(b *testing.B) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	if err := p.put(b.Context()); err != nil {
		b.Fatal(err)
	}
	p.elapsed = append(p.elapsed, time.Since(start))
	runtime.ReadMemStats(&after)
	p.mallocs += after.Mallocs - before.Mallocs
	p.bytes += after.TotalAlloc - before.TotalAlloc
}

// median returns the median duration of a Put, since other processes use the machine,
// too, and delay some Puts.
func (p *putter) median() time.Duration {
	slices.Sort(p.elapsed)
	return p.elapsed[len(p.elapsed)/2]
}

func putDirect(ctx context.Context, client *awss3.Client, bucket string, data []byte) error {
	_, err := client.PutObject(ctx, &awss3.PutObjectInput{Bucket: &bucket, Key: aws.String("direct"), Body: bytes.NewReader(data)})
	return err
}

func putParts(ctx context.Context, client *awss3.Client, bucket string, data []byte) error {
	key := aws.String("direct")
	upload, err := client.CreateMultipartUpload(ctx, &awss3.CreateMultipartUploadInput{
		Bucket: &bucket, Key: key, ChecksumAlgorithm: types.ChecksumAlgorithmCrc32,
	})
	if err != nil {
		return err
	}
	parts := make([]types.CompletedPart, (len(data)+benchPart-1)/benchPart)
	var group errgroup.Group
	group.SetLimit(4)
	for i := range parts {
		group.Go(func() error {
			number := aws.Int32(int32(i + 1))
			out, err := client.UploadPart(ctx, &awss3.UploadPartInput{
				Bucket: &bucket, Key: key, UploadId: upload.UploadId, PartNumber: number,
				ChecksumAlgorithm: types.ChecksumAlgorithmCrc32,
				Body:              bytes.NewReader(data[i*benchPart : min((i+1)*benchPart, len(data))]),
			})
			if err != nil {
				return fmt.Errorf("part %d: %w", i, err)
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

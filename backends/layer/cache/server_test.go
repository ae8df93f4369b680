package cache_test

import (
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/backends/layer/cache"
	"github.com/bailiwick-fs/bailiwick/backends/s3"
	"github.com/bailiwick-fs/bailiwick/testdata/s3gateway"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// What a real S3 server is asked: one request for an unknown object, one without a body
// to confirm a known one, and a range for missing blocks.
func TestRequestsToServer(t *testing.T) {
	g := s3gateway.Start(t)
	bucket := g.Bucket(t, "cached")
	data := pattern(1, 2*mib+5)
	if err := bucket.Put(t.Context(), "a", []byte(data), ""); err != nil {
		t.Fatal(err)
	}
	b, err := s3.New(g.Client(t), s3.Options{Bucket: bucket.Name, Writable: true})
	if err != nil {
		t.Fatal(err)
	}
	n := name(t, "a")
	asked := func(c *cache.Cache, r vfs.Range, ops string, bytes int) {
		t.Helper()
		g.Reset(t)
		before := c.Stats().BytesFromSource
		if err := compare(t.Context(), c, n, vfs.Request{Range: r}, part(data, r)); err != nil {
			t.Error(err)
		}
		var got []string
		for _, r := range g.Requests(t) {
			got = append(got, r.Op)
		}
		if strings.Join(got, " ") != ops {
			t.Errorf("%v: %q, want %q", r, got, ops)
		}
		if c.Close(); c.Stats().BytesFromSource-before != uint64(bytes) {
			t.Errorf("%v: %d bytes from the source, want %d", r, c.Stats().BytesFromSource-before, bytes)
		}
	}
	dir := tempDir(t) + "/cache"
	for _, step := range []struct {
		r     vfs.Range
		ops   string
		bytes int
	}{
		{vfs.RangeBetween(mib, 2*mib-1), "GetObject", mib},
		{vfs.RangeBetween(mib+5, mib+9), "GetObject", 0}, // 304
		{vfs.Range{}, "GetObject GetObject", mib + 5},    // blocks 0 and 2
		{vfs.Range{}, "GetObject", 0},
	} {
		// A new Cache each time, since Close completes what is being written.
		asked(openIn(t, b, dir, cache.Options{TTL: hour}), step.r, step.ops, step.bytes)
	}
}

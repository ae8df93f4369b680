package s3_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	cdk "gocloud.dev/blob"
	"gocloud.dev/blob/s3blob"
	"golang.org/x/sync/errgroup"

	"github.com/bailiwick-fs/bailiwick/backends/blob"
	"github.com/bailiwick-fs/bailiwick/backends/blob/s3"
	"github.com/bailiwick-fs/bailiwick/testdata/s3gateway"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/vfstest"
)

// TestBackend runs the contract of vfs.Backend on a real server, on whole buckets and
// under a prefix.
func TestBackend(t *testing.T) {
	g := s3gateway.Start(t)
	var buckets atomic.Int64
	open := func(opts blob.Options) func(t *testing.T, tree vfstest.Tree) vfs.Backend {
		return func(t *testing.T, tree vfstest.Tree) vfs.Backend {
			b := g.Bucket(t, fmt.Sprintf("tree-%d", buckets.Add(1)))
			plant(t, b, tree)
			return newBackend(t, openBucket(t, g, b.Name), opts)
		}
	}
	// The server stores keys as paths on a disk, so these are the odd keys that it can
	// store. The driver would list the last ones as others.
	raw := []string{
		"raw/back\\slash", "raw/new\nline", "raw/\u202egnp.txt", "raw/\ufeff", "raw/empty/",
		"raw/__0x2f__", "raw/x__0x41__", "raw/__0x2e____0x2e__/x", "raw/a__0x2f__b",
	}
	// To replace an object, the server creates a file beside it with a longer name.
	tooLong := func(name string) bool {
		for elem := range strings.SplitSeq(name, "/") {
			if len(elem) > vfs.MaxElementBytes-50 {
				return true
			}
		}
		return false
	}
	vfstest.TestBackend(t, open(blob.Options{Service: s3.Service, Writable: true}), vfstest.Options{
		Raw: raw,
		OpenAt: func(t *testing.T, tree vfstest.Tree, prefix string) vfs.Backend {
			return open(blob.Options{Service: s3.Service, Writable: true, Prefix: prefix})(t, tree)
		},
		// Prefix and name together form a key.
		Unholdable: func(name string) bool {
			return tooLong(name) || len("under a/prefix/")+len(name) > vfs.MaxNameBytes
		},
	})
}

func openBucket(t *testing.T, g *s3gateway.Gateway, name string) *cdk.Bucket {
	t.Helper()
	bucket, err := s3blob.OpenBucket(t.Context(), g.Client(t).Client, name, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { bucket.Close() })
	return bucket
}

func newBackend(t *testing.T, bucket *cdk.Bucket, opts blob.Options) *blob.Backend {
	t.Helper()
	b, err := blob.New(bucket, opts)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// plant stores objects through S3, and odd keys through the server's disk, as another
// program would.
func plant(t *testing.T, b *s3gateway.Bucket, tree vfstest.Tree) {
	t.Helper()
	var group errgroup.Group
	group.SetLimit(8)
	for name, data := range tree.Files {
		group.Go(func() error {
			if err := b.Put(t.Context(), name, []byte(data), ""); err != nil {
				return fmt.Errorf("planting %q: %w", name, err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	for name, data := range tree.Raw {
		path := b.Path(name)
		if strings.HasSuffix(name, "/") {
			if err := os.MkdirAll(path, 0o755); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

package s3_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/bailiwick-fs/bailiwick/backends/s3"
	"github.com/bailiwick-fs/bailiwick/testdata/s3gateway"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/vfstest"
)

// TestBackendOnServer runs the contract of vfs.Backend on a real server: on
// whole buckets, and under a prefix.
func TestBackendOnServer(t *testing.T) {
	g := s3gateway.Start(t)
	client := apiOf(g.Client(t))
	var buckets atomic.Int64
	serve := func(t *testing.T, tree vfstest.Tree, opts s3.Options) vfs.Backend {
		bucket := g.Bucket(t, fmt.Sprintf("tree-%d", buckets.Add(1)))
		plantTree(t, bucket, tree)
		opts.Bucket = bucket.Name
		b, err := s3.New(client, opts)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	// The server stores keys as paths on a disk, so these are the odd keys that it can
	// store.
	raw := []string{"raw/back\\slash", "raw/new\nline", "raw/\u202egnp.txt", "raw/\ufeff", "raw/empty/"}
	readOnly := func(t *testing.T, tree vfstest.Tree) vfs.Backend { return serve(t, tree, s3.Options{}) }
	writable := func(t *testing.T, tree vfstest.Tree) vfs.Backend {
		return serve(t, tree, s3.Options{Writable: true, PartSize: 5 << 20})
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

	vfstest.TestBackend(t, readOnly, vfstest.Options{Raw: raw})
	vfstest.TestBackend(t, writable, vfstest.Options{
		Raw: raw,
		OpenAt: func(t *testing.T, tree vfstest.Tree, prefix string) vfs.Backend {
			return serve(t, tree, s3.Options{Prefix: prefix, Writable: true})
		},
		// Prefix and name together form a key.
		Unholdable: func(name string) bool {
			return tooLong(name) || len("under a/prefix/")+len(name) > vfs.MaxNameBytes
		},
	})
}

// plantTree stores objects through S3, and odd keys through the server's disk, as
// another program would.
func plantTree(t *testing.T, b *s3gateway.Bucket, tree vfstest.Tree) {
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
		if name[len(name)-1] == '/' {
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

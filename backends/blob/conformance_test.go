package blob_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	cdk "gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
	"gocloud.dev/blob/memblob"

	"github.com/bailiwick-fs/bailiwick/backends/blob"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/vfstest"
)

// oddKeys are keys that the CDK's drivers store and that are no names.
var oddKeys = []string{
	"raw/../x", "raw//x", "raw/./x", "raw/", "raw/dir/", "raw/back\\slash", "raw/new\nline", "raw/nul\x00",
	"raw/\u202egnp.txt", "raw/\ufeff", "raw/\U0010ffff", "raw/__0x2f__", "raw/x__0x41__",
}

// TestMemory runs the contract of vfs.Backend on memblob.
func TestMemory(t *testing.T) {
	open := func(opts blob.Options) func(t *testing.T, tree vfstest.Tree) vfs.Backend {
		return func(t *testing.T, tree vfstest.Tree) vfs.Backend {
			bucket := memblob.OpenBucket(nil)
			t.Cleanup(func() { bucket.Close() })
			plant(t, bucket, tree.Files)
			plant(t, bucket, tree.Raw)
			return newBackend(t, bucket, opts)
		}
	}
	vfstest.TestBackend(t, open(blob.Options{}), vfstest.Options{Raw: oddKeys})
	vfstest.TestBackend(t, open(blob.Options{Writable: true, Exclusive: true}), vfstest.Options{
		Raw: oddKeys,
		OpenAt: func(t *testing.T, tree vfstest.Tree, prefix string) vfs.Backend {
			return open(blob.Options{Writable: true, Exclusive: true, Prefix: prefix})(t, tree)
		},
		// Prefix and name together form a key.
		Unholdable: func(name string) bool { return len("under a/prefix/")+len(name) > vfs.MaxNameBytes },
	})
}

// TestFiles runs the contract on fileblob: on a directory that others filled, with links
// and FIFOs, and on one that the CDK filled.
func TestFiles(t *testing.T) {
	for name, fileOpts := range map[string]fileblob.Options{
		"attributes": {}, "no attributes": {Metadata: fileblob.MetadataDontWrite, NoTempDir: true},
	} {
		t.Run(name, func(t *testing.T) {
			open := func(opts blob.Options) func(t *testing.T, tree vfstest.Tree) vfs.Backend {
				return func(t *testing.T, tree vfstest.Tree) vfs.Backend {
					opts := opts
					opts.Dir = t.TempDir()
					plantFiles(t, opts.Dir, tree)
					bucket, err := fileblob.OpenBucket(opts.Dir, &fileOpts)
					if err != nil {
						t.Fatal(err)
					}
					t.Cleanup(func() { bucket.Close() })
					return newBackend(t, bucket, opts)
				}
			}
			// Files, and keys that the driver reads out of the names of files.
			raw := []string{
				"raw/back\\slash", "raw/new\nline", "raw/\u202egnp.txt", "raw/\ufeff", "raw/bad\xff", "raw/x.attrs",
				"raw/__0x2f__", "raw/x__0x41__", "raw/__0x2e____0x2e__/x", "raw/__0x41__/x", "raw/a__0x2f__b",
				"raw/half.0123456789abcdef.tmp",
			}
			options := vfstest.Options{Links: true, Special: true, Raw: raw, Unholdable: unholdableFile}
			if name != "attributes" {
				vfstest.TestBackend(t, open(blob.Options{Writable: true, Exclusive: true}), options)
				return
			}
			vfstest.TestBackend(t, open(blob.Options{}), options)
			options.OpenAt = func(t *testing.T, tree vfstest.Tree, prefix string) vfs.Backend {
				return open(blob.Options{Writable: true, Exclusive: true, Prefix: prefix})(t, tree)
			}
			options.Unholdable = func(name string) bool {
				return unholdableFile(name) || len("under a/prefix/")+len(name) > vfs.MaxNameBytes
			}
			vfstest.TestBackend(t, open(blob.Options{Writable: true, Exclusive: true}), options)
		})
	}
}

// unholdableFile leaves room for the suffix of a temporary file.
func unholdableFile(name string) bool {
	return len(name[strings.LastIndexByte(name, '/')+1:]) > 234
}

func newBackend(t *testing.T, bucket *cdk.Bucket, opts blob.Options) *blob.Backend {
	t.Helper()
	b, err := blob.New(bucket, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// plant stores objects as another program would.
func plant(t *testing.T, bucket *cdk.Bucket, objects map[string]string) {
	t.Helper()
	for key, data := range objects {
		if err := bucket.WriteAll(t.Context(), key, []byte(data), nil); err != nil {
			t.Fatalf("planting %q: %v", key, err)
		}
	}
}

func plantFiles(t *testing.T, dir string, tree vfstest.Tree) {
	t.Helper()
	parent := func(name string) string {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, files := range []map[string]string{tree.Files, tree.Raw} {
		for name, data := range files {
			if err := os.WriteFile(parent(name), []byte(data), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, target := range tree.Links {
		if err := os.Symlink(target, parent(name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range tree.Special {
		if err := mkfifo(parent(name)); err != nil {
			t.Fatal(err)
		}
	}
}

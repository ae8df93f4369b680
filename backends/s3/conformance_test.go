package s3_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/bailiwick-fs/bailiwick/backends/s3"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/vfstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestBackend runs the contract of vfs.Backend on a bucket in memory, on one that
// returns three keys per page, and below a prefix.
func TestBackend(t *testing.T) {
	raw := []string{
		"raw/../x", "raw//x", "raw/./x", "raw/", "raw/dir/", "raw/back\\slash", "raw/new\nline", "raw/nul\x00",
		"raw/\u202egnp.txt", "raw/\ufeff", "raw/\U0010ffff",
	}
	for name, pageSize := range map[string]int{"whole pages": 0, "pages of three": 3} {
		t.Run(name, func(t *testing.T) {
			plant := func(tree vfstest.Tree) *fake {
				f := newFake(tree.Files)
				for key, data := range tree.Raw {
					f.objects[key] = fakeObject{data: data, modified: modified}
				}
				f.pageSize = pageSize
				return f
			}
			open := func(opts s3.Options) func(t *testing.T, tree vfstest.Tree) vfs.Backend {
				return func(t *testing.T, tree vfstest.Tree) vfs.Backend { return newBackend(t, plant(tree), opts) }
			}
			vfstest.TestBackend(t, open(s3.Options{}), vfstest.Options{Raw: raw})
			vfstest.TestBackend(t, open(s3.Options{Writable: true, PartSize: 5 << 20}), vfstest.Options{
				Raw: raw,
				OpenAt: func(t *testing.T, tree vfstest.Tree, prefix string) vfs.Backend {
					return open(s3.Options{Prefix: prefix, Writable: true})(t, tree)
				},
				// Prefix and name together form a key.
				Unholdable: func(name string) bool { return len("under a/prefix/")+len(name) > vfs.MaxNameBytes },
			})
		})
	}
}

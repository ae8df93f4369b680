package layer_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"
	"golang.org/x/sync/errgroup"

	"github.com/bailiwick-fs/bailiwick/backends/disk"
	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/backends/s3"
	"github.com/bailiwick-fs/bailiwick/testdata/s3gateway"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/vfstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// An opener returns a backend that contains exactly tree.
type opener func(t *testing.T, tree vfstest.Tree) vfs.Backend

// A store is what the layers are tested over.
type store struct {
	name string
	open opener
	// prefix is the number of bytes that the layers put before a name.
	prefix int
	// maxElem is the maximum length of an element.
	maxElem int
	// plants: links and FIFOs can be planted.
	plants bool
	// weaknesses of the layers, see vfstest.Options.
	weaknesses map[string]string
}

func (s store) options() vfstest.Options {
	return vfstest.Options{
		Links: s.plants, Special: s.plants, Weaknesses: s.weaknesses,
		Unholdable: func(name string) bool {
			if s.prefix+len(name) > vfs.MaxNameBytes {
				return true
			}
			for elem := range strings.SplitSeq(name, "/") {
				if len(elem) > s.maxElem {
					return true
				}
			}
			return false
		},
	}
}

func memStore() store {
	return store{name: "mem", maxElem: vfs.MaxElementBytes, open: func(t *testing.T, tree vfstest.Tree) vfs.Backend {
		b, err := mem.FromMap(tree.Files)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}}
}

func diskStore() store {
	return store{name: "disk", maxElem: vfs.MaxElementBytes, plants: plantsLinks, open: func(t *testing.T, tree vfstest.Tree) vfs.Backend {
		dir := memoryDir(t)
		path := func(name string) string {
			p := filepath.Join(dir, filepath.FromSlash(name))
			if err := os.MkdirAll(filepath.Dir(p), 0o700); err != nil {
				t.Fatal(err)
			}
			return p
		}
		for name, data := range tree.Files {
			if err := os.WriteFile(path(name), []byte(data), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		for name, text := range tree.Links {
			if err := os.Symlink(text, path(name)); err != nil {
				t.Fatal(err)
			}
		}
		for _, name := range tree.Special {
			plantSpecial(t, path(name))
		}
		b, err := disk.New(dir, disk.Options{Writable: true, SkipSelfTest: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { b.Close() })
		return b
	}}
}

// s3Store starts one server. It skips the test if there is none.
func s3Store(t *testing.T) store {
	g := s3gateway.Start(t)
	client := g.Client(t)
	var buckets atomic.Int64
	// To replace an object, the server creates a file beside it with a longer name.
	return store{name: "s3", maxElem: vfs.MaxElementBytes - 50, open: func(t *testing.T, tree vfstest.Tree) vfs.Backend {
		bucket := g.Bucket(t, fmt.Sprintf("tree-%d", buckets.Add(1)))
		var group errgroup.Group
		group.SetLimit(8)
		for name, data := range tree.Files {
			group.Go(func() error { return bucket.Put(t.Context(), name, []byte(data), "") })
		}
		if err := group.Wait(); err != nil {
			t.Fatal(err)
		}
		b, err := s3.New(client, s3.Options{Bucket: bucket.Name, Writable: true, PartSize: 5 << 20})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}}
}

// memoryDir is t.TempDir in memory, if the system supports that: these tests do not
// depend on a disk.
func memoryDir(t *testing.T) string {
	dir, err := os.MkdirTemp("/dev/shm", "bailiwick-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// split divides a tree at random.
func split(rng *rand.Rand, tree vfstest.Tree) (a, b vfstest.Tree) {
	a = vfstest.Tree{Files: map[string]string{}, Links: tree.Links, Special: tree.Special}
	b = vfstest.Tree{Files: map[string]string{}}
	for _, name := range sortedNames(tree.Files) {
		if rng.IntN(2) == 0 {
			a.Files[name] = tree.Files[name]
		} else {
			b.Files[name] = tree.Files[name]
		}
	}
	return a, b
}

package cache_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/backends/disk"
	"github.com/bailiwick-fs/bailiwick/backends/layer/cache"
	"github.com/bailiwick-fs/bailiwick/backends/layer/mount"
	"github.com/bailiwick-fs/bailiwick/backends/layer/readonly"
	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/backends/s3"
	"github.com/bailiwick-fs/bailiwick/testdata/s3gateway"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/vfstest"
)

// lifetimes are the options with which the contract is checked: each call asks the
// source, or none does.
var lifetimes = map[string]cache.Options{"ttl 0": {}, "ttl 1h": {TTL: time.Hour}}

func TestBackendOverMem(t *testing.T) {
	for way, opts := range lifetimes {
		t.Run(way, func(t *testing.T) {
			vfstest.TestBackend(t, func(t *testing.T, tree vfstest.Tree) vfs.Backend {
				b, err := mem.FromMap(tree.Files)
				if err != nil {
					t.Fatal(err)
				}
				return open(t, b, opts)
			}, vfstest.Options{})
		})
	}
}

// TestBackendTwice: a Cache over a Cache is a backend, too.
func TestBackendTwice(t *testing.T) {
	vfstest.TestBackend(t, func(t *testing.T, tree vfstest.Tree) vfs.Backend {
		b, err := mem.FromMap(tree.Files)
		if err != nil {
			t.Fatal(err)
		}
		return open(t, open(t, b, cache.Options{TTL: hour}), cache.Options{})
	}, vfstest.Options{})
}

// TestBackendAmongLayers: a Cache passes on what the layers below it support.
func TestBackendAmongLayers(t *testing.T) {
	for what, stack := range map[string]func(t *testing.T, b vfs.Backend) vfs.Backend{
		"over readonly": func(t *testing.T, b vfs.Backend) vfs.Backend {
			return open(t, readonly.New(b), cache.Options{TTL: hour})
		},
		"below mount": func(t *testing.T, b vfs.Backend) vfs.Backend {
			m, err := mount.New(open(t, b, cache.Options{TTL: hour}))
			if err != nil {
				t.Fatal(err)
			}
			return m
		},
	} {
		t.Run(what, func(t *testing.T) {
			vfstest.TestBackend(t, func(t *testing.T, tree vfstest.Tree) vfs.Backend {
				b, err := mem.FromMap(tree.Files)
				if err != nil {
					t.Fatal(err)
				}
				return stack(t, b)
			}, vfstest.Options{})
		})
	}
}

func TestBackendOverDisk(t *testing.T) {
	for way, opts := range lifetimes {
		t.Run(way, func(t *testing.T) {
			vfstest.TestBackend(t, func(t *testing.T, tree vfstest.Tree) vfs.Backend {
				dir := tempDir(t)
				for name, data := range tree.Files {
					path := filepath.Join(dir, filepath.FromSlash(name))
					if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
						t.Fatal(err)
					}
				}
				for name, target := range tree.Links {
					path := filepath.Join(dir, filepath.FromSlash(name))
					if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
						t.Fatal(err)
					}
					if err := os.Symlink(filepath.FromSlash(target), path); err != nil {
						t.Fatal(err)
					}
				}
				b, err := disk.New(dir, disk.Options{Writable: true, SkipSelfTest: true})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { b.Close() })
				return open(t, b, opts)
			}, vfstest.Options{
				Links:      os.PathSeparator == '/',
				Unholdable: func(name string) bool { return os.PathSeparator != '/' && !vfstest.Portable(name) },
			})
		})
	}
}

func TestBackendOverServer(t *testing.T) {
	g := s3gateway.Start(t)
	client := g.Client(t)
	var buckets atomic.Int64
	vfstest.TestBackend(t, func(t *testing.T, tree vfstest.Tree) vfs.Backend {
		bucket := g.Bucket(t, fmt.Sprintf("cached-%d", buckets.Add(1)))
		for name, data := range tree.Files {
			if err := bucket.Put(t.Context(), name, []byte(data), ""); err != nil {
				t.Fatal(err)
			}
		}
		b, err := s3.New(client, s3.Options{Bucket: bucket.Name, Writable: true, PartSize: 5 << 20})
		if err != nil {
			t.Fatal(err)
		}
		return open(t, b, cache.Options{TTL: hour})
	}, vfstest.Options{
		// To replace an object, the server creates a file beside it with a longer name.
		Unholdable: func(name string) bool {
			for elem := range strings.SplitSeq(name, "/") {
				if len(elem) > vfs.MaxElementBytes-50 {
					return true
				}
			}
			return false
		},
	})
}

package disk_test

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/bailiwick-fs/bailiwick/backends/disk"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/vfstest"
)

// TestBackend runs the contract of vfs.Backend on a directory, with each way to open
// files, read-only and writable, and on a subdirectory.
func TestBackend(t *testing.T) {
	for way, diskOpts := range map[string]disk.Options{
		"default": {}, "portable": {Portable: true},
		"default, writable": {Writable: true}, "portable, writable": {Portable: true, Writable: true},
		"writable, hard links refused": {Writable: true, RefuseHardLinks: true},
	} {
		t.Run(way, func(t *testing.T) {
			diskOpts.SkipSelfTest = true
			// One of the writable variants uses a real disk.
			tempDir := disk.MemoryDir
			if way == "default, writable" {
				tempDir = testing.TB.TempDir
			}
			serve := func(t *testing.T, dir string) vfs.Backend {
				b, err := disk.New(dir, diskOpts)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { b.Close() })
				return b
			}
			opts := vfstest.Options{
				Links: true,
				OpenAt: func(t *testing.T, tree vfstest.Tree, prefix string) vfs.Backend {
					dir := filepath.Join(plantTree(t, tempDir(t), tree), filepath.FromSlash(prefix))
					if err := os.MkdirAll(dir, 0o700); err != nil {
						t.Fatal(err)
					}
					return serve(t, dir)
				},
			}
			if runtime.GOOS == "linux" {
				opts.Special = true
				opts.Raw = []string{"raw/back\\slash", "raw/new\nline", "raw/\xff\xfe", "raw/\u202egnp.txt"}
			} else {
				opts.Unholdable = func(name string) bool { return !vfstest.Portable(name) }
			}
			vfstest.TestBackend(t, func(t *testing.T, tree vfstest.Tree) vfs.Backend { return serve(t, plantTree(t, tempDir(t), tree)) }, opts)
		})
	}
}

func plantTree(t *testing.T, dir string, tree vfstest.Tree) string {
	for name, data := range tree.Files {
		write(t, dir, name, data)
	}
	for name, data := range tree.Raw {
		write(t, dir, name, data)
	}
	place := func(name string) string {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, target := range tree.Links {
		if err := os.Symlink(filepath.FromSlash(target), place(name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range tree.Special {
		plantSpecial(t, place(name))
	}
	return dir
}

package aferofs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"testing"

	"github.com/spf13/afero"
	"go.uber.org/goleak"

	"github.com/bailiwick-fs/bailiwick/backends/aferofs"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/vfstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A kind is a kind of afero.Fs.
type kind struct {
	name string
	fs   func(*testing.T) afero.Fs // where the tree is planted
	wrap func(afero.Fs) afero.Fs   // what is served
	disk bool
	opts vfstest.Options
}

var kinds = func() []kind {
	dir := func(t *testing.T) afero.Fs { return afero.NewBasePathFs(afero.NewOsFs(), t.TempDir()) }
	inMemory := func(*testing.T) afero.Fs { return afero.NewMemMapFs() }
	return []kind{
		{name: "MemMapFs", fs: inMemory},
		{name: "OsFs", fs: dir, disk: true, opts: vfstest.Options{Links: plantsLinks, Special: plantsFIFOs}},
		{name: "ReadOnlyFs", fs: dir, disk: true, wrap: afero.NewReadOnlyFs, opts: vfstest.Options{Links: plantsLinks, Special: plantsFIFOs}},
		{name: "BasePathFs", fs: inMemory, wrap: func(fsys afero.Fs) afero.Fs {
			return afero.NewBasePathFs(afero.NewBasePathFs(fsys, "/"), "/")
		}},
		{name: "RegexpFs", fs: inMemory, wrap: func(fsys afero.Fs) afero.Fs {
			return afero.NewRegexpFs(fsys, regexp.MustCompile(``))
		}},
		{name: "FromIOFS", fs: inMemory, wrap: func(fsys afero.Fs) afero.Fs {
			return afero.FromIOFS{FS: afero.NewIOFS(afero.NewBasePathFs(fsys, "/"))}
		}},
		{name: "CopyOnWriteFs, all in the layer", fs: inMemory, wrap: func(fsys afero.Fs) afero.Fs {
			return afero.NewCopyOnWriteFs(afero.NewMemMapFs(), fsys)
		}},
		{name: "CopyOnWriteFs, all in the base", fs: inMemory, wrap: func(fsys afero.Fs) afero.Fs {
			return afero.NewCopyOnWriteFs(fsys, afero.NewMemMapFs())
		}},
		{name: "CopyOnWriteFs, over a disk", fs: dir, disk: true, wrap: func(fsys afero.Fs) afero.Fs {
			return afero.NewCopyOnWriteFs(fsys, afero.NewMemMapFs())
		}},
	}
}()

// TestBackend runs the conformance suite over every kind of afero.Fs. The tree is
// planted through raw afero.
func TestBackend(t *testing.T) {
	for _, tt := range kinds {
		t.Run(tt.name, func(t *testing.T) {
			if tt.disk {
				tt.opts.Unholdable = unholdable
			}
			vfstest.TestBackend(t, func(t *testing.T, tree vfstest.Tree) vfs.Backend {
				fsys := tt.fs(t)
				plant(t, fsys, tree)
				if tt.wrap != nil {
					fsys = tt.wrap(fsys)
				}
				b, err := aferofs.New(fsys, aferofs.Options{Unsafe: tt.disk})
				if err != nil {
					t.Fatal(err)
				}
				return b
			}, tt.opts)
		})
	}
}

func TestBackendBelowBasePath(t *testing.T) {
	vfstest.TestBackend(t, func(t *testing.T, tree vfstest.Tree) vfs.Backend {
		fsys := afero.NewMemMapFs()
		plant(t, fsys, tree)
		b, err := aferofs.New(fsys, aferofs.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}, vfstest.Options{
		OpenAt: func(t *testing.T, tree vfstest.Tree, prefix string) vfs.Backend {
			fsys := afero.NewMemMapFs()
			plant(t, fsys, tree)
			if err := fsys.MkdirAll("/"+prefix, 0o755); err != nil {
				t.Fatal(err)
			}
			b, err := aferofs.New(afero.NewBasePathFs(fsys, "/"+prefix), aferofs.Options{})
			if err != nil {
				t.Fatal(err)
			}
			return b
		},
	})
}

// plant creates a tree in an afero.Fs by means of afero.
func plant(t *testing.T, fsys afero.Fs, tree vfstest.Tree) {
	t.Helper()
	for name, content := range tree.Files {
		if err := fsys.MkdirAll("/"+filepath.ToSlash(filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := afero.WriteFile(fsys, "/"+name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range tree.Links {
		if err := os.Symlink(text, realPath(t, fsys, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range tree.Special {
		mkfifo(t, realPath(t, fsys, name))
	}
}

func realPath(t *testing.T, fsys afero.Fs, name string) string {
	t.Helper()
	path, err := fsys.(*afero.BasePathFs).RealPath("/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// unholdable reports names that a disk may be unable to store.
func unholdable(name string) bool { return runtime.GOOS != "linux" && !vfstest.Portable(name) }

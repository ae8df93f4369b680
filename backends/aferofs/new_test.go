package aferofs_test

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/spf13/afero"

	"github.com/bailiwick-fs/bailiwick/backends/aferofs"
)

// The wrappers of others.
type (
	embedding struct{ afero.Fs }
	byValue   struct{ afero.OsFs }
	mounts    struct {
		afero.Fs
		at map[string]afero.Fs
	}
	layers struct {
		afero.Fs
		stack []afero.Fs
	}
	grouped struct {
		afero.Fs
		config struct{ source afero.Fs }
	}
	circle struct {
		afero.Fs
		self *circle
	}
)

// TestNewRefusesHost: an Fs that reaches the host's files is found inside
// everything that afero wraps it in; the same around memory is taken.
func TestNewRefusesHost(t *testing.T) {
	dir := t.TempDir()
	tests := []struct {
		name string
		wrap func(afero.Fs) afero.Fs
	}{
		{"bare", func(f afero.Fs) afero.Fs { return f }},
		{"BasePathFs", func(f afero.Fs) afero.Fs { return afero.NewBasePathFs(f, "/") }},
		{"ReadOnlyFs", afero.NewReadOnlyFs},
		{"RegexpFs", func(f afero.Fs) afero.Fs { return afero.NewRegexpFs(f, nil) }},
		{"CopyOnWriteFs, base", func(f afero.Fs) afero.Fs { return afero.NewCopyOnWriteFs(f, afero.NewMemMapFs()) }},
		{"CopyOnWriteFs, layer", func(f afero.Fs) afero.Fs { return afero.NewCopyOnWriteFs(afero.NewMemMapFs(), f) }},
		{"CacheOnReadFs, base", func(f afero.Fs) afero.Fs { return afero.NewCacheOnReadFs(f, afero.NewMemMapFs(), 0) }},
		{"CacheOnReadFs, layer", func(f afero.Fs) afero.Fs { return afero.NewCacheOnReadFs(afero.NewMemMapFs(), f, 0) }},
		{"Afero", func(f afero.Fs) afero.Fs { return afero.Afero{Fs: f} }},
		{"IOFS and back", func(f afero.Fs) afero.Fs { return afero.FromIOFS{FS: afero.NewIOFS(f)} }},
		{"two deep", func(f afero.Fs) afero.Fs { return afero.NewReadOnlyFs(afero.NewBasePathFs(f, "/")) }},
		{"embedded", func(f afero.Fs) afero.Fs { return embedding{f} }},
		{"embedded, by pointer", func(f afero.Fs) afero.Fs { return &embedding{f} }},
		{"a map", func(f afero.Fs) afero.Fs { return mounts{afero.NewMemMapFs(), map[string]afero.Fs{"/x": f}} }},
		{"a slice", func(f afero.Fs) afero.Fs { return &layers{afero.NewMemMapFs(), []afero.Fs{nil, f}} }},
		{"a struct", func(f afero.Fs) afero.Fs {
			g := &grouped{Fs: afero.NewMemMapFs()}
			g.config.source = f
			return g
		}},
		{"a circle", func(f afero.Fs) afero.Fs {
			c := &circle{Fs: f}
			c.self = c
			return c
		}},
	}
	hosts := map[string]afero.Fs{
		"OsFs":      afero.NewOsFs(),
		"OsFs{}":    afero.OsFs{},
		"embedded":  byValue{},
		"os.DirFS":  afero.FromIOFS{FS: os.DirFS(dir)},
		"two hosts": afero.NewCopyOnWriteFs(afero.NewOsFs(), afero.NewOsFs()),
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for host, fsys := range hosts {
				if _, err := aferofs.New(tt.wrap(fsys), aferofs.Options{}); err == nil || !strings.Contains(err.Error(), "backends/disk") {
					t.Errorf("%s: %v, want a refusal that says what to use", host, err)
				}
			}
			if _, err := aferofs.New(tt.wrap(afero.NewMemMapFs()), aferofs.Options{}); err != nil {
				t.Errorf("MemMapFs: %v", err)
			}
		})
	}
	if _, err := aferofs.New(afero.NewOsFs(), aferofs.Options{Unsafe: true}); err != nil {
		t.Errorf("with Unsafe: %v", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if _, err := aferofs.New(afero.FromIOFS{FS: root.FS()}, aferofs.Options{}); err != nil {
		t.Errorf("an os.Root, which is a jail of its own: %v", err)
	}
	if _, err := aferofs.New(afero.FromIOFS{FS: fstest.MapFS{}}, aferofs.Options{}); err != nil {
		t.Errorf("a MapFS: %v", err)
	}
}

func TestNewWithoutTop(t *testing.T) {
	if _, err := aferofs.New(nil, aferofs.Options{}); err == nil {
		t.Error("New took nil")
	}
	fsys := afero.NewMemMapFs()
	writeRaw(t, fsys, "/file", "file")
	for _, base := range []string{"/missing", "/file"} {
		if _, err := aferofs.New(afero.NewBasePathFs(fsys, base), aferofs.Options{}); err == nil {
			t.Errorf("New took an Fs whose top is %s", base)
		}
	}
}

func TestCaps(t *testing.T) {
	memory := afero.NewMemMapFs()
	tests := []struct {
		name     string
		fsys     afero.Fs
		opts     aferofs.Options
		writable bool
	}{
		{"MemMapFs", memory, aferofs.Options{}, true},
		{"Options.ReadOnly", memory, aferofs.Options{ReadOnly: true}, false},
		{"ReadOnlyFs", afero.NewReadOnlyFs(memory), aferofs.Options{}, false},
		{"RegexpFs", afero.NewRegexpFs(memory, nil), aferofs.Options{}, false},
		{"FromIOFS", afero.FromIOFS{FS: fstest.MapFS{}}, aferofs.Options{}, false},
		{"FromIOFS, by pointer", &afero.FromIOFS{FS: fstest.MapFS{}}, aferofs.Options{}, false},
		{"FromJail", aferofs.FromJail(t.Context(), openJail(t, newBackend(t, memory, aferofs.Options{}))), aferofs.Options{}, false},
	}
	for _, tt := range tests {
		if caps := newBackend(t, tt.fsys, tt.opts).Caps(); caps.Writable != tt.writable || caps.Kind != "afero" {
			t.Errorf("%s: %+v, want Writable %t", tt.name, caps, tt.writable)
		}
	}
}

package aferofs_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/spf13/afero"
	"github.com/spf13/afero/tarfs"
	"github.com/spf13/afero/zipfs"

	"github.com/bailiwick-fs/bailiwick/backends/aferofs"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// Custom wrappers.
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
	beside struct {
		first *empty
		afero.Fs
	}
	// empty has no size, like OsFs, so that both can have the same address.
	empty struct{}
)

func (*empty) Open(string) (fs.File, error) { return nil, fs.ErrNotExist }

// TestNewRefusesHost: New detects an Fs that reaches the host's files inside every
// wrapper of afero, and accepts the same wrapper around memory.
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
		{"after one without a size", func(f afero.Fs) afero.Fs { return &beside{new(empty), f} }},
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
			if strings.HasPrefix(tt.name, "CacheOnReadFs") {
				return // refused for itself
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
		t.Error("New accepted nil")
	}
	fsys := afero.NewMemMapFs()
	writeRaw(t, fsys, "/file", "file")
	for _, base := range []string{"/missing", "/file"} {
		if _, err := aferofs.New(afero.NewBasePathFs(fsys, base), aferofs.Options{}); err == nil {
			t.Errorf("New accepted an Fs whose top is %s", base)
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
		{"CopyOnWriteFs", afero.NewCopyOnWriteFs(memory, afero.NewMemMapFs()), aferofs.Options{}, false},
		{"below a BasePathFs", afero.NewBasePathFs(afero.NewReadOnlyFs(memory), "/"), aferofs.Options{}, false},
		{"in a wrapper", embedding{afero.NewCopyOnWriteFs(memory, afero.NewMemMapFs())}, aferofs.Options{}, false},
		{"BasePathFs", afero.NewBasePathFs(memory, "/"), aferofs.Options{}, true},
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

// TestNewRefusesKinds: New refuses a kind that cannot be served, with a reason, even if
// wrapped, so that no reader finds out later.
func TestNewRefusesKinds(t *testing.T) {
	var archive bytes.Buffer
	z := zip.NewWriter(&archive)
	if f, err := z.Create("dir/below/a.txt"); err != nil {
		t.Fatal(err)
	} else if _, err := f.Write([]byte("a")); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	zipped, err := zip.NewReader(bytes.NewReader(archive.Bytes()), int64(archive.Len()))
	if err != nil {
		t.Fatal(err)
	}
	var tape bytes.Buffer
	w := tar.NewWriter(&tape)
	if err := w.WriteHeader(&tar.Header{Name: "a.txt", Size: 1, Mode: 0o644}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("a")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		fsys afero.Fs
		use  string // the advice in the error
	}{
		"zipfs.Fs":      {zipfs.New(zipped), "vfs.FromFS"},
		"tarfs.Fs":      {tarfs.New(tar.NewReader(&tape)), "backends/mem"},
		"CacheOnReadFs": {afero.NewCacheOnReadFs(afero.NewMemMapFs(), afero.NewMemMapFs(), 0), "serve its base"},
	} {
		for _, fsys := range []afero.Fs{c.fsys, afero.NewReadOnlyFs(c.fsys), embedding{c.fsys}, afero.NewCopyOnWriteFs(c.fsys, afero.NewMemMapFs())} {
			if _, err := aferofs.New(fsys, aferofs.Options{Unsafe: true}); err == nil || !strings.Contains(err.Error(), c.use) {
				t.Errorf("%s in %T: %v, want a refusal that says %q", name, fsys, err, c.use)
			}
		}
	}
	// The alternative that the error suggests does find the archive's file.
	j := openJail(t, vfs.FromFS(zipped))
	if data, err := fs.ReadFile(j, "dir/below/a.txt"); string(data) != "a" {
		t.Errorf("vfs.FromFS: %q, %v", data, err)
	}
}

// TestTable compares the table in the package documentation with the kinds that the
// suite tests and that New refuses.
func TestTable(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "aferofs.go", nil, parser.ParseComments|parser.PackageClauseOnly)
	if err != nil {
		t.Fatal(err)
	}
	says := map[string]string{}
	for line := range strings.Lines(file.Doc.Text()) {
		if words := strings.Fields(line); strings.HasPrefix(line, "\t") && len(words) > 1 {
			says[words[0]] = strings.Trim(words[1], ":,")
		}
	}
	want := map[string]string{"CacheOnReadFs": "is", "zipfs.Fs": "is", "tarfs.Fs": "is"} // refused, by the test above
	for _, kind := range kinds {
		name, _, _ := strings.Cut(kind.name, ",")
		fsys := kind.fs(t)
		if kind.wrap != nil {
			fsys = kind.wrap(fsys)
		}
		want[name] = "reads"
		b := newBackend(t, fsys, aferofs.Options{Unsafe: true})
		if name == "BasePathFs" {
			want[name] = "as"
		} else if _, err := put(b, "new", "x"); (err == nil) != strings.HasPrefix(tableRow(t, file, name), "reads and writes") {
			t.Errorf("%s: Put: %v; the table says %q", name, err, tableRow(t, file, name))
		}
	}
	if !maps.Equal(says, want) {
		t.Errorf("the table says %v, want %v", says, want)
	}
}

func tableRow(t *testing.T, file *ast.File, name string) string {
	for line := range strings.Lines(file.Doc.Text()) {
		if row, ok := strings.CutPrefix(line, "\t"+name+" "); ok {
			return strings.TrimSpace(row)
		}
	}
	t.Errorf("the table has no %s", name)
	return ""
}

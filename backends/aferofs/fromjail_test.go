package aferofs_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/afero"

	"github.com/bailiwick-fs/bailiwick/backends/aferofs"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// jailed returns a tree, raw and as the part that a policy shows.
func jailed(t *testing.T, ctx context.Context) (raw, fsys afero.Fs) {
	t.Helper()
	raw = afero.NewMemMapFs()
	for _, name := range []string{"/a.txt", "/b.key", "/docs/guide.txt", "/docs/secret.key", "/docs/deep/x.txt", "/private/p.txt", "/.env.txt"} {
		writeRaw(t, raw, name, "content of "+name)
	}
	j, err := vfs.New(newBackend(t, raw, aferofs.Options{}), vfs.Policy{
		Allow: vfs.Patterns("**/*.txt"),
		Deny:  vfs.Patterns("private"),
	})
	if err != nil {
		t.Fatal(err)
	}
	return raw, aferofs.FromJail(ctx, j)
}

func TestFromJailReads(t *testing.T) {
	raw, fsys := jailed(t, t.Context())
	for _, name := range []string{"docs/guide.txt", "/docs/guide.txt"} {
		data, err := afero.ReadFile(fsys, name)
		if err != nil || string(data) != "content of /docs/guide.txt" {
			t.Errorf("ReadFile(%q): %q, %v", name, data, err)
		}
	}
	for _, name := range []string{"/b.key", "/docs/secret.key", "/private/p.txt", "/.env.txt"} {
		if ok, err := afero.Exists(raw, name); !ok || err != nil {
			t.Errorf("raw %q: %t, %v: the test proves nothing", name, ok, err)
		}
		if ok, err := afero.Exists(fsys, name); ok || err != nil {
			t.Errorf("Exists(%q): %t, %v", name, ok, err)
		}
		if _, err := fsys.Open(name); !os.IsNotExist(err) {
			t.Errorf("Open(%q): %v", name, err)
		}
	}
	var walked []string
	err := afero.Walk(fsys, "/", func(path string, _ os.FileInfo, err error) error {
		walked = append(walked, filepath.ToSlash(path))
		return err
	})
	want := []string{"/", "/a.txt", "/docs", "/docs/deep", "/docs/deep/x.txt", "/docs/guide.txt"}
	if err != nil || !slices.Equal(walked, want) {
		t.Errorf("Walk visited %q, %v, want %q", walked, err, want)
	}
}

// TestFromJailNames: three spellings of the top, an optional slash, and no other
// cleaning.
func TestFromJailNames(t *testing.T) {
	_, fsys := jailed(t, t.Context())
	for _, top := range []string{"", ".", "/"} {
		if st, err := fsys.Stat(top); err != nil || !st.IsDir() {
			t.Errorf("Stat(%q): %v, %v, want the top", top, st, err)
		}
		if names, err := afero.ReadDir(fsys, top); err != nil || len(names) != 2 {
			t.Errorf("ReadDir(%q): %d entries, %v, want 2", top, len(names), err)
		}
	}
	for _, name := range []string{
		"/.", "//", "./", "..", "/..", "../a.txt", "/../a.txt", "//a.txt", "./a.txt", "/./a.txt", "a.txt/", "docs/", "docs//guide.txt",
		"docs/../a.txt", "docs/./guide.txt", "docs/guide.txt/..", "a.txt\x00", "%61.txt",
	} {
		if _, err := fsys.Stat(name); !os.IsNotExist(err) {
			t.Errorf("Stat(%q): %v, want a refusal", name, err)
		}
		if _, err := fsys.Open(name); !os.IsNotExist(err) {
			t.Errorf("Open(%q): %v, want a refusal", name, err)
		}
	}
}

func TestFromJailFile(t *testing.T) {
	_, fsys := jailed(t, t.Context())
	f, err := fsys.OpenFile("/a.txt", os.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if f.Name() != "/a.txt" {
		t.Errorf("Name is %q", f.Name())
	}
	if st, err := f.Stat(); err != nil || st.Name() != "a.txt" || st.Size() != 17 || st.Mode() != 0o444 {
		t.Errorf("Stat: %v, %v", st, err)
	}
	if at, err := f.Seek(-6, io.SeekEnd); at != 11 || err != nil {
		t.Errorf("Seek: %d, %v", at, err)
	}
	if data, err := io.ReadAll(f); string(data) != "/a.txt" || err != nil {
		t.Errorf("reading behind Seek: %q, %v", data, err)
	}
	buf := make([]byte, 7)
	if n, err := f.ReadAt(buf, 0); string(buf[:n]) != "content" || err != nil {
		t.Errorf("ReadAt: %q, %v", buf[:n], err)
	}
	if _, err := f.Readdir(-1); !errors.Is(err, syscall.ENOTDIR) {
		t.Errorf("Readdir of a file: %v", err)
	}
	if err := f.Sync(); err != nil {
		t.Errorf("Sync: %v", err)
	}
	if err := f.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if _, err := f.Read(buf); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("Read after Close: %v", err)
	}
}

func TestFromJailDirectory(t *testing.T) {
	_, fsys := jailed(t, t.Context())
	d, err := fsys.Open("/docs")
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if names, err := d.Readdirnames(1); !slices.Equal(names, []string{"deep"}) || err != nil {
		t.Errorf("the first: %q, %v", names, err)
	}
	if infos, err := d.Readdir(5); len(infos) != 1 || infos[0].Name() != "guide.txt" || err != nil {
		t.Errorf("the rest: %v, %v", infos, err)
	}
	if infos, err := d.Readdir(5); len(infos) != 0 || err != io.EOF {
		t.Errorf("the end: %v, %v, want io.EOF", infos, err)
	}
	if infos, err := d.Readdir(-1); len(infos) != 0 || err != nil {
		t.Errorf("all that is left: %v, %v", infos, err)
	}
	if _, err := d.Read(make([]byte, 1)); err == nil {
		t.Error("a directory can be read as a file")
	}
	if _, err := d.ReadAt(make([]byte, 1), 0); !errors.Is(err, syscall.EISDIR) {
		t.Errorf("ReadAt: %v", err)
	}
	if _, err := d.Seek(0, io.SeekStart); !errors.Is(err, syscall.EISDIR) {
		t.Errorf("Seek: %v", err)
	}
}

// TestFromJailWrites: every change fails alike, on names that are shown, hidden or
// missing.
func TestFromJailWrites(t *testing.T) {
	raw, fsys := jailed(t, t.Context())
	now := time.Now()
	for _, name := range []string{"/a.txt", "/b.key", "/missing.txt", "/docs", "/", "../x"} {
		calls := map[string]error{
			"Mkdir":     fsys.Mkdir(name, 0o755),
			"MkdirAll":  fsys.MkdirAll(name, 0o755),
			"Remove":    fsys.Remove(name),
			"RemoveAll": fsys.RemoveAll(name),
			"Rename":    fsys.Rename(name, "/elsewhere.txt"),
			"Chmod":     fsys.Chmod(name, 0o777),
			"Chown":     fsys.Chown(name, 0, 0),
			"Chtimes":   fsys.Chtimes(name, now, now),
		}
		_, calls["Create"] = fsys.Create(name)
		for flag, call := range map[int]string{
			os.O_WRONLY: "O_WRONLY", os.O_RDWR: "O_RDWR", os.O_APPEND: "O_APPEND", os.O_CREATE: "O_CREATE", os.O_TRUNC: "O_TRUNC",
		} {
			_, calls[call] = fsys.OpenFile(name, flag, 0o644)
		}
		for call, err := range calls {
			if !errors.Is(err, fs.ErrPermission) || !os.IsPermission(err) || !strings.Contains(err.Error(), name) {
				t.Errorf("%s(%q): %v, want fs.ErrPermission", call, name, err)
			}
		}
	}
	f, err := fsys.Open("/a.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	calls := map[string]error{"Truncate": f.Truncate(0)}
	_, calls["Write"] = f.Write([]byte("x"))
	_, calls["WriteAt"] = f.WriteAt([]byte("x"), 0)
	_, calls["WriteString"] = f.WriteString("x")
	for call, err := range calls {
		if !errors.Is(err, fs.ErrPermission) {
			t.Errorf("%s: %v, want fs.ErrPermission", call, err)
		}
	}
	if data, err := afero.ReadFile(raw, "/a.txt"); string(data) != "content of /a.txt" || err != nil {
		t.Errorf("afterwards, the file contains %q, %v", data, err)
	}
}

func TestFromJailCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	_, fsys := jailed(t, ctx)
	f, err := fsys.Open("/a.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	cancel()
	if _, err := f.Read(make([]byte, 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("Read: %v", err)
	}
	if _, err := fsys.Open("/a.txt"); !errors.Is(err, context.Canceled) {
		t.Errorf("Open: %v", err)
	}
}

package aferofs_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/spf13/afero"

	"github.com/bailiwick-fs/bailiwick/backends/aferofs"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// TestTraps shows what afero 1.15.0 does that a backend must not do. Each case first
// proves it with the raw Fs, so that the case fails if afero has been fixed, and then
// shows that the backend does not do it.
func TestTraps(t *testing.T) {
	t.Run("BasePathFs follows links out", func(t *testing.T) {
		if !plantsLinks {
			t.Skip("links need privileges here")
		}
		dir := t.TempDir()
		writeFile(t, filepath.Join(dir, "outside", "secret.txt"), "secret")
		writeFile(t, filepath.Join(dir, "root", "open.txt"), "open")
		for link, text := range map[string]string{"file.txt": "../outside/secret.txt", "dir": "../outside", "inside.txt": "open.txt"} {
			if err := os.Symlink(text, filepath.Join(dir, "root", link)); err != nil {
				t.Fatal(err)
			}
		}
		fsys := afero.NewBasePathFs(afero.NewOsFs(), filepath.Join(dir, "root"))
		b := newBackend(t, fsys, aferofs.Options{Unsafe: true})
		for _, name := range []string{"file.txt", "dir/secret.txt"} {
			if data, err := afero.ReadFile(fsys, "/"+name); string(data) != "secret" {
				t.Errorf("raw %q: %q, %v: afero has fixed this", name, data, err)
			}
			wantReason(t, b, name, reason.Symlink)
			if _, err := put(b, name, "overwritten"); vfs.ReasonOf(err) != reason.Symlink {
				t.Errorf("Put(%q): %v", name, err)
			}
			if err := b.Remove(t.Context(), parse(t, name), vfs.Cond{}); vfs.ReasonOf(err) != reason.Symlink {
				t.Errorf("Remove(%q): %v", name, err)
			}
		}
		if data, err := os.ReadFile(filepath.Join(dir, "outside", "secret.txt")); string(data) != "secret" {
			t.Errorf("the outside file contains %q, %v", data, err)
		}
		wantContent(t, b, "open.txt", "open")
		// In a jail that permits links, those that stay inside work.
		j, err := vfs.New(b, vfs.Policy{Allow: vfs.Patterns("**"), Symlinks: vfs.SymlinksInside})
		if err != nil {
			t.Fatal(err)
		}
		if data, err := j.ReadFile("inside.txt"); string(data) != "open" {
			t.Errorf("a link inside: %q, %v", data, err)
		}
		if data, err := j.ReadFile("file.txt"); err == nil {
			t.Errorf("a link out of the jail: %q", data)
		}
	})

	t.Run("BasePathFs lets through a sibling with the same prefix", func(t *testing.T) {
		source := afero.NewMemMapFs()
		writeRaw(t, source, "/data/open.txt", "open")
		writeRaw(t, source, "/data-secret/x.txt", "secret")
		fsys := afero.NewBasePathFs(source, "/data")
		if data, err := afero.ReadFile(fsys, "/../data-secret/x.txt"); string(data) != "secret" {
			t.Errorf("raw: %q, %v: afero has fixed this", data, err)
		}
		// No Name can express it, and an afero.Fs of a jail does not clean names.
		if _, err := vfs.ParseName("../data-secret/x.txt"); vfs.ReasonOf(err) != reason.NameDotDot {
			t.Errorf("ParseName: %v", err)
		}
		b := newBackend(t, fsys, aferofs.Options{})
		jailed := aferofs.FromJail(t.Context(), openJail(t, b))
		for _, name := range []string{"/../data-secret/x.txt", "../data-secret/x.txt", "/open.txt/../../data-secret/x.txt"} {
			if data, err := afero.ReadFile(jailed, name); !os.IsNotExist(err) {
				t.Errorf("jailed %q: %q, %v", name, data, err)
			}
		}
		wantContent(t, b, "open.txt", "open")
	})

	t.Run("BasePathFs prints the real path in errors", func(t *testing.T) {
		source := afero.NewMemMapFs()
		if err := source.MkdirAll("/real/place", 0o755); err != nil {
			t.Fatal(err)
		}
		fsys := afero.NewBasePathFs(source, "/real/place")
		if _, err := fsys.Open("/missing"); err == nil || !strings.Contains(err.Error(), "place") {
			t.Errorf("raw: %v: afero has fixed this", err)
		}
		b := newBackend(t, fsys, aferofs.Options{})
		_, err := b.Open(t.Context(), parse(t, "missing"), vfs.Request{})
		if err == nil || strings.Contains(err.Error(), "place") {
			t.Errorf("Open: %v", err)
		}
		_, err = afero.ReadFile(aferofs.FromJail(t.Context(), openJail(t, b)), "/missing")
		if err == nil || strings.Contains(err.Error(), "place") {
			t.Errorf("ReadFile through the jail: %v", err)
		}
	})

	t.Run("RegexpFs hides no directory", func(t *testing.T) {
		source := afero.NewMemMapFs()
		writeRaw(t, source, "/private/open.txt", "private")
		writeRaw(t, source, "/public/open.txt", "public")
		fsys := afero.NewRegexpFs(source, regexp.MustCompile(`^(/public/)?open\.txt$`))
		if names, err := afero.ReadDir(fsys, "/private"); err != nil || len(names) != 1 {
			t.Errorf("raw: the hidden directory lists %d names, %v: afero has fixed this", len(names), err)
		}
		// The policy decides what a directory shows.
		b := newBackend(t, fsys, aferofs.Options{})
		j, err := vfs.New(b, vfs.Policy{Allow: vfs.Patterns("public/**")})
		if err != nil {
			t.Fatal(err)
		}
		if list, err := j.ReadDir("private"); !errors.Is(err, fs.ErrNotExist) || len(list) > 0 {
			t.Errorf("the jail lists %v, %v", list, err)
		}
		if data, err := j.ReadFile("public/open.txt"); string(data) != "public" {
			t.Errorf("the allowed file: %q, %v", data, err)
		}
	})

	t.Run("MemMapFs tells a from /a", func(t *testing.T) {
		fsys := afero.NewMemMapFs()
		writeRaw(t, fsys, "a", "without")
		if _, err := fsys.Stat("/a"); err == nil {
			t.Error("raw: a is found as /a: afero has fixed this")
		}
		if list, err := afero.ReadDir(fsys, "/"); err != nil || len(list) != 1 {
			t.Errorf("raw: the top lists %v, %v, want what cannot be opened", list, err)
		}
		if _, err := aferofs.New(fsys, aferofs.Options{}); err == nil || !strings.Contains(err.Error(), `"/a"`) {
			t.Errorf("New: %v, want an error that says how to name it", err)
		}
		writeRaw(t, fsys, "/a", "with")
		if _, err := aferofs.New(fsys, aferofs.Options{}); err == nil {
			t.Error("New accepted a tree that lists two files with the same name")
		}
		if err := fsys.Remove("a"); err != nil {
			t.Fatal(err)
		}
		wantContent(t, newBackend(t, fsys, aferofs.Options{}), "a", "with")
	})

	t.Run("MemMapFs turns a file into a directory", func(t *testing.T) {
		fsys := afero.NewMemMapFs()
		writeRaw(t, fsys, "/file", "file")
		if err := fsys.MkdirAll("/file", 0o755); err != nil {
			t.Errorf("raw: MkdirAll over a file: %v: afero has fixed this", err)
		}
		b := newBackend(t, fsys, aferofs.Options{})
		for _, name := range []string{"file/below", "file/below/it"} {
			if _, err := put(b, name, "below"); vfs.ReasonOf(err) != reason.Missing {
				t.Errorf("Put(%q): %v", name, err)
			}
			wantReason(t, b, name, reason.Missing)
		}
		wantContent(t, b, "file", "file")
		writeRaw(t, fsys, "/file/below", "below")
		if st, err := fsys.Stat("/file"); err != nil || !st.IsDir() {
			t.Errorf("raw: %v, %v: afero has fixed this", st, err)
		}
	})

	t.Run("MemMapFs removes non-empty directories", func(t *testing.T) {
		fsys := afero.NewMemMapFs()
		writeRaw(t, fsys, "/dir/a", "a")
		writeRaw(t, fsys, "/dir/b", "b")
		writeRaw(t, fsys, "/raw/a", "a")
		if err := fsys.Remove("/raw"); err != nil {
			t.Errorf("raw: %v: afero has fixed this", err)
		}
		b := newBackend(t, fsys, aferofs.Options{})
		if err := b.Remove(t.Context(), parse(t, "dir"), vfs.Cond{}); vfs.ReasonOf(err) != reason.Directory {
			t.Errorf("Remove of a directory: %v", err)
		}
		if err := b.Remove(t.Context(), parse(t, "dir/a"), vfs.Cond{}); err != nil {
			t.Error(err)
		}
		wantContent(t, b, "dir/b", "b")
		if err := b.Remove(t.Context(), parse(t, "dir/b"), vfs.Cond{}); err != nil {
			t.Error(err)
		}
		wantReason(t, b, "dir", reason.Missing)
	})

	t.Run("RegexpFs shows a non-empty directory as empty", func(t *testing.T) {
		source := afero.NewMemMapFs()
		writeRaw(t, source, "/dir/hidden", "hidden")
		fsys := afero.NewRegexpFs(source, regexp.MustCompile(`shown$`))
		if list, err := afero.ReadDir(fsys, "/dir"); err != nil || len(list) > 0 {
			t.Errorf("raw: %v, %v: afero has fixed this", list, err)
		}
		writeRaw(t, source, "/dir/shown", "shown")
		b := newBackend(t, afero.NewBasePathFs(fsys, "/"), aferofs.Options{})
		if err := b.Remove(t.Context(), parse(t, "dir/shown"), vfs.Cond{}); !errors.Is(err, vfs.ErrUnsupported) {
			t.Errorf("Remove: %v", err)
		}
		if list, err := afero.ReadDir(source, "/dir"); err != nil || len(list) != 2 {
			t.Errorf("the hidden file's directory contains %v, %v", list, err)
		}
	})

	t.Run("MemMapFs renames into a missing directory", func(t *testing.T) {
		fsys := afero.NewMemMapFs()
		writeRaw(t, fsys, "/a", "a")
		if err := fsys.Rename("/a", "/missing/b"); err != nil {
			t.Errorf("raw: %v: afero has fixed this", err)
		}
		fsys = afero.NewMemMapFs()
		b := newBackend(t, fsys, aferofs.Options{})
		if _, err := put(b, "missing/b", "b"); err != nil {
			t.Fatal(err)
		}
		if st, err := fsys.Stat("/missing"); err != nil || st.Mode() != fs.ModeDir|0o755 {
			t.Errorf("the parent is %v, %v, want a real directory", st.Mode(), err)
		}
	})

	t.Run("MemMapFs reads short at the end without io.EOF", func(t *testing.T) {
		fsys := afero.NewMemMapFs()
		writeRaw(t, fsys, "/f", "1234")
		f, err := fsys.Open("/f")
		if err != nil {
			t.Fatal(err)
		}
		if n, err := f.ReadAt(make([]byte, 8), 2); n != 2 || err != nil {
			t.Errorf("raw: %d, %v: afero has fixed this", n, err)
		}
		jailed, err := aferofs.FromJail(t.Context(), openJail(t, newBackend(t, fsys, aferofs.Options{}))).Open("/f")
		if err != nil {
			t.Fatal(err)
		}
		defer jailed.Close()
		buf := make([]byte, 8)
		if n, err := jailed.ReadAt(buf, 2); string(buf[:n]) != "34" || err != io.EOF {
			t.Errorf("jailed: %q, %v, want io.EOF", buf[:n], err)
		}
	})

	t.Run("MemMapFs forgets O_APPEND after Seek", func(t *testing.T) {
		fsys := afero.NewMemMapFs()
		writeRaw(t, fsys, "/f", "1234")
		f, err := fsys.OpenFile("/f", os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString("x"); err != nil {
			t.Fatal(err)
		}
		f.Close()
		if data, err := afero.ReadFile(fsys, "/f"); string(data) != "x234" {
			t.Errorf("raw: %q, %v: afero has fixed this", data, err)
		}
		// The jail does not append: Put stores whole objects.
		b := newBackend(t, fsys, aferofs.Options{})
		if _, err := aferofs.FromJail(t.Context(), openJail(t, b)).OpenFile("/f", os.O_APPEND, 0); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("OpenFile to append: %v", err)
		}
		if _, err := put(b, "f", "y"); err != nil {
			t.Error(err)
		}
		wantContent(t, b, "f", "y")
	})

	t.Run("IOFS is not a valid fs.FS", func(t *testing.T) {
		fsys := afero.NewMemMapFs()
		writeRaw(t, fsys, "/docs/a.txt", "a")
		if err := fstest.TestFS(afero.NewIOFS(fsys), "docs/a.txt"); err == nil {
			t.Error("raw: it passes fstest.TestFS: afero has fixed this")
		}
		j := openJail(t, newBackend(t, fsys, aferofs.Options{}))
		if err := fstest.TestFS(j, "docs/a.txt"); err != nil {
			t.Error(err)
		}
		f, err := j.Open("docs/a.txt")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, ok := f.(io.Seeker); !ok {
			t.Error("a file of the jail cannot seek")
		}
	})
}

func newBackend(t *testing.T, fsys afero.Fs, opts aferofs.Options) *aferofs.Backend {
	t.Helper()
	b, err := aferofs.New(fsys, opts)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func openJail(t *testing.T, b vfs.Backend) *vfs.Jail {
	t.Helper()
	j, err := vfs.New(b, vfs.Policy{Allow: vfs.Patterns("**")})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func parse(t *testing.T, s string) vfs.Name {
	t.Helper()
	n, err := vfs.ParseName(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func put(b vfs.Backend, name, content string) (vfs.Info, error) {
	n, err := vfs.ParseName(name)
	if err != nil {
		return vfs.Info{}, err
	}
	return b.Put(context.Background(), n, strings.NewReader(content), vfs.PutOptions{})
}

func wantContent(t *testing.T, b vfs.Backend, name, want string) {
	t.Helper()
	obj, err := b.Open(t.Context(), parse(t, name), vfs.Request{})
	if err != nil {
		t.Errorf("Open(%q): %v", name, err)
		return
	}
	defer obj.Body.Close()
	if data, err := io.ReadAll(obj.Body); err != nil || string(data) != want {
		t.Errorf("%q holds %q, %v, want %q", name, data, err, want)
	}
}

func wantReason(t *testing.T, b vfs.Backend, name string, want vfs.Reason) {
	t.Helper()
	if _, err := b.Open(t.Context(), parse(t, name), vfs.Request{}); vfs.ReasonOf(err) != want {
		t.Errorf("Open(%q): %v, reason %q, want %q", name, err, vfs.ReasonOf(err), want)
	}
	if _, err := b.Stat(t.Context(), parse(t, name), vfs.Request{}); vfs.ReasonOf(err) != want {
		t.Errorf("Stat(%q): %v, reason %q, want %q", name, err, vfs.ReasonOf(err), want)
	}
}

func writeRaw(t *testing.T, fsys afero.Fs, path, content string) {
	t.Helper()
	if err := afero.WriteFile(fsys, path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func writeFile(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

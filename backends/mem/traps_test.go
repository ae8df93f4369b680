package mem_test

import (
	"io"
	"testing"

	"github.com/spf13/afero"

	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// TestTraps performs the same operations on an afero.MemMapFs, which permits them, and
// on a Backend, which does not.
func TestTraps(t *testing.T) {
	raw := afero.NewMemMapFs()
	b := mem.New()
	for _, name := range []string{"file", "dir/a", "dir/b"} {
		if err := afero.WriteFile(raw, "/"+name, []byte("content"), 0o644); err != nil {
			t.Fatal(err)
		}
		put(t, b, name, "content")
	}

	t.Run("a file becomes a directory", func(t *testing.T) {
		if err := afero.WriteFile(raw, "/file/below", nil, 0o644); err != nil {
			t.Errorf("raw: %v: afero has fixed this", err)
		}
		if st, err := raw.Stat("/file"); err != nil || !st.IsDir() {
			t.Errorf("raw: %v, %v: afero has fixed this", st, err)
		}
		for _, name := range []string{"file/below", "file/below/it"} {
			_, err := b.Put(t.Context(), parse(t, name), &io.LimitedReader{}, vfs.PutOptions{})
			if vfs.ReasonOf(err) != reason.Missing {
				t.Errorf("Put(%q): %v", name, err)
			}
		}
		wantContent(t, b, "file", "content")
	})

	t.Run("a directory that is not empty is removed", func(t *testing.T) {
		if err := raw.Remove("/dir"); err != nil {
			t.Errorf("raw: %v: afero has fixed this", err)
		}
		if err := b.Remove(t.Context(), parse(t, "dir"), vfs.Cond{}); vfs.ReasonOf(err) != reason.Directory {
			t.Errorf("Remove: %v", err)
		}
		wantContent(t, b, "dir/a", "content")
		wantContent(t, b, "dir/b", "content")
	})

	t.Run("a directory is replaced by a file", func(t *testing.T) {
		f, err := raw.Create("/file")
		if err != nil {
			t.Errorf("raw: %v: afero has fixed this", err)
		} else {
			f.Close()
		}
		if _, err := raw.Stat("/file/below"); err != nil {
			t.Errorf("raw: %v: afero has fixed this", err)
		}
		_, err = b.Put(t.Context(), parse(t, "dir"), &io.LimitedReader{}, vfs.PutOptions{})
		if vfs.ReasonOf(err) != reason.Directory {
			t.Errorf("Put: %v", err)
		}
		wantContent(t, b, "dir/a", "content")
	})

	t.Run("a reader sees a write half done", func(t *testing.T) {
		f, err := raw.Create("/new")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString("half"); err != nil {
			t.Fatal(err)
		}
		if data, err := afero.ReadFile(raw, "/new"); string(data) != "half" {
			t.Errorf("raw: %q, %v: afero has fixed this", data, err)
		}
		r, w := io.Pipe()
		done := make(chan error)
		go func() {
			_, err := b.Put(t.Context(), parse(t, "new"), r, vfs.PutOptions{})
			done <- err
		}()
		io.WriteString(w, "half")
		if _, err := b.Stat(t.Context(), parse(t, "new"), vfs.Request{}); vfs.ReasonOf(err) != reason.Missing {
			t.Errorf("halfway through Put, Stat says %v", err)
		}
		io.WriteString(w, " and half")
		w.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
		wantContent(t, b, "new", "half and half")
	})

	t.Run("ReadAt at the end gives no io.EOF", func(t *testing.T) {
		f, err := raw.Open("/new")
		if err != nil {
			t.Fatal(err)
		}
		if n, err := f.ReadAt(make([]byte, 8), 2); n != 2 || err != nil {
			t.Errorf("raw: %d, %v: afero has fixed this", n, err)
		}
		obj, err := b.Open(t.Context(), parse(t, "new"), vfs.Request{})
		if err != nil {
			t.Fatal(err)
		}
		defer obj.Body.Close()
		if n, err := obj.Body.(io.ReaderAt).ReadAt(make([]byte, 80), 2); n != 11 || err != io.EOF {
			t.Errorf("ReadAt: %d, %v, want 11 and io.EOF", n, err)
		}
	})
}

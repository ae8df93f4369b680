package blob_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gocloud.dev/blob/fileblob"

	"github.com/bailiwick-fs/bailiwick/backends/blob"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/ownfile"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

func openFiles(t *testing.T, opts fileblob.Options) (*blob.Backend, string) {
	t.Helper()
	dir := t.TempDir()
	bucket, err := fileblob.OpenBucket(dir, &opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { bucket.Close() })
	return newBackend(t, bucket, blob.Options{Dir: dir, Writable: true, Exclusive: true}), dir
}

func write(t *testing.T, path, data string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestOwnFiles: the process's own files are neither served nor replaced nor created.
func TestOwnFiles(t *testing.T) {
	b, dir := openFiles(t, fileblob.Options{})
	write(t, filepath.Join(dir, "keys"), "secret")
	write(t, filepath.Join(dir, "private/token"), "secret")
	t.Cleanup(ownfile.Hold(
		ownfile.File{Path: filepath.Join(dir, "keys")},
		ownfile.File{Path: filepath.Join(dir, "late/log")},
		ownfile.File{Path: filepath.Join(dir, "private")},
	))
	if err := os.Link(filepath.Join(dir, "keys"), filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "late/other"), "x")
	for _, s := range []string{"keys", "link", "private/token"} {
		_, opened := b.Open(t.Context(), name(t, s), vfs.Request{})
		_, looked := b.Stat(t.Context(), name(t, s), vfs.Request{})
		_, put := b.Put(t.Context(), name(t, s), strings.NewReader("x"), vfs.PutOptions{})
		removed := b.Remove(t.Context(), name(t, s), vfs.Cond{})
		for call, err := range map[string]error{"Open": opened, "Stat": looked, "Put": put, "Remove": removed} {
			if vfs.ReasonOf(err) != reason.OwnFile {
				t.Errorf("%s of %q: %v, reason %q", call, s, err, vfs.ReasonOf(err))
			}
		}
	}
	for _, s := range []string{"late/log", "private/new"} {
		if _, err := b.Put(t.Context(), name(t, s), strings.NewReader("x"), vfs.PutOptions{}); vfs.ReasonOf(err) != reason.OwnFile {
			t.Errorf("Put of %q: %v", s, err)
		}
	}
	for _, err := range b.List(t.Context(), name(t, "private"), "") {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("List of an own directory: %v", err)
		}
	}
}

// TestWriteThroughLinks: nothing is created, replaced or removed through a link.
func TestWriteThroughLinks(t *testing.T) {
	b, dir := openFiles(t, fileblob.Options{})
	outside := t.TempDir()
	write(t, filepath.Join(outside, "file"), "outside")
	for link, target := range map[string]string{"dir": outside, "file": filepath.Join(outside, "file"), "dangling": filepath.Join(outside, "new")} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range []string{"dir/new", "dir/file", "dir/deep/new", "file", "dangling"} {
		if _, err := b.Put(t.Context(), name(t, s), strings.NewReader("x"), vfs.PutOptions{}); vfs.ReasonOf(err) != reason.Symlink {
			t.Errorf("Put of %q: %v, reason %q", s, err, vfs.ReasonOf(err))
		}
		if err := b.Remove(t.Context(), name(t, s), vfs.Cond{}); vfs.ReasonOf(err) != reason.Symlink {
			t.Errorf("Remove of %q: %v, reason %q", s, err, vfs.ReasonOf(err))
		}
	}
	entries, err := os.ReadDir(outside)
	if data, _ := os.ReadFile(filepath.Join(outside, "file")); err != nil || len(entries) != 1 || string(data) != "outside" {
		t.Errorf("outside are %v, %v, with %q", entries, err, data)
	}
}

// TestHalfWritten: what an interrupted or other program leaves, or is still writing, is
// not served.
func TestHalfWritten(t *testing.T) {
	b, dir := openFiles(t, fileblob.Options{NoTempDir: true})
	started, goOn := make(chan struct{}), make(chan struct{})
	done := make(chan error)
	go func() {
		body := io.MultiReader(strings.NewReader(strings.Repeat("x", 1<<20)), readerFunc(func([]byte) (int, error) {
			close(started)
			<-goOn
			return 0, io.EOF
		}))
		_, err := b.Put(t.Context(), name(t, "docs/a"), body, vfs.PutOptions{})
		done <- err
	}()
	<-started
	files, err := os.ReadDir(filepath.Join(dir, "docs"))
	if err != nil || len(files) != 1 {
		t.Fatalf("while an object is written, there are %v, %v", files, err)
	}
	if _, err := b.Open(t.Context(), name(t, "docs/"+files[0].Name()), vfs.Request{}); vfs.ReasonOf(err) != reason.Unholdable {
		t.Errorf("Open of a file that is being written: %v", err)
	}
	for e, err := range b.List(t.Context(), name(t, "docs"), "") {
		t.Errorf("List yields %+v, %v", e, err)
	}
	close(goOn)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestOrderOfFiles: fileblob lists these in a wrong order, and loses some between pages.
func TestOrderOfFiles(t *testing.T) {
	b, dir := openFiles(t, fileblob.Options{})
	want := []string{"a-b-c/", "a-b/", "a/"}
	for _, s := range want {
		write(t, filepath.Join(dir, s, "x"), "x")
	}
	for i := range 1200 {
		write(t, filepath.Join(dir, "a0"+strings.Repeat("x", i%200)+string(rune('a'+i/200))), "x")
	}
	var keys []string
	for e, err := range b.List(t.Context(), vfs.Root, "") {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, e.Key())
	}
	if len(keys) != 1203 || keys[0] != want[0] || keys[1] != want[1] || keys[2] != want[2] {
		t.Errorf("%d entries, the first are %q", len(keys), keys[:3])
	}
}

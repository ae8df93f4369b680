//go:build unix

package disk_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/backends/disk"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// duringBody calls f when its second part is read.
type duringBody struct {
	parts []string
	f     func()
}

func (b *duringBody) Read(p []byte) (int, error) {
	if len(b.parts) == 1 {
		b.f()
	}
	if len(b.parts) == 0 {
		return 0, io.EOF
	}
	n := copy(p, b.parts[0])
	b.parts = b.parts[1:]
	return n, nil
}

func TestStaging(t *testing.T) {
	dir := t.TempDir()
	both(t, dir, disk.Options{Writable: true}, func(t *testing.T, b *disk.Backend) {
		looked := false
		body := &duringBody{[]string{"one", "two"}, func() {
			looked = true
			st, err := os.Lstat(filepath.Join(dir, staging))
			if err != nil || !st.IsDir() || st.Mode().Perm()&0o077 != 0 {
				t.Errorf("staging is %v, %v: others can access it", st, err)
			}
			if got := keys(t, b, ".", ""); len(got) != 0 {
				t.Errorf("while it is written to, the tree lists %q", got)
			}
		}}
		n := name(t, "a/b")
		if _, err := b.Put(context.Background(), n, body, vfs.PutOptions{}); err != nil || !looked {
			t.Fatal(err, looked)
		}
		if got, _, err := get(b, n, vfs.Request{}); err != nil || got != "onetwo" {
			t.Errorf("%q, %v", got, err)
		}
		if err := b.Remove(context.Background(), n, vfs.Cond{}); err != nil {
			t.Error(err)
		}
		if left, err := os.ReadDir(filepath.Join(dir, staging)); err != nil || len(left) != 0 {
			t.Errorf("writes left %v, %v", left, err)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		if got := snapshot(t, dir); len(got) != 1 {
			t.Errorf("after Close: %q", got)
		}
	})
}

// A start removes what dead writers left, and nothing that a living writer needs.
func TestSweep(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "object", "old")
	write(t, dir, staging+"/DEAD", "left by the dead")
	write(t, dir, staging+"/built-DEAD/a/b", "left by the dead")
	write(t, dir, staging+"/built-not-ours/a", "someone's")
	write(t, dir, staging+"/built-not-ours/b", "someone's")
	if err := os.Symlink("../object", filepath.Join(dir, staging, "link")); err != nil {
		t.Fatal(err)
	}
	notes := strings.Join(writable(t, dir, disk.Options{}).Notes(), "\n")
	left, err := os.ReadDir(filepath.Join(dir, staging))
	if err != nil || len(left) != 1 || left[0].Name() != "built-not-ours" || !strings.Contains(notes, "not created by Bailiwick") {
		t.Errorf("the start left %v, %v, and said %q", left, err, notes)
	}
	if err := os.RemoveAll(filepath.Join(dir, staging, "built-not-ours")); err != nil {
		t.Fatal(err)
	}
	b := writable(t, dir, disk.Options{})
	if got := snapshot(t, dir); len(got) != 2 || got["/object"] != "file old" {
		t.Errorf("after the start, the tree is %q", got)
	}
	for _, s := range []string{"object", "new", "new directory/new"} {
		body := &duringBody{[]string{"one", "two"}, func() {
			write(t, dir, staging+"/DEAD", "left by the dead")
			writable(t, dir, disk.Options{}).Close()
			left, err := os.ReadDir(filepath.Join(dir, staging))
			if err != nil || len(left) != 1 || left[0].Name() == "DEAD" {
				t.Errorf("with a living writer, the start left %v, %v", left, err)
			}
		}}
		if _, err := b.Put(context.Background(), name(t, s), body, vfs.PutOptions{}); err != nil {
			t.Errorf("%s: %v", s, err)
		}
		if got, _, err := get(b, name(t, s), vfs.Request{}); err != nil || got != "onetwo" {
			t.Errorf("%s: %q, %v", s, got, err)
		}
	}
	// A read-only backend removes nothing.
	write(t, dir, staging+"/DEAD", "left by the dead")
	r, err := disk.New(dir, disk.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	if _, err := os.Lstat(filepath.Join(dir, staging, "DEAD")); err != nil {
		t.Error(err)
	}
}

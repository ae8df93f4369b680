//go:build unix

package server_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/bailiwick-fs/bailiwick/backends/disk"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A PUT of a name that differs only in case from an existing one reveals that only if the
// client may list or read the existing one. Otherwise the response is that for a name that
// is not allowed.
func TestConflictTellsOfNothingHidden(t *testing.T) {
	dir := t.TempDir()
	for _, s := range []string{"Read.txt", "Docs/a.txt", "Bin/data.bin"} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(s)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, s), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("Read.txt", filepath.Join(dir, "Link.txt")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc", filepath.Join(dir, "Out")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "Fifo.txt"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(filepath.Join(dir, "Read.txt"), filepath.Join(dir, "Hard.txt")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "Sole.txt"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	b, err := disk.New(dir, disk.Options{Writable: true, SkipSelfTest: true, RefuseHardLinks: true})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for _, c := range []struct {
		links    vfs.Symlinks
		list     bool
		conflict []string
	}{
		{vfs.SymlinksRefuse, false, []string{"/sole.txt"}},
		{vfs.SymlinksRefuse, true, []string{"/sole.txt", "/docs/b.txt"}},
		{vfs.SymlinksInside, true, []string{"/sole.txt", "/docs/b.txt"}},
	} {
		p := vfs.Policy{Allow: vfs.Patterns("**/*.txt"), Symlinks: c.links}
		h := server.New(jailOver(t, b, p), server.Config{Write: true, List: c.list, Logger: quiet})
		refused := requestBody(t, h, "PUT", "/not-allowed", "x")
		for _, path := range []string{"/sole.txt", "/link.txt", "/fifo.txt", "/hard.txt", "/docs/b.txt", "/bin/b.txt", "/out/b.txt"} {
			got := requestBody(t, h, "PUT", path, "x")
			if strings.Contains(strings.Join(c.conflict, " ")+" ", path+" ") {
				if got.Status != 409 {
					t.Errorf("links %d, list %t: %s: %d, want 409", c.links, c.list, path, got.Status)
				}
				continue
			}
			same(t, path, got, refused)
		}
	}
}

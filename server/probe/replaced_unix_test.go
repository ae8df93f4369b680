//go:build unix

package probe_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/bailiwick-fs/bailiwick/server/probe"
)

// victim returns a directory that nobody else may look into, with a FIFO in it.
func victim(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "victim")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// untouched fails if something was made or changed in a victim.
func untouched(t *testing.T, dir string) {
	t.Helper()
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info, err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 || entries[0].Name() != "pipe" {
		t.Errorf("%q, %v", entries, err)
	}
}

// Whoever may write to the directory puts a link in the place of the tree while it is being
// planted. Nothing is made or changed where the link leads.
func TestPlantReplaced(t *testing.T) {
	for range 20 {
		dir, _ := served(t, "**")
		target := victim(t)
		stop, swapped := make(chan struct{}), make(chan bool)
		go func() {
			for {
				found, _ := filepath.Glob(filepath.Join(dir, "bailiwick-probe-*"))
				if len(found) > 0 {
					err := os.Rename(found[0], filepath.Join(dir, "moved"))
					if err == nil {
						err = os.Symlink(target, found[0])
					}
					swapped <- err == nil
					return
				}
				select {
				case <-stop:
					swapped <- false
					return
				default:
				}
			}
		}()
		tree, err := probe.Plant(dir, probe.Rules{})
		close(stop)
		if <-swapped && err == nil {
			if err := tree.Remove(); err == nil {
				t.Error("the tree was moved away, and nothing says that it is left")
			}
		} else if err == nil {
			tree.Remove()
		}
		untouched(t, target)
	}
}

// A link in the place of the tree is neither followed nor removed, and what is in the way
// is an error.
func TestRemoveReplaced(t *testing.T) {
	dir, _ := served(t, "**")
	target := victim(t)
	tree, err := probe.Plant(dir, probe.Rules{})
	if err != nil {
		t.Fatal(err)
	}
	own, moved := filepath.Join(dir, tree.Name()), filepath.Join(dir, "moved")
	if err := os.Rename(own, moved); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, own); err != nil {
		t.Fatal(err)
	}
	var saved bytes.Buffer
	if err := tree.Save(&saved); err != nil {
		t.Fatal(err)
	}
	loaded, err := probe.Load(&saved)
	if err != nil {
		t.Fatal(err)
	}
	for what, tree := range map[string]*probe.Tree{"planted": tree, "loaded": loaded} {
		if err := tree.Remove(); err == nil || !strings.Contains(err.Error(), "in the place of") {
			t.Errorf("%s: %v", what, err)
		}
		untouched(t, target)
	}

	// Nor is a directory that has been moved there, as far as this process knows the tree.
	if err := errors.Join(os.Remove(own), os.Rename(target, own)); err != nil {
		t.Fatal(err)
	}
	if err := tree.Remove(); err == nil || !strings.Contains(err.Error(), "in the place of") {
		t.Errorf("another directory: %v", err)
	}
	untouched(t, own)
	if err := errors.Join(os.Rename(own, target), os.Rename(moved, own)); err != nil {
		t.Fatal(err)
	}
	if err := tree.Remove(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(own); err == nil {
		t.Error("the tree is left")
	}
}

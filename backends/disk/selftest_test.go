package disk

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// leaky is the tree of a kernel or sandbox on which the jail does not hold: it opens
// whatever the path leads to.
type leaky struct {
	tree
	dir string
}

func (l leaky) open(op string, n vfs.Name, _ bool) (handle, error) {
	path := filepath.Join(l.dir, n.String())
	if st, err := os.Stat(path); err == nil && !st.Mode().IsRegular() {
		return nil, driver.Refuse(op, n, reason.SpecialFile)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, driver.FSError(op, n, err)
	}
	return rootFile{f}, nil
}

func TestSelfTestFindsALeak(t *testing.T) {
	for _, portable := range []bool{false, true} {
		sound := func(dir string) (*Backend, error) { return open(dir, Options{Portable: portable}) }
		note, err := selfTest(sound)
		if runtime.GOOS == "windows" && note == noLinks {
			t.Skip(note)
		}
		if err != nil || note != "" {
			t.Errorf("a jail that holds: %q, %v", note, err)
		}
		_, err = selfTest(func(dir string) (*Backend, error) {
			b, err := sound(dir)
			if err == nil {
				b.tree = leaky{b.tree, dir}
			}
			return b, err
		})
		if !errors.Is(err, ErrJail) {
			t.Errorf("a jail that leaks: %v", err)
		}
	}
}

// If nothing can be written, the test is skipped with a note, which is not an error.
func TestSelfTestLeftOut(t *testing.T) {
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "nothing"))
	t.Setenv("TMP", filepath.Join(t.TempDir(), "nothing"))
	b, err := New(t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	said := false
	for _, note := range b.Notes() {
		said = said || note == "the self-test of the jail was skipped: no temporary directory is writable"
	}
	if !said {
		t.Errorf("notes: %q", b.Notes())
	}
}

package disk

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// countedTree counts calls on the directories that it opens.
type countedTree struct {
	tree
	lstats, passes int
}

func (t *countedTree) openDir(dir vfs.Name) (dirReader, error) {
	d, err := t.tree.openDir(dir)
	return countedDir{d, t}, err
}

type countedDir struct {
	dirReader
	t *countedTree
}

func (d countedDir) each(yield func(elem []byte, kind vfs.Kind) error) error {
	d.t.passes++
	return d.dirReader.each(yield)
}

func (d countedDir) lstat(elem string) (stat, error) {
	d.t.lstats++
	return d.dirReader.lstat(elem)
}

// counted returns a backend over dir, and its counts.
func counted(t *testing.T, dir string, opts Options) (*Backend, *countedTree) {
	t.Helper()
	b, err := open(dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	c := &countedTree{tree: b.tree}
	b.tree = c
	return b, c
}

// page lists a page of dir, as for a client with a limit, and returns the keys.
func page(t *testing.T, b *Backend, dir vfs.Name, limit int) (keys []string) {
	t.Helper()
	jail, err := vfs.New(b, vfs.Policy{Allow: vfs.Patterns("**/*.txt")})
	if err != nil {
		t.Fatal(err)
	}
	for e, err := range jail.List(context.Background(), dir, "") {
		if err != nil {
			t.Fatal(err)
		}
		if keys = append(keys, e.Key()); len(keys) == limit {
			break
		}
	}
	return keys
}

// allocated returns the bytes that f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func plantNames(t *testing.T, dir string, names int, format string) {
	t.Helper()
	for i := range names {
		// Create them unordered, as a system would return them.
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf(format, i*7919%names)), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// Names hidden by the rules cost a page of a listing only one check of the name each:
// no stat, no retained memory, and no further pass over the directory.
func TestHiddenNamesCostNothing(t *testing.T) {
	const hidden, shown = 40_000, 10
	dir := MemoryDir(t)
	plantNames(t, dir, hidden, "hidden-%06d.log")
	plantNames(t, dir, shown, "shown-%06d.txt")
	for _, portable := range []bool{false, true} {
		b, c := counted(t, dir, Options{Portable: portable})
		var got []string
		bytes := allocated(func() { got = page(t, b, vfs.Root, 1) })
		if len(got) != 1 || got[0] != "shown-000000.txt" {
			t.Fatalf("portable %t: listed %q", portable, got)
		}
		if c.passes != 1 || c.lstats > shown {
			t.Errorf("portable %t: %d passes and %d stats, want 1 and at most %d", portable, c.passes, c.lstats, shown)
		}
		// os.File.ReadDir itself allocates more.
		if per := bytes / hidden; !portable && per > 64 {
			t.Errorf("%d bytes per hidden name", per)
		}
		if got := page(t, b, vfs.Root, 1000); len(got) != shown {
			t.Errorf("portable %t: listed %q", portable, got)
		}
	}
}

// A page needs memory only for itself, whatever else is in the directory.
func TestPageBoundsMemory(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("os.File.ReadDir allocates for every name")
	}
	var per [2]uint64
	for i, names := range []int{10_000, 80_000} {
		dir := MemoryDir(t)
		plantNames(t, dir, names, "%06d.txt")
		b, c := counted(t, dir, Options{})
		per[i] = allocated(func() {
			if got := page(t, b, vfs.Root, 1000); len(got) != 1000 {
				t.Fatalf("listed %d names", len(got))
			}
		})
		if c.passes != 1 || c.lstats > 2048 {
			t.Errorf("of %d names: %d passes, %d stats", names, c.passes, c.lstats)
		}
	}
	if per[1] > 3*per[0] {
		t.Errorf("a page of 80,000 names takes %d bytes, of 10,000 it takes %d", per[1], per[0])
	}
}

// Entries that turn out to be unwanted only after a stat are not held either, and the
// number of passes over the directory stays small.
func TestRefusedEntriesAreNotHeld(t *testing.T) {
	const refused, shown = 30_000, 5
	dir := MemoryDir(t)
	plantNames(t, dir, shown, "shown-%06d.txt")
	outside := filepath.Join(MemoryDir(t), "outside")
	if err := os.WriteFile(outside, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for i := range refused {
		if err := os.Link(outside, filepath.Join(dir, fmt.Sprintf("link-%06d.txt", i*7919%refused))); err != nil {
			t.Skipf("cannot make so many hard links here: %v", err)
		}
	}
	b, c := counted(t, dir, Options{RefuseHardLinks: true})
	got := page(t, b, vfs.Root, 1000)
	if len(got) != shown || !strings.HasPrefix(got[0], "shown") {
		t.Errorf("listed %d names, from %q on", len(got), got[0])
	}
	if c.passes > 2 || c.lstats > 2*(refused+shown) {
		t.Errorf("%d passes, %d stats", c.passes, c.lstats)
	}
}

package ownfile

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// A cache holds its directory, which has many files and changes all the time. A snapshot
// does not describe all of them again.
func TestLargeDirectory(t *testing.T) {
	dir := t.TempDir()
	for i := range 2 * largeDir {
		write(t, filepath.Join(dir, fmt.Sprint(i)), "")
	}
	hold(t, File{Path: dir})
	if !own(t, filepath.Join(dir, "0")) || !own(t, dir) {
		t.Error("the directory or a file in it is not own")
	}
	i := 0
	allocs := testing.AllocsPerRun(3, func() {
		i++
		write(t, filepath.Join(dir, fmt.Sprint("new", i)), "")
		must(t, os.Remove(filepath.Join(dir, fmt.Sprint(i))))
		Settle()
	})
	if allocs > largeDir/2 {
		t.Errorf("a snapshot makes %v allocations for %d files", allocs, 2*largeDir)
	}
	if !own(t, filepath.Join(dir, "1999")) {
		t.Error("a file is not own any more")
	}
	// A file that leaves the directory may leave its number to another one. That one is
	// not refused until the directory is read again.
	other := filepath.Join(t.TempDir(), "other")
	must(t, os.Rename(filepath.Join(dir, "1999"), other))
	if own(t, other) {
		t.Error("a file outside is own")
	}
}

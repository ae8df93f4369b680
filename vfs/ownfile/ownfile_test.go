package ownfile

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
)

func write(t *testing.T, path, data string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// own reports whether what path leads to is an own file, as a backend would ask.
func own(t *testing.T, path string) bool {
	t.Helper()
	st, err := os.Lstat(path)
	must(t, err)
	return Is(IDOf(st))
}

func hold(t *testing.T, files ...File) {
	t.Helper()
	t.Cleanup(Hold(files...))
}

func TestHold(t *testing.T) {
	dir := t.TempDir()
	file, other := write(t, filepath.Join(dir, "file"), "x"), write(t, filepath.Join(dir, "other"), "x")
	if Holds() || own(t, file) {
		t.Fatal("a file is own before any is held")
	}
	release := Hold(File{Path: file})
	again := Hold(File{Path: file})
	if !Holds() || !own(t, file) || own(t, other) || own(t, dir) {
		t.Errorf("own: the file %t, another %t, their directory %t", own(t, file), own(t, other), own(t, dir))
	}
	release()
	release()
	if !own(t, file) {
		t.Error("one of two who hold a file released it, and it is own no more")
	}
	again()
	if Holds() || own(t, file) {
		t.Error("a file is own after it was released")
	}
}

// A program's paths may be relative, and links may lead to what they mean.
func TestPaths(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "real/deep/file"), "x")
	t.Chdir(dir)
	if err := os.Symlink(filepath.Join("real", "deep"), "way"); err != nil {
		t.Skip(err)
	}
	must(t, os.Symlink(filepath.Join("..", "real", "deep", "file"), filepath.Join("real", "link")))
	for _, path := range []string{
		"real/deep/file", "way/file", "way/../deep/file", "real/link", "./real//deep/file", filepath.Join(dir, "way/file"),
	} {
		release := Hold(File{Path: filepath.FromSlash(path)})
		if !own(t, "real/deep/file") {
			t.Errorf("%s is held, and the file that it leads to is not own", path)
		}
		release()
	}
	for _, path := range []string{"", ".", "nothing/file", "real/deep/file/below"} {
		release := Hold(File{Path: path})
		if path != "." && own(t, "real/deep/file") {
			t.Errorf("%q is held, and another file is own", path)
		}
		release()
	}
}

// Whatever else a file is called, it is the same.
func TestOtherNames(t *testing.T) {
	dir := t.TempDir()
	file := write(t, filepath.Join(dir, "file"), "x")
	must(t, os.Link(file, filepath.Join(dir, "early")))
	hold(t, File{Path: file})
	must(t, os.Link(file, filepath.Join(dir, "late")))
	must(t, os.Rename(filepath.Join(dir, "early"), filepath.Join(dir, "moved")))
	for _, elem := range []string{"file", "moved", "late"} {
		if !own(t, filepath.Join(dir, elem)) {
			t.Errorf("%s is another name of an own file, and not own", elem)
		}
	}
}

// A file that takes the place of an own one is own from the first moment, and on Linux
// so is the one before, as long as it has a name.
func TestReplaced(t *testing.T) {
	dir := t.TempDir()
	file := write(t, filepath.Join(dir, "file"), "0")
	hold(t, File{Path: file})
	for i := range 20 {
		kept := filepath.Join(dir, fmt.Sprint("kept", i))
		must(t, os.Rename(file, kept))
		write(t, filepath.Join(dir, "new"), fmt.Sprint(i))
		must(t, os.Rename(filepath.Join(dir, "new"), file))
		if !own(t, file) {
			t.Fatalf("replaced %d times, the file is not own", i+1)
		}
		if runtime.GOOS == "linux" && !own(t, kept) {
			t.Errorf("the file that was replaced as number %d is not own", i)
		}
	}
}

// A file that was not there is own once it is, and its name is reserved before.
func TestComesLater(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "db-journal")
	hold(t, File{Path: file})
	st, err := os.Stat(dir)
	must(t, err)
	for elem, want := range map[string]bool{
		"db-journal": true, "DB-Journal": true, "ＤＢ-journal": true, "db-journal2": false, "db": false, "": false, "\xff": false,
	} {
		if got := Reserves(IDOf(st), elem); got != want {
			t.Errorf("%q is reserved: %t", elem, got)
		}
	}
	other, err := os.Stat(t.TempDir())
	must(t, err)
	if Reserves(IDOf(other), "db-journal") {
		t.Error("the name is reserved in every directory")
	}
	for range 50 {
		write(t, file, "x")
		if !own(t, file) {
			t.Fatal("the file came, and is not own")
		}
		must(t, os.Remove(file))
	}
}

// Nor can the directory of a file be made anew by somebody else.
func TestReservedAbove(t *testing.T) {
	dir := t.TempDir()
	hold(t, File{Path: filepath.Join(dir, "etc/deep/keys")})
	st, err := os.Stat(dir)
	must(t, err)
	if !Reserves(IDOf(st), "ETC") || Reserves(IDOf(st), "deep") || Reserves(IDOf(st), "keys") {
		t.Error("the topmost directory that is missing is not reserved, or more than that is")
	}
	must(t, os.MkdirAll(filepath.Join(dir, "etc/deep"), 0o700))
	if st, err = os.Stat(dir); err != nil || Reserves(IDOf(st), "etc") {
		t.Error("a directory that is there is reserved")
	}
	if st, err = os.Stat(filepath.Join(dir, "etc/deep")); err != nil || !Reserves(IDOf(st), "keys") {
		t.Error("in the directory that came, the name is free")
	}
}

// A number that is given to another file does not make that an own one.
func TestNumbersGivenAnew(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	hold(t, File{Path: file}, File{Path: filepath.Join(dir, "below")})
	for i := range 200 {
		write(t, file, "x")
		write(t, filepath.Join(dir, "below/file"), "x")
		if !own(t, file) || !own(t, filepath.Join(dir, "below/file")) {
			t.Fatal("a file is not own")
		}
		must(t, os.Remove(file))
		must(t, os.Remove(filepath.Join(dir, "below/file")))
		for j := range 3 {
			if other := write(t, filepath.Join(dir, fmt.Sprintf("other %d %d", i, j)), "x"); own(t, other) {
				t.Fatal("a file that came after an own one was removed is own")
			}
		}
	}
}

// All that lies below a directory is own, whatever comes and goes there.
func TestDirectory(t *testing.T) {
	dir := t.TempDir()
	top := filepath.Join(dir, "acme")
	early := write(t, filepath.Join(top, "a/b/early"), "x")
	outside := write(t, filepath.Join(dir, "outside"), "x")
	must(t, os.Link(early, filepath.Join(dir, "linked")))
	hold(t, File{Path: top})
	late := write(t, filepath.Join(top, "new/late"), "x")
	must(t, os.Link(late, filepath.Join(dir, "linked late")))
	for _, path := range []string{top, filepath.Join(top, "a"), filepath.Join(top, "a/b"), early, filepath.Join(top, "new"), late, filepath.Join(dir, "linked"), filepath.Join(dir, "linked late")} {
		if !own(t, path) {
			t.Errorf("%s is not own", path)
		}
	}
	if own(t, outside) || own(t, dir) {
		t.Error("what lies beside or above is own")
	}
	// It is removed and made again, as another directory.
	must(t, os.RemoveAll(top))
	if again := write(t, filepath.Join(top, "again"), "x"); !own(t, again) || !own(t, top) {
		t.Error("the directory was made again, and is not own")
	}
}

func TestRotated(t *testing.T) {
	dir := t.TempDir()
	log := write(t, filepath.Join(dir, "access.log"), "x")
	before := write(t, filepath.Join(dir, "access.log.1"), "x")
	packed := write(t, filepath.Join(dir, "access.log-20260101.gz"), "x")
	other := write(t, filepath.Join(dir, "access.logic"), "x")
	hold(t, File{Path: log, Rotated: true})
	for _, path := range []string{log, before, packed} {
		if !own(t, path) {
			t.Errorf("%s is not own", path)
		}
	}
	if own(t, other) {
		t.Error("a file that merely begins like the log is own")
	}
	st, err := os.Stat(dir)
	must(t, err)
	if !Reserves(IDOf(st), "access.log.2") || Reserves(IDOf(st), "access.logs") {
		t.Error("what a rotation makes is not reserved, or more than that is")
	}
	must(t, os.Rename(log, filepath.Join(dir, "old")))
	write(t, log, "x")
	if !own(t, log) || runtime.GOOS == "linux" && !own(t, filepath.Join(dir, "old")) {
		t.Error("after a rotation, the log or the one before is not own")
	}
	// More than are pinned: all are own, and the log itself is never forgotten.
	for i := range 100 {
		write(t, filepath.Join(dir, fmt.Sprint("access.log.", i)), "x")
	}
	hold(t, File{Path: log, Rotated: true})
	for _, path := range []string{log, filepath.Join(dir, "access.log.0"), filepath.Join(dir, "access.log.99")} {
		if !own(t, path) {
			t.Errorf("beside many rotated logs, %s is not own", path)
		}
	}
}

// A log that is rotated for as long as the program runs costs a bounded number of
// descriptors, and the logs before it stay own.
func TestRotatedForYears(t *testing.T) {
	before := 0
	if runtime.GOOS == "linux" {
		before = descriptors(t)
	}
	dir := t.TempDir()
	log := write(t, filepath.Join(dir, "access.log"), "x")
	hold(t, File{Path: log, Rotated: true})
	const rotations = 60
	for i := range rotations {
		must(t, os.Rename(log, filepath.Join(dir, fmt.Sprint("access.log.", i))))
		write(t, log, "x")
		for j := range i + 1 {
			if path := filepath.Join(dir, fmt.Sprint("access.log.", j)); !own(t, log) || !own(t, path) {
				t.Fatalf("after %d rotations the log or %s is not own", i+1, path)
			}
		}
	}
	if runtime.GOOS == "linux" {
		if got := descriptors(t) - before; got > maxLogPins+2 {
			t.Errorf("%d descriptors are open for one log", got)
		}
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	return len(entries)
}

// To look at a file leaves no descriptor of it open, but for one of O_PATH each.
func TestDescriptors(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("there is no list of descriptors here")
	}
	dir := t.TempDir()
	before := descriptors(t)
	release := Hold(File{Path: filepath.Join(dir, "file")})
	for range 100 {
		write(t, filepath.Join(dir, "file"), "x")
		must(t, os.Rename(write(t, filepath.Join(dir, "new"), "y"), filepath.Join(dir, "file")))
		if !own(t, filepath.Join(dir, "file")) {
			t.Fatal("not own")
		}
	}
	if got := descriptors(t); got > before+2 {
		t.Errorf("%d descriptors are open for one file", got-before)
	}
	release()
	if got := descriptors(t); got != before {
		t.Errorf("after the release %d descriptors are open, %d were", got, before)
	}
}

func TestConcurrentUse(t *testing.T) {
	dir := t.TempDir()
	file := write(t, filepath.Join(dir, "file"), "x")
	hold(t, File{Path: file})
	done := make(chan bool)
	for i := range 4 {
		go func() {
			ok := true
			for range 300 {
				release := Hold(File{Path: filepath.Join(dir, fmt.Sprint(i))}, File{Path: file})
				st, err := os.Lstat(file)
				ok = ok && err == nil && Is(IDOf(st))
				release()
			}
			done <- ok
		}()
	}
	for range 4 {
		if !<-done {
			t.Error("a file that is held all the time was not own")
		}
	}
}

// What is asked leaves the slice of whoever holds alone.
func TestHoldKeepsItsArguments(t *testing.T) {
	files := []File{{Path: "relative"}}
	before := slices.Clone(files)
	Hold(files...)()
	if !slices.Equal(files, before) {
		t.Errorf("the arguments are %v, and were %v", files, before)
	}
}

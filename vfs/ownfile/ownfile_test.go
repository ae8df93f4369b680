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

// own reports whether path leads to an own file, as a backend would check.
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
		t.Error("the file is no longer own after one of its two holders released it")
	}
	again()
	if Holds() || own(t, file) {
		t.Error("the file is still own after its release")
	}
}

// Paths may be relative, and may lead through symbolic links.
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
			t.Errorf("%s is held, but the file that it leads to is not own", path)
		}
		release()
	}
	for _, path := range []string{"", ".", "nothing/file", "real/deep/file/below"} {
		release := Hold(File{Path: path})
		if path != "." && own(t, "real/deep/file") {
			t.Errorf("%q is held, but another file is own", path)
		}
		release()
	}
}

// A file is the same under all of its names.
func TestOtherNames(t *testing.T) {
	dir := t.TempDir()
	file := write(t, filepath.Join(dir, "file"), "x")
	must(t, os.Link(file, filepath.Join(dir, "early")))
	hold(t, File{Path: file})
	must(t, os.Link(file, filepath.Join(dir, "late")))
	must(t, os.Rename(filepath.Join(dir, "early"), filepath.Join(dir, "moved")))
	for _, elem := range []string{"file", "moved", "late"} {
		if !own(t, filepath.Join(dir, elem)) {
			t.Errorf("%s is another name of an own file, but is not own", elem)
		}
	}
}

// A file that replaces an own one is own from the first moment. On Linux, the replaced
// file stays own as long as it has a name.
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
			t.Fatalf("after %d replacements, the file is not own", i+1)
		}
		if runtime.GOOS == "linux" && !own(t, kept) {
			t.Errorf("the replaced file number %d is not own", i)
		}
	}
}

// A file that did not exist becomes own when it is created, and its name is reserved
// before.
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
			t.Fatal("the created file is not own")
		}
		must(t, os.Remove(file))
	}
}

// Nobody else can recreate a missing directory above an own file.
func TestReservedAbove(t *testing.T) {
	dir := t.TempDir()
	hold(t, File{Path: filepath.Join(dir, "etc/deep/keys")})
	st, err := os.Stat(dir)
	must(t, err)
	if !Reserves(IDOf(st), "ETC") || Reserves(IDOf(st), "deep") || Reserves(IDOf(st), "keys") {
		t.Error("the topmost missing directory is not reserved, or more than that is reserved")
	}
	must(t, os.MkdirAll(filepath.Join(dir, "etc/deep"), 0o700))
	if st, err = os.Stat(dir); err != nil || Reserves(IDOf(st), "etc") {
		t.Error("an existing directory is reserved")
	}
	if st, err = os.Stat(filepath.Join(dir, "etc/deep")); err != nil || !Reserves(IDOf(st), "keys") {
		t.Error("in the created directory, the name is not reserved")
	}
}

// An inode number that is reused for another file does not make that an own file.
func TestNumbersGivenAnew(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	hold(t, File{Path: file}, File{Path: filepath.Join(dir, "below")})
	for i := range 200 {
		write(t, file, "x")
		write(t, filepath.Join(dir, "below/file"), "x")
		if !own(t, file) || !own(t, filepath.Join(dir, "below/file")) {
			t.Fatal("the held file is not own")
		}
		must(t, os.Remove(file))
		must(t, os.Remove(filepath.Join(dir, "below/file")))
		for j := range 3 {
			if other := write(t, filepath.Join(dir, fmt.Sprintf("other %d %d", i, j)), "x"); own(t, other) {
				t.Fatal("a file created after the removal of an own one is own")
			}
		}
	}
}

// Everything below a held directory is own, whatever comes and goes there.
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
		t.Error("a file beside or above the directory is own")
	}
	// Remove it and create it again, as a different directory.
	must(t, os.RemoveAll(top))
	if again := write(t, filepath.Join(top, "again"), "x"); !own(t, again) || !own(t, top) {
		t.Error("the recreated directory is not own")
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
		t.Error("a file whose name merely has the log's name as a prefix is own")
	}
	st, err := os.Stat(dir)
	must(t, err)
	if !Reserves(IDOf(st), "access.log.2") || Reserves(IDOf(st), "access.logs") {
		t.Error("names made by rotation are not reserved, or others are")
	}
	must(t, os.Rename(log, filepath.Join(dir, "old")))
	write(t, log, "x")
	if !own(t, log) || runtime.GOOS == "linux" && !own(t, filepath.Join(dir, "old")) {
		t.Error("after a rotation, the log or the previous one is not own")
	}
	// These are more than are pinned: all are own, and the log itself is never
	// forgotten.
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

// However long the program runs, a rotated log costs a bounded number of descriptors,
// and the previous logs stay own.
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
			t.Errorf("one log keeps %d descriptors open", got)
		}
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	return len(entries)
}

// A log that is compressed after its rotation is a new file with a suffix, and is own at
// once.
func TestRotatedAndCompressed(t *testing.T) {
	dir := t.TempDir()
	log := write(t, filepath.Join(dir, "access.log"), "x")
	hold(t, File{Path: log, Rotated: true})
	for i := range 3 {
		rotated := filepath.Join(dir, fmt.Sprint("access.log.", i))
		must(t, os.Rename(log, rotated))
		write(t, log, "x")
		if !own(t, rotated) {
			t.Errorf("%s is not own", rotated)
		}
		packed := write(t, rotated+".gz", "x")
		must(t, os.Remove(rotated))
		if !own(t, packed) {
			t.Errorf("%s is not own", packed)
		}
	}
}

// Inspecting a file keeps no descriptor of it open, except one with O_PATH each.
func TestDescriptors(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("cannot list descriptors here")
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
		t.Errorf("one file keeps %d descriptors open", got-before)
	}
	release()
	if got := descriptors(t); got != before {
		t.Errorf("after the release %d descriptors are open, want %d", got, before)
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
			t.Error("a permanently held file was not own")
		}
	}
}

// Hold does not change the slice of its caller.
func TestHoldKeepsItsArguments(t *testing.T) {
	files := []File{{Path: "relative"}}
	before := slices.Clone(files)
	Hold(files...)()
	if !slices.Equal(files, before) {
		t.Errorf("the arguments are now %v, were %v", files, before)
	}
}

// New files do not make the set look at the host again, unless their names are part of a
// held path: each upload creates one, in a directory that has just changed.
func TestReservesWithoutRefresh(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink(filepath.Join("real", "target"), filepath.Join(dir, "link")); err != nil {
		t.Skip(err)
	}
	must(t, os.MkdirAll(filepath.Join(dir, "real"), 0o700))
	hold(t, File{Path: filepath.Join(dir, "db")}, File{Path: filepath.Join(dir, "link")}, File{Path: filepath.Join(dir, "log"), Rotated: true})
	changed := func(sub string) ID {
		t.Helper()
		write(t, filepath.Join(dir, sub, "beside"), "x")
		must(t, os.Remove(filepath.Join(dir, sub, "beside")))
		st, err := os.Stat(filepath.Join(dir, sub))
		must(t, err)
		return IDOf(st)
	}
	for _, elem := range []string{"upload", "db2", "logs", "d", ""} {
		before := process.current.Load()
		if Reserves(changed(""), elem) {
			t.Errorf("%q is reserved", elem)
		}
		if after := process.current.Load(); after != before && after.began.Sub(before.began) <= refreshEvery {
			t.Errorf("a new file %q makes the set look at the host again", elem)
		}
	}
	for elem, sub := range map[string]string{"DB": "", "link": "", "log.1": "", "target": "real"} {
		if !Reserves(changed(sub), elem) {
			t.Errorf("%q is not reserved", elem)
		}
	}
}

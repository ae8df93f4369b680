package driver_test

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
)

// failingFS fails every call with err.
type failingFS struct{ err error }

func (f failingFS) Open(string) (fs.File, error)               { return nil, f.err }
func (f failingFS) Lstat(string) (fs.FileInfo, error)          { return nil, f.err }
func (f failingFS) ReadLink(string) (string, error)            { return "", f.err }
func (f failingFS) ReadDir(name string) ([]fs.DirEntry, error) { return nil, f.err }

// TestImpossibleNames: if a system reports that a name is impossible, the error is a
// refusal, whatever call returned it, and prints no path.
func TestImpossibleNames(t *testing.T) {
	n := mustName(t, "dir/file")
	for _, tt := range systemErrors {
		for _, err := range []error{
			tt.err,
			&fs.PathError{Op: "open", Path: "/somewhere", Err: tt.err},
			&os.LinkError{Op: "renameat", Old: "/somewhere", New: "/else", Err: tt.err},
		} {
			b := vfs.FromFS(failingFS{err})
			_, opened := b.Open(t.Context(), n, vfs.Request{})
			_, looked := b.Stat(t.Context(), n, vfs.Request{})
			var listed error
			for _, listed = range b.List(t.Context(), n, "") {
			}
			for call, got := range map[string]error{"Open": opened, "Stat": looked, "List": listed, "FSError": driver.FSError("put", n, err)} {
				if vfs.ReasonOf(got) != tt.reason || errors.Is(got, fs.ErrNotExist) != (tt.reason != "") {
					t.Errorf("%s, %v: %v, reason %q, want %q", call, err, got, vfs.ReasonOf(got), tt.reason)
				}
				if strings.Contains(got.Error(), "somewhere") {
					t.Errorf("%s, %v: the error reveals the path: %v", call, err, got)
				}
			}
		}
	}
}

func mustName(t *testing.T, s string) vfs.Name {
	t.Helper()
	n, err := vfs.ParseName(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

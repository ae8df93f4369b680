//go:build unix

package disk

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// A foldingTree is a tree on a file system that folds case. Where it respells, as on macOS and
// Windows, a rename of a file to another spelling of its own name changes that; Linux does
// nothing then.
type foldingTree struct {
	tree
	root     string
	respells bool
}

// spelled returns how elem is spelled in dir.
func (t foldingTree) spelled(dir vfs.Name, elem string) string {
	entries, _ := os.ReadDir(filepath.Join(t.root, dir.String()))
	for _, e := range entries {
		if strings.EqualFold(e.Name(), elem) {
			return e.Name()
		}
	}
	return elem
}

func (t foldingTree) open(op string, n vfs.Name, links bool) (handle, error) {
	found, err := n.Dir().Child(t.spelled(n.Dir(), n.Base()))
	if err != nil {
		return nil, err
	}
	return t.tree.open(op, found, links)
}

func (t foldingTree) top() (folder, error) {
	d, err := t.tree.top()
	return foldingFolder{d, t, vfs.Root}, err
}

type foldingFolder struct {
	folder
	t  foldingTree
	at vfs.Name
}

func (d foldingFolder) open(elem string) (folder, error) {
	next, err := d.folder.open(elem)
	if err != nil || elem == "." {
		return foldingFolder{next, d.t, d.at}, err
	}
	at, err := d.at.Child(elem)
	return foldingFolder{next, d.t, at}, err
}

func (d foldingFolder) lstat(elem string) (stat, error) {
	return d.folder.lstat(d.t.spelled(d.at, elem))
}

func (d foldingFolder) renameNew(old string, to folder, elem string) error {
	at := to.(foldingFolder)
	if at.t.spelled(at.at, elem) != elem {
		return fs.ErrExist
	}
	return d.folder.renameNew(d.t.spelled(d.at, old), at.folder, elem)
}

func (d foldingFolder) exchange(string, folder, string) error { return errPlain }

func (d foldingFolder) rename(old string, to folder, elem string) error {
	at := to.(foldingFolder)
	from, onto := d.t.spelled(d.at, old), at.t.spelled(at.at, elem)
	if from == onto && d.at == at.at && !d.t.respells {
		return nil
	}
	if from == onto && d.at == at.at {
		onto = elem
	}
	return d.folder.rename(from, at.folder, onto)
}

// The case of a name is corrected where the file system can do that at once; elsewhere, that is
// refused as before. In no case is the file gone.
func TestMoveOnFoldingFileSystem(t *testing.T) {
	for _, respells := range []bool{true, false} {
		for _, cond := range []vfs.Cond{{}, {IfNoneMatch: vfs.Tags{Any: true}}} {
			dir := t.TempDir()
			for name, content := range map[string]string{"d/readme.txt": "text", "d/other.txt": "other"} {
				if err := os.MkdirAll(filepath.Join(dir, "d"), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			b, err := New(dir, Options{Writable: true, SkipSelfTest: true})
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close()
			b.tree = foldingTree{b.tree, dir, respells}
			j, err := vfs.New(b, vfs.Policy{Allow: vfs.Patterns("**")})
			if err != nil {
				t.Fatal(err)
			}
			_, err = j.Move(t.Context(), parse(t, "d/README.txt"), j, parse(t, "d/readme.txt"), vfs.PutOptions{Cond: cond})
			want := map[string]string{"d/": "", "d/README.txt": "text", "d/other.txt": "other"}
			if !respells {
				want = map[string]string{"d/": "", "d/readme.txt": "text", "d/other.txt": "other"}
			}
			if got := contents(t, dir); !maps.Equal(got, want) || respells != (err == nil) || !respells && vfs.ReasonOf(err) != reason.CreateSibling {
				t.Errorf("respells: %t, %+v: %v, %q", respells, cond, err, got)
			}
			if _, err := j.Move(t.Context(), parse(t, "d/Readme.TXT"), j, parse(t, "d/other.txt"), vfs.PutOptions{Cond: vfs.Cond{IfNoneMatch: vfs.Tags{Any: true}}}); err == nil {
				t.Errorf("respells: %t: another file was moved over it", respells)
			}
		}
	}
}

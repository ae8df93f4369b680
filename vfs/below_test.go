package vfs_test

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// pathsBelow returns the paths that Below yields.
func pathsBelow(t *testing.T, j *vfs.Jail, dir string) (paths []string, err error) {
	t.Helper()
	for e, err := range j.Below(t.Context(), mustName(t, dir)) {
		if err != nil {
			return paths, err
		}
		paths = append(paths, e.Elem)
	}
	return paths, nil
}

// Below yields what List leads to and Head finds, of every directory, in byte order.
func TestBelow(t *testing.T) {
	names := []string{
		"d/a.txt", "d/a/b", "d/a/c/d", "d/a-b", "d/a.b/c", "d/keys/x.key", "d/keys/y", "d/.hidden", "d/.git/x", "d/unlisted/x", "d/unlisted/deep/x", "d/unread/x", "denied/x", "e", "f/only.key",
	}
	policy := vfs.Policy{Allow: vfs.Patterns("**"), Deny: vfs.Patterns("**/*.key", "denied"), Authorize: vfs.AuthorizeFunc(func(_ context.Context, op vfs.Op, n vfs.Name) error {
		if op == vfs.OpList && n.String() == "d/unlisted" || op == vfs.OpRead && n.String() == "d/unread/x" {
			return errors.New("not yours")
		}
		return nil
	})}
	local := vfs.FromFS(mapFS(names...))
	for what, b := range map[string]vfs.Backend{"local": local, "remote": &remote{Backend: local}, "walks": walks{t, local}} {
		j := mustJail(t, b, policy)
		for dir, want := range map[string]string{
			".":      "d/a-b d/a.b/c d/a.txt d/a/b d/a/c/d d/keys/y e",
			"d":      "a-b a.b/c a.txt a/b a/c/d keys/y",
			"d/a":    "b c/d",
			"d/keys": "y",
		} {
			got, err := pathsBelow(t, j, dir)
			if err != nil || !slices.Equal(got, strings.Fields(want)) || !slices.IsSorted(got) {
				t.Errorf("%s, %s: %q, %v; want %s", what, dir, got, err, want)
			}
		}
		for _, dir := range []string{"denied", "d/unlisted", "d/none", "f", "e", "d/.git"} {
			got, err := pathsBelow(t, j, dir)
			if len(got) != 0 || what == "local" && !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s, %s: %q, %v", what, dir, got, err)
			}
		}
	}
}

// In a linked directory, an object needs the rights of both its names, and a directory, too.
func TestBelowLink(t *testing.T) {
	tree := map[string]string{"real/x": "x", "real/sub/y": "y", "real/deny": "d", "real/hide/z": "z", "link": "->real", "real/back": "->../real"}
	for _, s := range linkTree(t, tree) {
		for _, deny := range []string{"real", "link"} {
			j := mustJail(t, s.backend, vfs.Policy{Allow: vfs.Patterns("**"), Deny: vfs.Patterns(deny+"/deny", deny+"/hide"), Symlinks: vfs.SymlinksInside})
			if got, err := pathsBelow(t, j, "link"); err != nil || strings.Join(got, " ") != "sub/y x" {
				t.Errorf("%s, without %s: %q, %v", s.name, deny, got, err)
			}
		}
		j := mustJail(t, s.backend, vfs.Policy{Allow: vfs.Patterns("**"), Deny: vfs.Patterns("real"), Symlinks: vfs.SymlinksInside})
		if got, err := pathsBelow(t, j, "link"); len(got) != 0 || !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s, a link to what is denied: %q, %v", s.name, got, err)
		}
	}
}

// CheckPut fails as a Put would that has not read its body, for each name, and changes nothing.
func TestCheckPut(t *testing.T) {
	j, b := writable(t, vfs.Policy{Allow: vfs.Patterns("**/*.txt", "dir/**"), Deny: vfs.Patterns("**/denied*")})
	seed(t, b, "there.txt", "Case.txt", "dir/x/deep.txt", "hidden.TXT")
	names := []string{"new.txt", "there.txt", "case.txt", "hidden.txt", "aux.txt", "a.html", "denied.txt", "there.txt/below.txt", "dir/x", "dir/X/other.txt", "twice.txt", "Twice.txt", "e\u0301.txt"}
	for what, cond := range map[string]vfs.Cond{
		"any":      {},
		"only new": {IfNoneMatch: vfs.Tags{Any: true}},
		"only old": {IfMatch: vfs.Tags{Any: true}},
		"version":  {IfMatch: vfs.Tags{List: []vfs.Tag{{Value: "x", Set: true}}}},
	} {
		var parsed []vfs.Name
		for _, s := range names {
			parsed = append(parsed, name(t, s))
		}
		errs := j.CheckPut(t.Context(), cond, parsed...)
		for i, n := range parsed {
			stop := errors.New("the body is read")
			_, err := j.Put(t.Context(), n, failingReader{stop}, vfs.PutOptions{Cond: cond})
			if errors.Is(err, stop) {
				err = nil
			}
			got, want := errs[i], err
			if n.String() == "Twice.txt" && !cond.NeedsObject() {
				if !errors.Is(got, fs.ErrNotExist) || vfs.ReasonOf(got).Step() != "create" {
					t.Errorf("%s: two spellings of one name: %v", what, got)
				}
				continue
			}
			if got == nil && cond.NeedsObject() && errors.Is(want, vfs.ErrPrecondition) || n.String() == "there.txt/below.txt" && got == nil {
				continue // the backend finds out
			}
			if (got == nil) != (want == nil) || vfs.ReasonOf(got) != vfs.ReasonOf(want) || errors.Is(got, vfs.ErrPrecondition) != errors.Is(want, vfs.ErrPrecondition) {
				t.Errorf("%s, %s: %v (%s), but Put: %v (%s)", what, n, got, vfs.ReasonOf(got), want, vfs.ReasonOf(want))
			}
		}
	}
	if _, err := put(t, j, "new.txt", "x", vfs.PutOptions{}); err != nil {
		t.Errorf("a name is still claimed: %v", err)
	}
}

type failingReader struct{ err error }

func (r failingReader) Read([]byte) (int, error) { return 0, r.err }

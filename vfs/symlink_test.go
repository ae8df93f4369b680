package vfs_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// linkTree makes two trees from one description, in memory and on disk, and returns
// backends over both. A value that begins with "->" is a link.
func linkTree(t *testing.T, tree map[string]string) []source {
	t.Helper()
	m := fstest.MapFS{}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "outside"), []byte(canary), 0o644); err != nil {
		t.Fatal(err)
	}
	root := filepath.Join(dir, "root")
	for name, content := range tree {
		file := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		target, isLink := strings.CutPrefix(content, "->")
		var err error
		if isLink {
			target = strings.ReplaceAll(target, "$DIR", dir)
			m[name] = &fstest.MapFile{Data: []byte(target), Mode: fs.ModeSymlink | 0o777}
			if err = os.Symlink(target, file); err == nil {
				_, err = os.Lstat(file) // Wine reports success without making links
			}
			if err != nil && runtime.GOOS == "windows" {
				t.Skip("this account may not make links: ", err)
			}
		} else {
			m[name] = &fstest.MapFile{Data: []byte(content), Mode: 0o444}
			err = os.WriteFile(file, []byte(content), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	// Prove the attack: without a jail, the link leads to the canary.
	if data, err := os.ReadFile(filepath.Join(root, "escape")); tree["escape"] != "" && (err != nil || string(data) != canary) {
		t.Fatalf("the control read %q, %v", data, err)
	}
	return []source{{"map", vfs.FromFS(m)}, {"directory", vfs.FromFS(os.DirFS(root))}}
}

// outcome returns what a caller gets for a name: its content, or the reason for the
// refusal.
func outcome(t *testing.T, j *vfs.Jail, name string) string {
	t.Helper()
	n := mustName(t, name)
	_, err := j.Get(t.Context(), n, vfs.Request{Links: true})
	var e *vfs.Error
	if errors.As(err, &e) && (!e.Link.IsZero() || e.Name != name) {
		t.Errorf("%s: the error reveals %q, %q", name, e.Link, e.Name)
	}
	_, headErr := j.Head(t.Context(), n, vfs.Request{})
	if vfs.ReasonOf(err) != vfs.ReasonOf(headErr) {
		t.Errorf("%s: Get says %q, Head %q", name, vfs.ReasonOf(err), vfs.ReasonOf(headErr))
	}
	return fetch(t, j, n)
}

func TestSymlinks(t *testing.T) {
	sources := linkTree(t, map[string]string{
		"real/file": "real", "real/deep/file": "deep", "denied/file": canary, "real/.hidden": canary, "plain": "plain",
		"link":          "->real/file",
		"dirlink":       "->real",
		"real/up":       "->../plain",
		"real/deep/top": "->../..",
		"real/deep/two": "->../../plain",
		"refused":       "->denied/file",
		"hidden":        "->real/.hidden",
		"deniedDir":     "->denied",
		"escape":        "->../outside",
		"escapeDeep":    "->real/../../outside",
		"real/escape":   "->../../outside",
		"absolute":      "->$DIR/outside",
		"absoluteIn":    "->$DIR/root/plain",
		"etc":           "->/etc/passwd",
		"dangling":      "->nothing",
		"loop":          "->loop",
		"ping":          "->pong",
		"pong":          "->ping",
		"through":       "->dirlink/file",
		"throughUp":     "->dirlink/../plain",
		"dotted":        "->./real/./file",
		"odd":           "->real\\file",
		".dotlink":      "->plain",
		"selfDir":       "->.",
	})
	want := map[string]string{
		"real/file": "real", "plain": "plain",
		"link": "real", "dirlink/file": "real", "dirlink/deep/file": "deep", "real/up": "plain", "dirlink/up": "plain",
		"real/deep/two": "plain", "real/deep/top/plain": "plain", "through": "real", "dotted": "real", "selfDir/plain": "plain", "selfDir/selfDir/link": "real",
		"refused": "symlink", "hidden": "symlink", "deniedDir/file": "symlink", "dirlink/.hidden": "policy.dotfile",
		"escape": "symlink", "escapeDeep": "symlink", "real/escape": "symlink", "dirlink/escape": "symlink",
		"absolute": "symlink", "absoluteIn": "symlink", "etc": "symlink", "dangling": "missing", "loop": "symlink", "ping": "symlink",
		"throughUp": "symlink", "odd": "symlink", ".dotlink": "policy.dotfile", "dirlink": "directory", "selfDir": "symlink",
		"dirlink/nothing": "missing", "link/below": "missing", "dangling/x": "missing",
	}
	for _, s := range sources {
		t.Run(s.name, func(t *testing.T) {
			p := vfs.Policy{Allow: vfs.Patterns("**"), Deny: vfs.Patterns("denied"), Symlinks: vfs.SymlinksInside}
			inside := mustJail(t, s.backend, p)
			p.Symlinks = vfs.SymlinksRefuse
			refuse := mustJail(t, s.backend, p)
			for name, want := range want {
				if got := outcome(t, inside, name); got != want {
					t.Errorf("inside, %s: %q, want %q", name, got, want)
				}
				got := outcome(t, refuse, name)
				switch {
				case name == "real/file" || name == "plain" || strings.HasPrefix(want, "policy."):
					if got != want {
						t.Errorf("refuse, %s: %q, want %q", name, got, want)
					}
				case got != "symlink":
					t.Errorf("refuse, %s: %q", name, got)
				}
			}
			if got, want := keys(t, refuse, ".", ""), []string{"plain", "real/"}; !slices.Equal(got, want) {
				t.Errorf("refuse lists %q, want %q", got, want)
			}
			if got, want := keys(t, inside, ".", ""), []string{"dirlink/", "dotted", "link", "plain", "real/", "selfDir/", "through"}; !slices.Equal(got, want) {
				t.Errorf("inside lists %q, want %q", got, want)
			}
			if got, want := keys(t, inside, "dirlink", ""), []string{"deep/", "file", "up"}; !slices.Equal(got, want) {
				t.Errorf("inside lists in dirlink %q, want %q", got, want)
			}
			for _, dir := range []string{"deniedDir", "escape", "absolute", "loop", "dangling", "link"} {
				if err := inside.HeadDir(t.Context(), mustName(t, dir)); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("HeadDir(%s): %v", dir, err)
				}
			}
		})
	}
}

// A link must not widen the policy: both the link's name and the name of its target
// must be allowed.
func TestLinksDoNotWidenThePolicy(t *testing.T) {
	for _, s := range linkTree(t, map[string]string{
		"pub/a.txt": "a", "priv/b.txt": canary, "pub/b.txt": "->../priv/b.txt", "pub/c": "->a.txt", "other/a.txt": "->../pub/a.txt", "pub/dir": "->../mixed", "mixed/x.txt": "x", "mixed/y.key": canary,
	}) {
		t.Run(s.name, func(t *testing.T) {
			j := mustJail(t, s.backend, vfs.Policy{Allow: vfs.Patterns("pub/**", "mixed/*.txt"), Symlinks: vfs.SymlinksInside})
			for name, want := range map[string]string{
				"pub/a.txt": "a", "pub/b.txt": "symlink", "pub/c": "a", "other/a.txt": "policy.no_allow", "pub/dir/x.txt": "x", "pub/dir/y.key": "symlink",
			} {
				if got := outcome(t, j, name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
			if got, want := keys(t, j, "pub", ""), []string{"a.txt", "c", "dir/"}; !slices.Equal(got, want) {
				t.Errorf("pub: %q, want %q", got, want)
			}
			if got, want := keys(t, j, "pub/dir", ""), []string{"x.txt"}; !slices.Equal(got, want) {
				t.Errorf("pub/dir: %q, want %q", got, want)
			}
			// What is listed as a directory opens as one, although "mixed" itself is
			// not an object that could be allowed.
			f, err := j.Open("pub/dir")
			if err != nil {
				t.Fatal(err)
			}
			f.Close()
			if err := fstest.TestFS(j, "pub/a.txt", "pub/c", "pub/dir/x.txt", "mixed/x.txt"); err != nil {
				t.Error(err)
			}
		})
	}
}

// everyInfo returns the Info of n from each call that has one, also of those that fail.
func everyInfo(t *testing.T, j *vfs.Jail, n vfs.Name) map[string]vfs.Info {
	t.Helper()
	all := map[string]vfs.Info{}
	for how, req := range map[string]vfs.Request{"all": {}, "a version": {Cond: vfs.Cond{IfNoneMatch: vfs.Tags{Any: true}}}} {
		obj, err := j.Get(t.Context(), n, req)
		if err == nil {
			obj.Body.Close()
			all["Get of "+how] = obj.Info
		}
		info, headErr := j.Head(t.Context(), n, req)
		if headErr == nil {
			all["Head of "+how] = info
		}
		for call, err := range map[string]error{"Get": err, "Head": headErr} {
			if e, ok := errors.AsType[*vfs.Error](err); ok {
				all["failed "+call+" of "+how] = *e.Info
			}
		}
	}
	if len(all) != 4 {
		t.Fatalf("%s: %d results have an Info", n, len(all))
	}
	return all
}

func TestChainsOfLinks(t *testing.T) {
	tree := map[string]string{"end": "end", "dir/f": "f", "l1": "->end", "d1": "->dir"}
	for i := 2; i <= 9; i++ {
		tree[fmt.Sprint("l", i)] = fmt.Sprint("->l", i-1)
		tree[fmt.Sprint("d", i)] = fmt.Sprint("->d", i-1)
	}
	for _, s := range linkTree(t, tree) {
		j := mustJail(t, s.backend, vfs.Policy{Allow: vfs.Patterns("**"), Symlinks: vfs.SymlinksInside})
		for name, want := range map[string]string{"l1": "end", "l8": "end", "l9": "symlink", "d8/f": "f", "d9/f": "symlink"} {
			if got := outcome(t, j, name); got != want {
				t.Errorf("%s, %s: %q, want %q", s.name, name, got, want)
			}
		}
		for name, want := range map[string]string{"end": "[]", "l1": "[end]", "l3": "[l2 l1 end]", "d2/f": "[d1/f dir/f]"} {
			for how, info := range everyInfo(t, j, mustName(t, name)) {
				if got := fmt.Sprint(info.Targets); got != want || info.Name.String() != name {
					t.Errorf("%s, %s of %s: %s by way of %s, want %s", s.name, how, name, info.Name, got, want)
				}
			}
		}
		if err := j.HeadDir(t.Context(), mustName(t, "d8")); err != nil {
			t.Errorf("%s, d8: %v", s.name, err)
		}
		if err := j.HeadDir(t.Context(), mustName(t, "d9")); vfs.ReasonOf(err) != reason.Symlink {
			t.Errorf("%s, d9: %v", s.name, err)
		}
	}
}

// A linked directory is listed in the position of a directory with its name, which is
// not where the backend lists the link. Pages of any size together give the whole
// listing.
func TestListingOrderWithLinks(t *testing.T) {
	tree := map[string]string{
		"real/x": "x", "img": "->real", "img-a": "1", "img!": "2", "img.txt": "->img-a", "img0": "3", "img-": "->real", "im": "->real", "im-g": "->real", "im ": "4",
		"a/b": "5", "zz": "->real", "z": "->img-a", "out": "->../outside", "imgs/x": "6", "img-a-": "->loop", "loop": "->loop",
	}
	want := []string{"a/", "im ", "im-g/", "im/", "img!", "img-/", "img-a", "img.txt", "img/", "img0", "imgs/", "real/", "z", "zz/"}
	for _, s := range linkTree(t, tree) {
		j := mustJail(t, s.backend, vfs.Policy{Allow: vfs.Patterns("**"), Symlinks: vfs.SymlinksInside})
		if got := keys(t, j, ".", ""); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", s.name, got, want)
		}
		for size := 1; size <= 4; size++ {
			var pages []string
			for after := ""; ; {
				page := keys(t, j, ".", after)
				page = page[:min(size, len(page))]
				if len(page) == 0 || len(pages) > len(want) {
					break
				}
				pages = append(pages, page...)
				after = page[len(page)-1]
			}
			if !slices.Equal(pages, want) {
				t.Errorf("%s, pages of %d: %q, want %q", s.name, size, pages, want)
			}
		}
		for e, err := range j.List(t.Context(), vfs.Root, "") {
			if err != nil || e.Kind != vfs.KindFile && e.Kind != vfs.KindDir {
				t.Errorf("%s: %v, %v", s.name, e, err)
			}
			if e.Key() == "z" && e.Size != 1 {
				t.Errorf("a link is shown with size %d, not its target's", e.Size)
			}
		}
	}
}

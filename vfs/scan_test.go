package vfs_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// findings renders a scan, one line per finding.
func findings(t *testing.T, j *vfs.Jail) []string {
	t.Helper()
	var got []string
	for f, err := range j.Scan(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if f.Allowed != (f.Reason == "") {
			t.Errorf("%q: allowed %t, reason %q", f.Path, f.Allowed, f.Reason)
		}
		verdict := string(f.Reason)
		if f.Allowed {
			verdict = fmt.Sprintf("allowed by %s, %d bytes", f.Rule, f.Size)
		}
		got = append(got, fmt.Sprintf("%q %s", f.Path, verdict))
	}
	return got
}

func TestScan(t *testing.T) {
	m := mapFS("a.txt", "docs/b.html", "docs/.git/config", "docs/a-b", "docs/a/c", "secret/x", ".env", "z.key")
	m["pipe"] = mapFS("pipe")["pipe"]
	m["pipe"].Mode = fs.ModeNamedPipe
	j := mustJail(t, vfs.FromFS(m), vfs.Policy{Allow: vfs.Patterns("*.txt", "docs/**", "pipe"), Deny: vfs.Patterns("Secret")})
	want := []string{
		`".env" policy.no_allow`, `"a.txt" allowed by *.txt, 5 bytes`, `"docs/.git/config" policy.dotfile`, `"docs/a-b" allowed by docs/**, 8 bytes`,
		`"docs/a/c" allowed by docs/**, 8 bytes`, `"docs/b.html" allowed by docs/**, 11 bytes`, `"pipe" special_file`, `"secret/x" policy.deny`, `"z.key" policy.no_allow`,
	}
	if got := findings(t, j); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	for range j.Scan(t.Context()) {
		break // an iteration may stop early
	}
}

func TestScanLinks(t *testing.T) {
	tree := map[string]string{"a": "12345", "dir/b": "1", "key": "k", "l": "->a", "d": "->dir", "out": "->../outside", "gone": "->nothing", "k": "->key"}
	for _, s := range linkTree(t, tree) {
		p := vfs.Policy{Allow: vfs.Patterns("**"), Deny: vfs.Patterns("key"), Symlinks: vfs.SymlinksInside}
		want := []string{`"a" allowed by **, 5 bytes`, `"d" directory`, `"dir/b" allowed by **, 1 bytes`, `"gone" missing`, `"k" symlink`, `"key" policy.deny`, `"l" allowed by **, 5 bytes`, `"out" symlink`}
		if got := findings(t, mustJail(t, s.backend, p)); !slices.Equal(got, want) {
			t.Errorf("%s, inside:\ngot  %q\nwant %q", s.name, got, want)
		}
		p.Symlinks = vfs.SymlinksRefuse
		want = []string{`"a" allowed by **, 5 bytes`, `"d" symlink`, `"dir/b" allowed by **, 1 bytes`, `"gone" symlink`, `"k" symlink`, `"key" policy.deny`, `"l" symlink`, `"out" symlink`}
		if got := findings(t, mustJail(t, s.backend, p)); !slices.Equal(got, want) {
			t.Errorf("%s, refuse:\ngot  %q\nwant %q", s.name, got, want)
		}
	}
}

// treeOf lists different entries in different directories, or fails.
type treeOf struct {
	everything
	dirs map[string][]vfs.Entry
	errs map[string]error
}

func (b *treeOf) List(_ context.Context, dir vfs.Name, after string) iter.Seq2[vfs.Entry, error] {
	return func(yield func(vfs.Entry, error) bool) {
		for _, e := range b.dirs[dir.String()] {
			if e.Key() > after && !yield(e, nil) {
				return
			}
		}
		if err := b.errs[dir.String()]; err != nil {
			yield(vfs.Entry{}, err)
		}
	}
}

// A backend's keys are untrusted: a scan reports the invalid ones, a listing leaves
// them out, and neither follows them.
func TestHostileKeys(t *testing.T) {
	bad := []vfs.Entry{{Elem: "."}, {Elem: ".."}, {Elem: "..", Kind: vfs.KindDir}, {Elem: "a/b"}, {Elem: "../x"}, {Elem: "/"}, {Elem: "", Kind: vfs.KindDir}, {Elem: "\xff"}, {Elem: "a\x00"}, {Elem: `a\b`}, {Elem: "a\nb"}, {Elem: "\u202e"}, {Elem: strings.Repeat("x", 300)}}
	dirs := map[string][]vfs.Entry{".": append(bad, vfs.Entry{Elem: "d", Kind: vfs.KindDir}, vfs.Entry{Elem: "good", Size: 3}), "d": bad}
	j := mustJail(t, &treeOf{dirs: dirs}, vfs.Policy{Allow: vfs.Patterns("**")})
	if got, want := keys(t, j, ".", ""), []string{"d/", "good"}; !slices.Equal(got, want) {
		t.Errorf("listed %q", got)
	}
	for e, err := range j.List(t.Context(), mustName(t, "d"), "") {
		if vfs.ReasonOf(err) != reason.Missing {
			t.Errorf("listed in d %+v, %v", e, err)
		}
	}
	want := []string{
		`"." name.dot`, `".." name.dotdot`, `"../" name.dotdot`, `"a/b" name.slash`, `"../x" name.slash`, `"/" name.slash`, `"/" name.empty`,
		`"\xff" name.utf8`, `"a\x00" name.nul`, `"a\\b" name.backslash`, `"a\nb" name.control`, `"\u202e" name.bidi`, `"` + strings.Repeat("x", 300) + `" name.element_too_long`,
		`"d/." name.dot`, `"d/.." name.dotdot`, `"d/../" name.dotdot`, `"d/a/b" name.slash`, `"d/../x" name.slash`, `"d//" name.slash`, `"d//" name.slash`,
		`"d/\xff" name.utf8`, `"d/a\x00" name.nul`, `"d/a\\b" name.backslash`, `"d/a\nb" name.control`, `"d/\u202e" name.bidi`, `"d/` + strings.Repeat("x", 300) + `" name.element_too_long`,
		`"good" allowed by **, 3 bytes`,
	}
	if got := findings(t, j); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// A directory that cannot be read is a finding, and the scan continues after it. If the
// top cannot be read, the scan fails.
func TestScanErrors(t *testing.T) {
	dirs := map[string][]vfs.Entry{
		".":   {{Elem: "bad", Kind: vfs.KindDir}, {Elem: "half", Kind: vfs.KindDir}, {Elem: "z"}},
		"bad": nil, "half": {{Elem: "a"}},
	}
	b := &treeOf{dirs: dirs, errs: map[string]error{
		"bad":  &vfs.Error{Op: "list", Reason: reason.Permission, Err: fs.ErrPermission},
		"half": errors.New("the disk broke at /srv/half"),
	}}
	j := mustJail(t, b, vfs.Policy{Allow: vfs.Patterns("**")})
	want := []string{`"bad/" permission`, `"half/a" allowed by **, 0 bytes`, `"half/" permission`, `"z" allowed by **, 0 bytes`}
	if got := findings(t, j); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	var listErr error
	for _, listErr = range j.List(t.Context(), mustName(t, "half"), "") {
	}
	if listErr == nil || strings.Contains(listErr.Error(), "/srv") {
		t.Errorf("a listing that breaks: %v", listErr)
	}

	b.errs["."] = vfs.ErrUnavailable
	var last error
	for _, err := range j.Scan(t.Context()) {
		last = err
	}
	if !errors.Is(last, vfs.ErrUnavailable) {
		t.Errorf("without the top: %v", last)
	}

	delete(b.errs, ".")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := 0
	for _, err := range mustJail(t, vfs.FromFS(mapFS("a", "b", "c/d", "e")), vfs.Policy{}).Scan(ctx) {
		if n++; n == 2 {
			cancel()
		}
		last = err
	}
	if n != 3 || !errors.Is(last, context.Canceled) {
		t.Errorf("after cancel: %d findings, %v", n, last)
	}
}

// The client chooses the key after which a page begins. It must not make a backend
// without links search for linked directories.
func TestAfterCostsNothing(t *testing.T) {
	b := &everything{}
	j := mustJail(t, b, vfs.Policy{Allow: vfs.Patterns("**"), Symlinks: vfs.SymlinksInside})
	for _, after := range []string{"", "a", strings.Repeat("-", 200), strings.Repeat("a-", 4000)} {
		b.calls.Store(0)
		keys(t, j, ".", after)
		if n := b.calls.Load(); n != 1 {
			t.Errorf("after %.10q: the backend was called %d times", after, n)
		}
	}
}

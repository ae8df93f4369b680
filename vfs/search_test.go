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
	"testing/synctest"

	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// searched follows the pages of Search.
func searched(t *testing.T, j *vfs.Jail, dir, text string, limit int) (keys []string) {
	t.Helper()
	for after := ""; ; {
		p, err := j.Search(t.Context(), mustName(t, dir), text, after, limit)
		if err != nil || p.Cut {
			t.Fatalf("%s, %q after %q: cut %t, %v", dir, text, after, p.Cut, err)
		}
		for _, e := range p.Entries {
			keys = append(keys, e.Key())
		}
		if p.Next == "" {
			return keys
		}
		if p.Next <= after || len(p.Entries) != limit {
			t.Fatalf("%d entries, next %q after %q", len(p.Entries), p.Next, after)
		}
		after = p.Next
	}
}

// Search finds what the caller could list and open, on the way that List and Get would
// take, and nothing of what lies in a directory that the caller may not list.
func TestSearch(t *testing.T) {
	names := []string{
		"d/Report.txt", "d/a-report/x", "d/a/report", "d/a/b/REPORT.md", "d/report/report", "d/reports", "d/keys/report.key", "d/.report", "d/unlisted/report", "d/unlisted/deep/report",
		"denied/report", "e/report", "report",
	}
	authorize := vfs.AuthorizeFunc(func(_ context.Context, op vfs.Op, n vfs.Name) error {
		if op == vfs.OpList && n.String() == "d/unlisted" {
			return errors.New("not yours")
		}
		return nil
	})
	policy := vfs.Policy{Allow: vfs.Patterns("**"), Deny: vfs.Patterns("**/*.key", "denied"), Authorize: authorize}
	local := vfs.FromFS(mapFS(names...))
	for what, b := range map[string]vfs.Backend{"local": local, "remote": &remote{Backend: local}, "walks": walks{t, local}} {
		j := mustJail(t, b, policy)
		for limit := 1; limit <= 12; limit++ {
			for dir, want := range map[string]string{
				"d":   "Report.txt a-report/ a/b/REPORT.md a/report report/ report/report reports",
				"d/a": "b/REPORT.md report",
				".":   "d/Report.txt d/a-report/ d/a/b/REPORT.md d/a/report d/report/ d/report/report d/reports e/report report",
			} {
				if got := searched(t, j, dir, "rePort", limit); !slices.Equal(got, strings.Fields(want)) {
					t.Errorf("%s, %s, limit %d: %q, want %s", what, dir, limit, got, want)
				}
			}
		}
		for _, dir := range []string{"d/keys", "denied", "d/unlisted", "d/none", "d/reports"} {
			if p, err := j.Search(t.Context(), mustName(t, dir), "report", "", 1); what != "remote" && what != "walks" && !errors.Is(err, fs.ErrNotExist) || len(p.Entries) != 0 {
				t.Errorf("%s, %s: %+v, %v", what, dir, p, err)
			}
		}
	}
}

// walks is a backend that reads everything in one walk, by path.
type walks struct {
	t *testing.T
	vfs.Backend
}

func (w walks) Caps() vfs.Caps { return vfs.Caps{Kind: "walks", Walks: true} }

func (w walks) Walk(ctx context.Context, dir vfs.Name) iter.Seq2[vfs.Entry, error] {
	return func(yield func(vfs.Entry, error) bool) {
		for f, err := range mustJail(w.t, w.Backend, vfs.Policy{}).ScanDir(ctx, dir) {
			path := f.Path
			if !dir.IsRoot() {
				path = strings.TrimPrefix(path, dir.String()+"/")
			}
			if !yield(vfs.Entry{Elem: path, Size: f.Size, ModTime: f.ModTime}, err) {
				return
			}
		}
	}
}

// The bound counts what is shown: hidden names do not change whether a search is cut.
func TestSearchBound(t *testing.T) {
	tree := map[string]string{"d/z-match": ""}
	for i := range 99_999 {
		tree[fmt.Sprintf("d/%03d/f%05d", i%100, i)] = ""
		if i < 5000 {
			tree[fmt.Sprintf("d/%03d/f%05d.key", i%100, i)] = ""
			tree[fmt.Sprintf("d/secret/f%05d", i)] = ""
		}
	}
	b, err := mem.FromMap(tree)
	if err != nil {
		t.Fatal(err)
	}
	j := mustJail(t, b, vfs.Policy{Allow: vfs.Patterns("**"), Deny: vfs.Patterns("**/*.key", "**/secret", "**/skip")})
	if got := searched(t, j, "d", "MATCH", 1); !slices.Equal(got, []string{"z-match"}) {
		t.Errorf("100,000 names: %q", got)
	}
	for i, name := range []string{"d/skip", "d/more"} {
		if _, err := b.Put(t.Context(), mustName(t, name), strings.NewReader(""), vfs.PutOptions{}); err != nil {
			t.Fatal(err)
		}
		p, err := j.Search(t.Context(), mustName(t, "d"), "match", "", 1)
		if err != nil || p.Cut != (i == 1) || len(p.Entries) != 1-i || p.Next != "" {
			t.Errorf("with %s: %+v, %v", name, p, err)
		}
	}
}

// slow lists one name and then nothing more.
type slow struct{ everything }

func (*slow) List(ctx context.Context, _ vfs.Name, _ string) iter.Seq2[vfs.Entry, error] {
	return func(yield func(vfs.Entry, error) bool) {
		if yield(vfs.Entry{Elem: "match"}, nil) {
			<-ctx.Done()
			yield(vfs.Entry{}, &vfs.Error{Op: "list", Err: ctx.Err()})
		}
	}
}

// What was found until the time is over is returned. A caller who leaves gets an error.
func TestSearchTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := mustJail(t, &slow{}, vfs.Policy{Allow: vfs.Patterns("**")})
		p, err := j.Search(t.Context(), vfs.Root, "match", "", 5)
		if err != nil || !p.Cut || len(p.Entries) != 1 || p.Next != "" {
			t.Errorf("%+v, %v", p, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		go cancel()
		if p, err := j.Search(ctx, vfs.Root, "match", "", 5); !errors.Is(err, context.Canceled) || p.Cut {
			t.Errorf("a caller who left: %+v, %v", p, err)
		}
	})
}

// A search does not follow links to directories below its own, and shows a link to a file as the
// file.
func TestSearchLinks(t *testing.T) {
	tree := map[string]string{"dir/match": "12345", "match-dir": "->dir", "match-file": "->dir/match", "match-key": "->key", "key": "k"}
	for _, s := range linkTree(t, tree) {
		j := mustJail(t, s.backend, vfs.Policy{Allow: vfs.Patterns("**"), Deny: vfs.Patterns("key"), Symlinks: vfs.SymlinksInside})
		info, _ := j.Head(t.Context(), mustName(t, "match-file"), vfs.Request{})
		p, err := j.Search(t.Context(), vfs.Root, "match", "", 10)
		if err != nil || p.Cut || len(p.Entries) != 2 || p.Entries[0].Elem != "dir/match" || p.Entries[1].Elem != "match-file" || p.Entries[1].Size != 5 || !p.Entries[1].ModTime.Equal(info.ModTime) {
			t.Errorf("%s: %+v, %v", s.name, p, err)
		}
		if p, err := j.Search(t.Context(), mustName(t, "match-dir"), "match", "", 10); err != nil || p.Cut || len(p.Entries) != 1 || p.Entries[0].Elem != "match" {
			t.Errorf("%s, from a link: %+v, %v", s.name, p, err)
		}
	}
}

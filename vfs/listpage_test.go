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
	"testing/fstest"

	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// remote is a backend like S3: it has no directories, lists a thousand keys per
// request, and honors only the bound of a hint.
type remote struct {
	vfs.Backend
	requests, keys int
}

func (r *remote) Caps() vfs.Caps { return vfs.Caps{Kind: "remote"} }

func (r *remote) List(ctx context.Context, dir vfs.Name, after string) iter.Seq2[vfs.Entry, error] {
	return func(yield func(vfs.Entry, error) bool) {
		hint := driver.ListHintOf(ctx)
		requests, left := 0, 0
		for e, err := range r.Backend.List(context.WithoutCancel(driver.WithListHint(ctx, driver.ListHint{})), dir, after) {
			if left == 0 {
				if requests++; hint.Requests > 0 && requests > hint.Requests {
					yield(vfs.Entry{}, vfs.ErrListBound)
					return
				}
				r.requests++
				left = 1000
			}
			left--
			r.keys++
			if !yield(e, err) {
				return
			}
		}
	}
}

// files returns a backend in which every directory contains files with these names.
func files(names ...iter.Seq[string]) vfs.Backend {
	b := &everything{}
	for _, seq := range names {
		for n := range seq {
			b.entries = append(b.entries, vfs.Entry{Elem: n})
		}
	}
	return b
}

func numbered(n int, format string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := range n {
			if !yield(fmt.Sprintf(format, i)) {
				return
			}
		}
	}
}

// Hidden entries after a page do not affect it, whatever hides them. A caller who may see
// every entry gets the last page with a single request.
func TestPageTellsNothingOfWhatIsHidden(t *testing.T) {
	const limit = 1000
	authorize := vfs.AuthorizeFunc(func(_ context.Context, _ vfs.Op, n vfs.Name) error {
		if strings.Contains(n.String(), "hidden") {
			return errors.New("not yours")
		}
		return nil
	})
	policies := map[string]vfs.Policy{
		"allow":     {Allow: vfs.Patterns("**/[0-9]*")},
		"deny":      {Allow: vfs.Patterns("**"), Deny: vfs.Patterns("**/hidden-*")},
		"authorize": {Allow: vfs.Patterns("**"), Authorize: authorize},
	}
	for _, c := range []struct {
		shown, hidden int
		next          string
		requests      int
	}{
		{999, 0, "", 1},
		{1000, 0, "", 1},
		{1001, 0, "000999", 2},
		{1000, 1, "", 2},
		{1000, 5000, "", 6},
		{1001, 5000, "000999", 2},
		{500, 5000, "", 6},
		// The only exception: the bound was reached before anything was found.
		{1000, 70_000, "000999", 64},
	} {
		held := files(numbered(c.shown, "%06d"), numbered(c.hidden, "hidden-%06d"))
		for what, p := range policies {
			b := &remote{Backend: held}
			page, err := mustJail(t, b, p).ListPage(t.Context(), mustName(t, "dir"), "", limit)
			if err != nil || len(page.Entries) != min(c.shown, limit) || page.Next != c.next {
				t.Errorf("%s, %d shown, %d hidden: %d entries, next %q, %v", what, c.shown, c.hidden, len(page.Entries), page.Next, err)
			}
			if b.requests != c.requests {
				t.Errorf("%s, %d shown, %d hidden: %d requests, want %d", what, c.shown, c.hidden, b.requests, c.requests)
			}
		}
	}
}

// No client can make the server send more requests per page than the bound, however
// much is hidden before, between and after what it may see. Every page that is not
// empty leads to the next.
func TestPageIsBounded(t *testing.T) {
	p := vfs.Policy{Allow: vfs.Patterns("**"), Deny: vfs.Patterns("**/*hidden*")}
	near := &remote{Backend: files(numbered(40_000, "a-hidden-%06d"), numbered(3, "b-%d"), numbered(70_000, "c-hidden-%06d"), numbered(2, "d-%d"))}
	j, dir := mustJail(t, near, p), mustName(t, "dir")
	page, err := j.ListPage(t.Context(), dir, "", 10)
	if err != nil || len(page.Entries) != 3 || page.Next != "b-2" || near.requests != 64 {
		t.Errorf("%d entries, next %q, %v, %d requests", len(page.Entries), page.Next, err, near.requests)
	}
	far := &remote{Backend: files(numbered(100_000, "a-hidden-%06d"), numbered(1, "b-%d"))}
	for _, c := range []struct {
		b     *remote
		after string
	}{{near, "b-2"}, {far, ""}} {
		c.b.requests = 0
		page, err = mustJail(t, c.b, p).ListPage(t.Context(), dir, c.after, 10)
		if !errors.Is(err, vfs.ErrListBound) || !errors.Is(err, vfs.ErrUnavailable) || len(page.Entries) != 0 || c.b.requests > 64 {
			t.Errorf("after %q: %d entries, %v, %d requests", c.after, len(page.Entries), err, c.b.requests)
		}
	}
	if got := len(keys(t, j, "dir", "")); got != 5 {
		t.Errorf("an unbounded listing has %d entries", got)
	}
}

// If inspecting it is cheap, a directory is shown only if something in it is, at
// whatever depth. Otherwise it is treated as missing: in listings, by HeadDir and by
// io/fs.
func TestDirectoriesShowWhatTheyHold(t *testing.T) {
	m := mapFS("full/a.html", "deep/1/2/3/a.html", "hidden/a.txt", "deephidden/1/2/a.txt", "dot/.a.html", "denied/secret/a.html", "some/a.txt", "some/b/c.html", "top.html")
	m["empty"] = &fstest.MapFile{Mode: fs.ModeDir | 0o755}
	m["nested/empty"] = &fstest.MapFile{Mode: fs.ModeDir | 0o755}
	p := vfs.Policy{Allow: vfs.Patterns("**/*.html"), Deny: vfs.Patterns("**/secret")}
	j := mustJail(t, vfs.FromFS(m), p)
	for dir, want := range map[string][]string{
		".":          {"deep/", "full/", "some/", "top.html"},
		"full":       {"a.html"},
		"deep":       {"1/"},
		"deep/1/2":   {"3/"},
		"some":       {"b/"},
		"hidden":     nil,
		"deephidden": nil, "deephidden/1": nil, "dot": nil, "denied": nil, "empty": nil, "nested": nil, "nested/empty": nil, "missing": nil,
	} {
		n := mustName(t, dir)
		if v := j.Explain(t.Context(), vfs.OpList, n); !v.Allowed {
			t.Errorf("the policy alone refuses %s: %s", dir, v.Reason)
		}
		page, err := j.ListPage(t.Context(), n, "", 100)
		behind, errBehind := j.ListPage(t.Context(), n, "zzz", 100)
		_, errOpen := j.Open(dir)
		errs := []error{err, errBehind, j.HeadDir(t.Context(), n), errOpen}
		for i, err := range errs {
			if want == nil && (vfs.ReasonOf(err) != reason.Missing || !errors.Is(err, fs.ErrNotExist)) || want != nil && err != nil {
				t.Errorf("%s: error %d is %v (%s)", dir, i, err, vfs.ReasonOf(err))
			}
		}
		var got []string
		for _, e := range page.Entries {
			got = append(got, e.Key())
		}
		if !slices.Equal(got, want) || len(behind.Entries) > 0 || page.Next != "" {
			t.Errorf("%s: listed %q, next %q, after its end %v; want %q", dir, got, page.Next, behind.Entries, want)
		}
	}
	if err := fstest.TestFS(j, "full/a.html", "deep/1/2/3/a.html", "some/b/c.html"); err != nil {
		t.Error(err)
	}
	// What counts is what this caller may do, not what any caller may.
	mine := p
	mine.Authorize = vfs.AuthorizeFunc(func(_ context.Context, op vfs.Op, n vfs.Name) error {
		if op == vfs.OpRead && !strings.HasPrefix(n.String(), "full/") {
			return errors.New("not yours")
		}
		return nil
	})
	if got := keys(t, mustJail(t, vfs.FromFS(m), mine), ".", ""); !slices.Equal(got, []string{"full/"}) {
		t.Errorf("listed for another caller: %q", got)
	}
	// Without directories, each inspection would be a request.
	b := &remote{Backend: vfs.FromFS(m)}
	if got := keys(t, mustJail(t, b, p), ".", ""); len(got) != 10 || b.requests != 1 {
		t.Errorf("%d requests, listed %q", b.requests, got)
	}
}

// The number of entries and directories that a page inspects to find out what
// directories contain is bounded: 10,000. Beyond that, the policy alone decides.
func TestLookIsBounded(t *testing.T) {
	objects := map[string]string{}
	for i := range 100 {
		for k := range 500 {
			objects[fmt.Sprintf("%02d/%03d.txt", i, k)] = ""
		}
	}
	held, err := mem.FromMap(objects)
	if err != nil {
		t.Fatal(err)
	}
	b := &listed{Backend: held}
	j := mustJail(t, b, vfs.Policy{Allow: vfs.Patterns("**/*.html")})
	page, err := j.ListPage(t.Context(), vfs.Root, "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(page.Entries); n < 75 || n > 82 {
		t.Errorf("%d of 100 directories are shown though nothing in them is", n)
	}
	if b.lists > 30 {
		t.Errorf("%d directories were read", b.lists)
	}
}

type listed struct {
	vfs.Backend
	lists int
}

func (b *listed) List(ctx context.Context, dir vfs.Name, after string) iter.Seq2[vfs.Entry, error] {
	b.lists++
	return b.Backend.List(ctx, dir, after)
}

// A link to a parent directory does not make the search endless.
func TestLookThroughLoops(t *testing.T) {
	m := mapFS("a/x.txt", "b/x.html")
	m["a/loop"] = &fstest.MapFile{Data: []byte("."), Mode: fs.ModeSymlink}
	m["a/up"] = &fstest.MapFile{Data: []byte("../a/loop"), Mode: fs.ModeSymlink}
	m["c/to"] = &fstest.MapFile{Data: []byte("../b"), Mode: fs.ModeSymlink}
	b := &listed{Backend: vfs.FromFS(m)}
	j := mustJail(t, b, vfs.Policy{Allow: vfs.Patterns("**/*.html"), Symlinks: vfs.SymlinksInside})
	if got := keys(t, j, ".", ""); !slices.Equal(got, []string{"b/", "c/"}) {
		t.Errorf("listed %q", got)
	}
	if got := keys(t, j, "c", ""); !slices.Equal(got, []string{"to/"}) {
		t.Errorf("listed in c %q", got)
	}
	if b.lists > 100 {
		t.Errorf("%d directories were read", b.lists)
	}
}

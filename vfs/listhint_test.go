package vfs_test

import (
	"context"
	"iter"
	"slices"
	"testing"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// hintedBackend omits from a listing the entries that its caller does not need, and
// records what it yielded.
type hintedBackend struct {
	everything
	yielded []string
}

func (b *hintedBackend) List(ctx context.Context, dir vfs.Name, after string) iter.Seq2[vfs.Entry, error] {
	return func(yield func(vfs.Entry, error) bool) {
		hint := driver.ListHintOf(ctx)
		for e := range b.everything.List(ctx, dir, after) {
			if hint.Shows != nil && (e.Reason != "" || !hint.Shows(e.Elem, e.Kind)) {
				continue
			}
			if b.yielded = append(b.yielded, e.Key()); !yield(e, nil) {
				return
			}
		}
	}
}

// With a hint, a backend yields exactly what is shown, and the listing is the
// same as without. A scan gets everything.
func TestListHint(t *testing.T) {
	entries := []vfs.Entry{
		{Elem: ".hidden"}, {Elem: "a.html"}, {Elem: "a.txt"}, {Elem: "a\nb.html"},
		{Elem: "dir", Kind: vfs.KindDir}, {Elem: "fifo.html", Kind: vfs.KindSpecial},
		{Elem: "link.html", Kind: vfs.KindLink}, {Elem: "other", Kind: vfs.KindDir},
		{Elem: "own.html", Reason: reason.OwnFile}, {Elem: "dir2", Kind: vfs.KindDir, Reason: reason.OwnFile},
	}
	slices.SortFunc(entries, func(a, b vfs.Entry) int {
		if a.Key() < b.Key() {
			return -1
		}
		return 1
	})
	p := vfs.Policy{Allow: vfs.Patterns("*.html", "dir/*.html", "dir2/*")}
	b := &hintedBackend{everything: everything{entries: entries}}
	got := keys(t, mustJail(t, b, p), ".", "")
	if want := []string{"a.html", "dir/"}; !slices.Equal(got, want) || !slices.Equal(b.yielded, want) {
		t.Errorf("listed %q, the backend yielded %q; want %q for both", got, b.yielded, want)
	}
	if plain := keys(t, mustJail(t, &everything{entries: entries}, p), ".", ""); !slices.Equal(plain, got) {
		t.Errorf("with a backend that leaves out nothing: %q", plain)
	}
	nobody := driver.ListHint{Shows: func(string, vfs.Kind) bool { return false }, Limit: 1}
	if h := driver.ListHintOf(driver.WithListHint(driver.WithListHint(t.Context(), nobody), driver.ListHint{})); h.Shows != nil || h.Limit != 0 {
		t.Error("the zero hint does not replace the previous one")
	}
}

// Entries that the backend would refuse are not listed, and a scan gives the reason.
func TestEntriesWithAReason(t *testing.T) {
	b := &everything{entries: []vfs.Entry{{Elem: "a"}, {Elem: "b", Reason: reason.OwnFile}, {Elem: "c", Reason: reason.HardLink}}}
	j := mustJail(t, b, vfs.Policy{Allow: vfs.Patterns("**")})
	if got := keys(t, j, ".", ""); !slices.Equal(got, []string{"a"}) {
		t.Errorf("listed: %q", got)
	}
	got := map[string]vfs.Reason{}
	for f, err := range j.Scan(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if f.Allowed != (f.Reason == "") {
			t.Errorf("%s is allowed: %t, with the reason %q", f.Path, f.Allowed, f.Reason)
		}
		got[f.Path] = f.Reason
	}
	if len(got) != 3 || got["b"] != reason.OwnFile || got["c"] != reason.HardLink {
		t.Errorf("scanned: %v", got)
	}
}

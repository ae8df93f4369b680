package catalogtest

import (
	"bytes"
	"cmp"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/bailiwick-fs/bailiwick/server/catalog"
)

// testOwned pages through the objects of owners, while some are removed.
func testOwned(t *testing.T, c catalog.Catalog) {
	ctx := t.Context()
	add := func(owner string, created time.Time, state catalog.State) catalog.Record {
		rec := NewRecord("a name")
		rec.Owner, rec.Created = owner, created
		must(t, c.Begin(ctx, rec))
		if state == catalog.Pending {
			return rec
		}
		rec, err := c.Commit(ctx, Done(rec, "data"))
		must(t, err)
		if state == catalog.Deleting {
			must(t, c.Delete(ctx, rec.ID))
		}
		return rec
	}
	base := time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
	var want []catalog.Record
	for i := range 40 {
		// Several have the same time, and they are added in another order than that of time.
		want = append(want, add("alice", base.Add(time.Duration(i*7%20)*time.Microsecond), catalog.Ready))
	}
	want = append(want, add("alice", base.Add(-100*365*24*time.Hour), catalog.Ready))
	for _, owner := range []string{"", "Alice", "alice ", "alicf", "bob"} {
		add(owner, base, catalog.Ready)
	}
	add("alice", base, catalog.Pending)
	add("alice", base, catalog.Deleting)
	slices.SortFunc(want, func(a, b catalog.Record) int {
		return cmp.Or(b.Created.Compare(a.Created), bytes.Compare(b.ID[:], a.ID[:]))
	})
	for _, limit := range []int{1, 2, 7, 40, 41, 42, 1000} {
		var got []catalog.Record
		for after := (catalog.Record{}); ; {
			page, err := c.Owned(ctx, "alice", after, limit)
			must(t, err)
			if got = append(got, page...); len(page) < limit {
				break
			}
			after = catalog.Record{ID: page[limit-1].ID, Created: page[limit-1].Created}
		}
		if len(got) != len(want) {
			t.Fatalf("pages of %d: %d records, want %d", limit, len(got), len(want))
		}
		for i := range got {
			same(t, got[i], want[i])
		}
	}
	for _, limit := range []int{0, -1} {
		if page, err := c.Owned(ctx, "alice", catalog.Record{}, limit); err != nil || len(page) != 1 {
			t.Errorf("limit %d: %d records, %v", limit, len(page), err)
		}
	}
	for owner, n := range map[string]int{"": 1, "bob": 1, "carol": 0, "a\x00": 0, "\xff": 0, string(make([]byte, 256)): 0} {
		if page, err := c.Owned(ctx, owner, catalog.Record{}, 10); err != nil || len(page) != n {
			t.Errorf("%q: %d records, %v; want %d", owner, len(page), err, n)
		}
	}
	// A record that is gone still marks its place, and so does one that never was.
	must(t, c.Delete(ctx, want[3].ID))
	page, err := c.Owned(ctx, "alice", want[3], 1)
	must(t, err)
	if len(page) != 1 || page[0].ID != want[4].ID {
		t.Errorf("after a deleted record: %v, want %v", page, want[4])
	}
	page, err = c.Owned(ctx, "alice", catalog.Record{ID: uuid.Max, Created: want[5].Created}, 1)
	must(t, err)
	if len(page) != 1 || !page[0].Created.Equal(want[5].Created) {
		t.Errorf("after an unknown record: %v", page)
	}
}

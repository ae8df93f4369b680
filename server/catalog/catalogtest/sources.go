package catalogtest

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/bailiwick-fs/bailiwick/server/catalog"
)

// TestSources has several sources in one empty store. open opens it for a source; the
// caller closes it.
func TestSources(t *testing.T, open func(catalog.Source) (catalog.Shared, error)) {
	for what, source := range map[string]catalog.Source{
		"none": "", "a NUL": "a\x00", "invalid UTF-8": "\xff", "too long": catalog.Source(strings.Repeat("x", 1025)),
	} {
		c, err := open(source)
		if err == nil {
			c.Close()
		}
		if err == nil || errors.Is(err, catalog.ErrUnavailable) {
			t.Errorf("source %s: %v", what, err)
		}
	}
	of := func(source catalog.Source) catalog.Shared {
		t.Helper()
		c, err := open(source)
		must(t, err)
		t.Cleanup(func() { c.Close() })
		return c
	}
	for _, tt := range []struct {
		name string
		run  func(*testing.T, func(catalog.Source) catalog.Shared)
	}{
		{"strangers", testStrangers},
		{"one source twice", testOneSourceTwice},
		{"one ID in two", testSameID},
		{"taking", testTake},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, of) })
	}
}

// testStrangers makes every call from another source, for rows in every state.
func testStrangers(t *testing.T, of func(catalog.Source) catalog.Shared) {
	ctx := t.Context()
	// Names that a pattern or prefix match would confuse.
	a := of("/srv/one")
	strangers := []catalog.Shared{of("/srv/two"), of("/srv/one/"), of("/srv/on"), of("/SRV/one"), of("%"), of("' OR '1'='1")}
	rows := map[uuid.UUID]bool{}
	for _, s := range states[1:] {
		rec := bring(t, a, s)
		rows[rec.ID] = true
		before := find(t, a, rec.ID)
		for _, b := range strangers {
			for _, call := range calls {
				if err := call.run(ctx, b, rec); !errors.Is(err, catalog.ErrNotFound) {
					t.Errorf("%s of another source's row in state %q: %v, want ErrNotFound", call.name, s, err)
				}
			}
			must(t, b.Forget(ctx, rec.ID))
			if all := collect(t, b.All(ctx)); len(all) > 0 {
				t.Errorf("All yields rows of another source: %v", all)
			}
			if left := collect(t, b.Stale(ctx, time.Now().Add(time.Hour))); len(left) > 0 {
				t.Errorf("Stale yields rows of another source: %v", left)
			}
			if n, err := b.Take(ctx, "/srv/another", []uuid.UUID{rec.ID}); n != 0 || err != nil {
				t.Errorf("rows were taken from the wrong source: %d, %v", n, err)
			}
		}
		if after := find(t, a, rec.ID); after != before {
			t.Errorf("another source changed a row in state %q from %+v to %+v", s, before, after)
		}
	}
	if all := ids(collect(t, a.All(ctx))); len(all) != len(rows) {
		t.Errorf("%d rows, want %d", len(all), len(rows))
	}
	// The rows of a dead instance are stale only for its own source.
	must(t, a.Close())
	for _, b := range strangers {
		if left := collect(t, b.Stale(ctx, time.Now().Add(-time.Hour))); len(left) > 0 {
			t.Errorf("the rows of a dead instance of another source are stale: %v", left)
		}
	}
	if left := collect(t, of("/srv/one").Stale(ctx, time.Now().Add(-time.Hour))); len(left) != 2 {
		t.Errorf("%d rows of a dead instance are stale, want the pending and the deleting one", len(left))
	}
}

// testOneSourceTwice has two instances of one source.
func testOneSourceTwice(t *testing.T, of func(catalog.Source) catalog.Shared) {
	a, b := of("mem:twice"), of("mem:twice")
	for _, call := range calls {
		rec := bring(t, a, call.from)
		if err := call.run(t.Context(), b, rec); err != nil {
			t.Errorf("%s by another instance of the source: %v", call.name, err)
		}
		if got := find(t, a, rec.ID).State; got != call.to {
			t.Errorf("%s by another instance of the source: the row is %q, want %q", call.name, got, call.to)
		}
	}
}

// testSameID has objects of the same name in two sources, as after copying uploads.
func testSameID(t *testing.T, of func(catalog.Source) catalog.Shared) {
	ctx := t.Context()
	a, b := of("s3://bucket/here"), of("s3://bucket/there")
	rec := bring(t, a, catalog.Ready)
	other := rec
	other.Name, other.Owner = "another name", "bob"
	must(t, b.Begin(ctx, other))
	same(t, find(t, a, rec.ID), rec)
	_, err := b.Commit(ctx, Done(other, "other data"))
	must(t, err)
	must(t, b.Delete(ctx, rec.ID))
	must(t, b.Forget(ctx, rec.ID))
	got, err := a.Get(ctx, rec.ID)
	must(t, err)
	same(t, got, rec)
}

// testTake moves rows from one source to another.
func testTake(t *testing.T, of func(catalog.Source) catalog.Shared) {
	ctx := t.Context()
	const old, new catalog.Source = "/srv/old", "/srv/new"
	a, b, other := of(old), of(new), of("/srv/another")
	rows := map[uuid.UUID]catalog.Record{}
	for _, s := range states[1:] {
		rec := bring(t, a, s)
		rows[rec.ID] = find(t, a, rec.ID)
	}
	for id := range fill(t, a, 700, func(int) string { return "taken along" }) {
		rows[id] = find(t, a, id)
	}
	stay, mine := bring(t, a, catalog.Ready), bring(t, other, catalog.Ready)
	own := bring(t, b, catalog.Ready)
	clash := own
	clash.Name = "has an ID that already exists"
	must(t, a.Begin(ctx, clash))

	var sources []catalog.Source
	for _, s := range must1(b.Sources(ctx))(t) {
		if strings.HasPrefix(string(s), "/srv/") && (s == old || s == new || s == "/srv/another") {
			sources = append(sources, s)
		}
	}
	if want := []catalog.Source{"/srv/another", new, old}; !slices.Equal(sources, want) {
		t.Errorf("Sources: %q, want %q", sources, want)
	}
	if n := must1(b.Count(ctx, old))(t); n != int64(len(rows)+2) {
		t.Errorf("Count: %d, want %d", n, len(rows)+2)
	}
	if n := len(collect(t, b.AllOf(ctx, old))); n != len(rows)+2 {
		t.Errorf("AllOf yields %d rows, want %d", n, len(rows)+2)
	}
	list := []uuid.UUID{uuid.New(), clash.ID, mine.ID}
	for id := range rows {
		list = append(list, id)
	}
	if n := must1(b.Take(ctx, old, list))(t); n != int64(len(rows)) {
		t.Errorf("Take: %d, want %d", n, len(rows))
	}
	if n := must1(b.Take(ctx, old, list))(t); n != 0 {
		t.Errorf("Take, again: %d", n)
	}
	if n := must1(b.Take(ctx, old, nil))(t); n != 0 {
		t.Errorf("Take of nothing: %d", n)
	}
	for _, got := range collect(t, b.All(ctx)) {
		if want, ok := rows[got.ID]; ok && got != want {
			t.Errorf("after Take: %+v, before: %+v", got, want)
		} else if !ok {
			same(t, got, own)
		}
		delete(rows, got.ID)
	}
	if len(rows) > 0 {
		t.Errorf("%d rows were lost", len(rows))
	}
	if left := ids(collect(t, a.All(ctx))); len(left) != 2 || !left[stay.ID] || !left[clash.ID] {
		t.Errorf("rows that were not taken: %v", left)
	}
	same(t, find(t, other, mine.ID), mine)
}

// must1 is must for a value and an error.
func must1[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		must(t, err)
		return v
	}
}

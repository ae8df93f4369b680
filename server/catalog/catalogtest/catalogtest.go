// Package catalogtest is the test suite for catalog stores. Only tests import it.
package catalogtest

import (
	"context"
	"crypto/sha256"
	"errors"
	"iter"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/bailiwick-fs/bailiwick/server/catalog"
)

// Test runs the suite. open returns a new, empty catalog that is closed when its test
// ends.
func Test(t *testing.T, open func(testing.TB) catalog.Catalog) {
	for _, tt := range []struct {
		name string
		run  func(*testing.T, catalog.Catalog)
	}{
		{"record", testRecord},
		{"transitions", testTransitions},
		{"races", testRaces},
		{"arguments", testArguments},
		{"owned", testOwned},
		{"names", testNames},
		{"paging", testPaging},
		{"paging with changes", testPagingChanges},
		{"stopping early", testStop},
		{"calls while yielding", testCallsWhileYielding},
		{"stale by age", testLeftByAge},
		{"canceled", testCanceled},
		{"many at once", testManyAtOnce},
		{"closed", testClosed},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, open(t)) })
	}
}

// NewRecord returns a record for Begin.
func NewRecord(name string) catalog.Record {
	return catalog.Record{
		ID:      uuid.New(),
		Name:    name,
		Type:    "text/plain; charset=utf-8",
		Owner:   "alice",
		Created: time.Now().UTC().Truncate(time.Microsecond),
		State:   catalog.Pending,
	}
}

// Done returns rec as passed to Commit after data is stored.
func Done(rec catalog.Record, data string) catalog.Record {
	rec.Size, rec.SHA256, rec.State = int64(len(data)), sha256.Sum256([]byte(data)), catalog.Ready
	return rec
}

// states are all states of a row, "" for no row.
var states = []catalog.State{"", catalog.Pending, catalog.Ready, catalog.Deleting}

// bring creates a row in a state.
func bring(t testing.TB, c catalog.Catalog, s catalog.State) catalog.Record {
	t.Helper()
	ctx := t.Context()
	rec := NewRecord("a name")
	if s == "" {
		return rec
	}
	must(t, c.Begin(ctx, rec))
	if s == catalog.Pending {
		return rec
	}
	rec = Done(rec, "data")
	_, err := c.Commit(ctx, rec)
	must(t, err)
	if s == catalog.Deleting {
		must(t, c.Delete(ctx, rec.ID))
		rec.State = s
	}
	return rec
}

// find returns the row of an ID from All, the zero Record if there is none.
func find(t testing.TB, c catalog.Catalog, id uuid.UUID) catalog.Record {
	t.Helper()
	for _, r := range collect(t, c.All(t.Context())) {
		if r.ID == id {
			return r
		}
	}
	return catalog.Record{}
}

func collect(t testing.TB, seq iter.Seq2[catalog.Record, error]) []catalog.Record {
	t.Helper()
	var all []catalog.Record
	for r, err := range seq {
		must(t, err)
		all = append(all, r)
	}
	return all
}

func ids(recs []catalog.Record) map[uuid.UUID]bool {
	m := make(map[uuid.UUID]bool)
	for _, r := range recs {
		m[r.ID] = true
	}
	return m
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// same compares records except Touched, which only the store knows.
func same(t testing.TB, got, want catalog.Record) {
	t.Helper()
	want.Touched = got.Touched
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
}

// A call moves a row out of a state.
type call struct {
	name string
	from catalog.State // the only one in which it succeeds
	to   catalog.State
	run  func(context.Context, catalog.Catalog, catalog.Record) error
}

var calls = []call{
	{"Touch", catalog.Pending, catalog.Pending, func(ctx context.Context, c catalog.Catalog, r catalog.Record) error { return c.Touch(ctx, r.ID) }},
	{"Commit", catalog.Pending, catalog.Ready, func(ctx context.Context, c catalog.Catalog, r catalog.Record) error {
		_, err := c.Commit(ctx, Done(r, "data"))
		return err
	}},
	{"Abandon", catalog.Pending, catalog.Deleting, func(ctx context.Context, c catalog.Catalog, r catalog.Record) error { return c.Abandon(ctx, r.ID) }},
	{"Get", catalog.Ready, catalog.Ready, func(ctx context.Context, c catalog.Catalog, r catalog.Record) error {
		_, err := c.Get(ctx, r.ID)
		return err
	}},
	{"Delete", catalog.Ready, catalog.Deleting, func(ctx context.Context, c catalog.Catalog, r catalog.Record) error { return c.Delete(ctx, r.ID) }},
}

// testTransitions makes every call in every state.
func testTransitions(t *testing.T, c catalog.Catalog) {
	for _, s := range states {
		for _, call := range calls {
			rec := bring(t, c, s)
			before := find(t, c, rec.ID)
			err := call.run(t.Context(), c, rec)
			after := find(t, c, rec.ID)
			if s == call.from {
				if err != nil || after.State != call.to {
					t.Errorf("%s of a row in state %q: %v, now %q; want %q", call.name, s, err, after.State, call.to)
				}
				continue
			}
			if !errors.Is(err, catalog.ErrNotFound) {
				t.Errorf("%s of a row in state %q: %v, want ErrNotFound", call.name, s, err)
			}
			if before != after {
				t.Errorf("%s of a row in state %q changed it: %+v, then %+v", call.name, s, before, after)
			}
		}
		rec := bring(t, c, s)
		if err := c.Forget(t.Context(), rec.ID); err != nil {
			t.Errorf("Forget of a row in state %q: %v", s, err)
		}
		want := s
		if s == catalog.Deleting {
			want = ""
		}
		if got := find(t, c, rec.ID).State; got != want {
			t.Errorf("Forget of a row in state %q leaves it %q, want %q", s, got, want)
		}
		if s == "" {
			continue
		}
		rec = bring(t, c, s)
		before := find(t, c, rec.ID)
		other := rec
		other.Name = "another name"
		if err := c.Begin(t.Context(), other); err == nil || errors.Is(err, catalog.ErrNotFound) || errors.Is(err, catalog.ErrUnavailable) {
			t.Errorf("a second Begin with the same ID: %v, want a different error", err)
		}
		if after := find(t, c, rec.ID); after != before {
			t.Errorf("a second Begin changed the row: %+v, then %+v", before, after)
		}
	}
}

// testRecord follows one record through its life cycle.
func testRecord(t *testing.T, c catalog.Catalog) {
	ctx := t.Context()
	must(t, c.Ping(ctx))
	rec := NewRecord("Bücher & more.txt")
	// Fields that Begin ignores.
	begun := Done(rec, "not yet")
	begun.Created = begun.Created.Add(700 * time.Nanosecond).In(time.FixedZone("east", 3600))
	start := time.Now().Truncate(time.Microsecond)
	must(t, c.Begin(ctx, begun))
	got := find(t, c, rec.ID)
	same(t, got, rec)
	if got.Touched.Before(start) || got.Touched.After(time.Now()) || got.Touched.Location() != time.UTC {
		t.Errorf("touched at %v", got.Touched)
	}
	must(t, c.Touch(ctx, rec.ID))
	if again := find(t, c, rec.ID); again.Touched.Before(got.Touched) {
		t.Errorf("touched at %v, then at %v", got.Touched, again.Touched)
	}
	done := Done(rec, "data")
	done.Type = "image/png"
	given := done
	given.Name, given.Owner, given.Created = "what Commit", "does not", time.Now().Add(time.Hour)
	got, err := c.Commit(ctx, given)
	must(t, err)
	same(t, got, done)
	got, err = c.Get(ctx, rec.ID)
	must(t, err)
	same(t, got, done)
	must(t, c.Delete(ctx, rec.ID))
	done.State = catalog.Deleting
	same(t, find(t, c, rec.ID), done)
	must(t, c.Forget(ctx, rec.ID))
	must(t, c.Forget(ctx, rec.ID))
	if all := collect(t, c.All(ctx)); len(all) > 0 {
		t.Errorf("rows remain: %v", all)
	}

	large := NewRecord("")
	large.Type, large.Owner = "", ""
	must(t, c.Begin(ctx, large))
	large.Size, large.State = 1<<63-1, catalog.Ready
	got, err = c.Commit(ctx, large)
	must(t, err)
	same(t, got, large)
}

// testArguments checks that invalid arguments are refused and change nothing.
func testArguments(t *testing.T, c catalog.Catalog) {
	ctx := t.Context()
	refused := func(what string, err error) {
		t.Helper()
		if err == nil || errors.Is(err, catalog.ErrNotFound) || errors.Is(err, catalog.ErrUnavailable) {
			t.Errorf("%s: %v, want an error about the argument", what, err)
		}
	}
	for what, change := range map[string]func(*catalog.Record){
		"no ID":                  func(r *catalog.Record) { r.ID = uuid.Nil },
		"an ID of version 7":     func(r *catalog.Record) { r.ID = uuid.Must(uuid.NewV7()) },
		"a NUL in the name":      func(r *catalog.Record) { r.Name = "a\x00b" },
		"invalid UTF-8":          func(r *catalog.Record) { r.Name = "caf\xe9" },
		"half of a rune":         func(r *catalog.Record) { r.Name = "\xf0\x9f\x98" },
		"a surrogate":            func(r *catalog.Record) { r.Name = "\xed\xa0\x80" },
		"a name too long":        func(r *catalog.Record) { r.Name = string(make([]byte, 1025)) },
		"a NUL in the type":      func(r *catalog.Record) { r.Type = "text/\x00" },
		"invalid UTF-8 in type":  func(r *catalog.Record) { r.Type = "text/\xff" },
		"a NUL in the owner":     func(r *catalog.Record) { r.Owner = "\x00" },
		"invalid UTF-8 in owner": func(r *catalog.Record) { r.Owner = "\xff" },
		"a year too large":       func(r *catalog.Record) { r.Created = time.Unix(1<<55, 0) },
	} {
		rec := NewRecord("a name")
		change(&rec)
		refused("Begin with "+what, c.Begin(ctx, rec))
	}
	if all := collect(t, c.All(ctx)); len(all) > 0 {
		t.Errorf("refused rows are stored: %v", all)
	}
	rec := bring(t, c, catalog.Pending)
	for what, change := range map[string]func(*catalog.Record){
		"a negative size":       func(r *catalog.Record) { r.Size = -1 },
		"a NUL in the type":     func(r *catalog.Record) { r.Type = "text/\x00" },
		"invalid UTF-8 in type": func(r *catalog.Record) { r.Type = "text/\xff" },
		"a type too long":       func(r *catalog.Record) { r.Type = string(make([]byte, 256)) },
	} {
		done := Done(rec, "data")
		change(&done)
		_, err := c.Commit(ctx, done)
		refused("Commit with "+what, err)
	}
	same(t, find(t, c, rec.ID), rec)
}

// testClosed closes the catalog and makes calls.
func testClosed(t *testing.T, c catalog.Catalog) {
	ctx := t.Context()
	rec := bring(t, c, catalog.Pending)
	for range 2 {
		must(t, c.Close())
	}
	failed := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, catalog.ErrClosed) {
			t.Errorf("%s after Close: %v, want ErrClosed", what, err)
		}
	}
	failed("Ping", c.Ping(ctx))
	failed("Begin", c.Begin(ctx, NewRecord("a name")))
	failed("Forget", c.Forget(ctx, rec.ID))
	for _, call := range calls {
		failed(call.name, call.run(ctx, c, rec))
	}
	_, err := c.Owned(ctx, rec.Owner, catalog.Record{}, 1)
	failed("Owned", err)
	n := 0
	for _, err := range c.All(ctx) {
		failed("All", err)
		n++
	}
	for _, err := range c.Stale(ctx, time.Now()) {
		failed("Stale", err)
		n++
	}
	if n != 2 {
		t.Errorf("All and Stale yield %d times after Close, want an error each", n)
	}
}

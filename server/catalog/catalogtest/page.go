package catalogtest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/bailiwick-fs/bailiwick/server/catalog"
)

// fill begins n rows, several concurrently.
func fill(t testing.TB, c catalog.Catalog, n int, name func(int) string) map[uuid.UUID]catalog.Record {
	t.Helper()
	recs := make([]catalog.Record, n)
	g, ctx := errgroup.WithContext(t.Context())
	g.SetLimit(16)
	for i := range recs {
		recs[i] = NewRecord(name(i))
		g.Go(func() error { return c.Begin(ctx, recs[i]) })
	}
	must(t, g.Wait())
	m := make(map[uuid.UUID]catalog.Record)
	for _, r := range recs {
		m[r.ID] = r
	}
	return m
}

// counts are numbers of rows around page boundaries.
var counts = []int{0, 1, 499, 500, 501, 1000, 1203}

// testPaging reads tables with these numbers of rows.
func testPaging(t *testing.T, c catalog.Catalog) {
	all := make(map[uuid.UUID]catalog.Record)
	for _, n := range counts {
		for id, r := range fill(t, c, n-len(all), func(i int) string { return fmt.Sprint(i) }) {
			all[id] = r
		}
		for what, seq := range map[string][]catalog.Record{
			"All":   collect(t, c.All(t.Context())),
			"Stale": collect(t, c.Stale(t.Context(), time.Now().Add(time.Hour))),
		} {
			if len(seq) != n {
				t.Errorf("%s yields %d rows, want %d", what, len(seq), n)
			}
			for i, r := range seq {
				if i > 0 && seq[i-1].ID.String() >= r.ID.String() {
					t.Fatalf("%s yields %s after %s", what, r.ID, seq[i-1].ID)
				}
				same(t, r, all[r.ID])
			}
		}
	}
}

// testPagingChanges adds, changes and removes rows while All yields.
func testPagingChanges(t *testing.T, c catalog.Catalog) {
	ctx := t.Context()
	stay := fill(t, c, 1100, func(int) string { return "stay" })
	gone := fill(t, c, 300, func(int) string { return "go" })
	seen := make(map[uuid.UUID]int)
	last := ""
	n := 0
	for r, err := range c.All(ctx) {
		must(t, err)
		if r.ID.String() <= last {
			t.Fatalf("%s after %s", r.ID, last)
		}
		last = r.ID.String()
		seen[r.ID]++
		if n++; n%10 == 0 {
			must(t, c.Begin(ctx, NewRecord("new")))
			for id := range gone {
				must(t, errors.Join(c.Abandon(ctx, id), c.Forget(ctx, id)))
				delete(gone, id)
				break
			}
		}
		if r.Name == "stay" && n%7 == 0 {
			_, err := c.Commit(ctx, Done(r, "data"))
			must(t, err)
		}
	}
	for id := range stay {
		if seen[id] != 1 {
			t.Errorf("an unchanged row was seen %d times", seen[id])
		}
	}
}

// testStop stops at a row, and starts again.
func testStop(t *testing.T, c catalog.Catalog) {
	fill(t, c, 600, func(int) string { return "a name" })
	for _, at := range []int{1, 499, 500, 501} {
		n := 0
		for _, err := range c.All(t.Context()) {
			must(t, err)
			if n++; n == at {
				break
			}
		}
		if n != at {
			t.Errorf("stopped at %d, want %d", n, at)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	for _, err := range c.All(ctx) {
		if n++; n == 10 {
			cancel()
		}
		if err != nil {
			if !errors.Is(err, context.Canceled) {
				t.Errorf("canceled while it yields: %v", err)
			}
			n = -n
		}
	}
	if n >= 0 {
		t.Errorf("no error, but %d rows: a canceled context must end All at the next page", n)
	}
	cancel()
}

// testCallsWhileYielding checks that no lock and no connection is held: it has more open
// iterators than a store has connections.
func testCallsWhileYielding(t *testing.T, c catalog.Catalog) {
	rec := bring(t, c, catalog.Ready)
	bring(t, c, catalog.Pending)
	var nest func(depth int)
	nest = func(depth int) {
		if depth == 0 {
			must(t, c.Begin(t.Context(), NewRecord("inside")))
			_, err := c.Get(t.Context(), rec.ID)
			must(t, err)
			return
		}
		for _, err := range c.All(t.Context()) {
			must(t, err)
			nest(depth - 1)
			return
		}
	}
	nest(50)
}

// testLeftByAge has all rows begun by a live instance.
func testLeftByAge(t *testing.T, c catalog.Catalog) {
	ctx := t.Context()
	past, future := time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	recs := make(map[catalog.State]catalog.Record)
	for _, s := range states {
		if s != "" {
			recs[s] = bring(t, c, s)
		}
	}
	if left := collect(t, c.Stale(ctx, past)); len(left) > 0 {
		t.Errorf("stale rows of a live instance: %v", left)
	}
	left := collect(t, c.Stale(ctx, future))
	for _, r := range left {
		same(t, r, recs[r.State])
	}
	if got := ids(left); len(got) != 2 || !got[recs[catalog.Pending].ID] || !got[recs[catalog.Deleting].ID] {
		t.Errorf("old and stale: %v, want the pending and the deleting one", left)
	}

	// The given time itself is not before it.
	touched := find(t, c, recs[catalog.Pending].ID).Touched
	if ids(collect(t, c.Stale(ctx, touched)))[recs[catalog.Pending].ID] {
		t.Error("stale at the time of its touch")
	}
	if !ids(collect(t, c.Stale(ctx, touched.Add(time.Microsecond))))[recs[catalog.Pending].ID] {
		t.Error("not stale a microsecond after its touch")
	}
	// Touch refreshes it. A coarse clock needs some time to advance.
	for !time.Now().After(touched.Add(time.Microsecond)) {
		runtime.Gosched()
	}
	must(t, c.Touch(ctx, recs[catalog.Pending].ID))
	if ids(collect(t, c.Stale(ctx, touched.Add(time.Microsecond))))[recs[catalog.Pending].ID] {
		t.Error("stale although it was touched")
	}
}

// testCanceled makes every call with a canceled context.
func testCanceled(t *testing.T, c catalog.Catalog) {
	pending, ready, deleting := bring(t, c, catalog.Pending), bring(t, c, catalog.Ready), bring(t, c, catalog.Deleting)
	before := collect(t, c.All(t.Context()))
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	expired, cancel := context.WithTimeout(t.Context(), -time.Second)
	defer cancel()
	for want, ctx := range map[error]context.Context{context.Canceled: canceled, context.DeadlineExceeded: expired} {
		failed := func(what string, err error) {
			t.Helper()
			if !errors.Is(err, want) || errors.Is(err, catalog.ErrUnavailable) {
				t.Errorf("%s: %v, want %v", what, err, want)
			}
		}
		failed("Ping", c.Ping(ctx))
		failed("Begin", c.Begin(ctx, NewRecord("a name")))
		failed("Forget", c.Forget(ctx, deleting.ID))
		for _, call := range calls {
			rec := pending
			if call.from == catalog.Ready {
				rec = ready
			}
			failed(call.name, call.run(ctx, c, rec))
		}
		_, err := c.Owned(ctx, pending.Owner, catalog.Record{}, 1)
		failed("Owned", err)
		for _, err := range c.All(ctx) {
			failed("All", err)
		}
		for _, err := range c.Stale(ctx, time.Now()) {
			failed("Stale", err)
		}
	}
	after := collect(t, c.All(t.Context()))
	if len(before) != len(after) {
		t.Fatalf("%d rows, then %d", len(before), len(after))
	}
	for i := range before {
		if before[i] != after[i] {
			t.Errorf("changed: %+v, then %+v", before[i], after[i])
		}
	}
}

// testNames stores 10,000 names, which must be returned unchanged.
func testNames(t *testing.T, c catalog.Catalog) {
	n := 10000
	if slow || testing.Short() {
		n = 1000
	}
	names := Names(n)
	want := fill(t, c, len(names), func(i int) string { return names[i] })
	got := 0
	for r, err := range c.All(t.Context()) {
		must(t, err)
		if r.Name != want[r.ID].Name {
			t.Errorf("%q came back as %q", want[r.ID].Name, r.Name)
		}
		got++
	}
	if got != len(want) {
		t.Errorf("%d names, want %d", got, len(want))
	}
}

// Names returns n different names with a special meaning for some layer.
func Names(n int) []string {
	parts := []string{
		"", " ", "..", "../../etc/passwd", `..\..\boot.ini`, "/", "a'b", `a"b`, "a`b", "'; DROP TABLE objects; --", "%s%n%d", "%00", "%2e%2e%2f", "$1", "?1", ":a", "@a",
		"\\", "\\x00", "\\N", "\\.", "{schema}", "\t", "\n", "\r\n", "\x01\x02\x1f\x7f", "\u0080\u009f", "é", "e\u0301", "ﬁ", "ß", "ẞ", "İ", "ı", "𝕬", "📚👩\u200d👩\u200d👧",
		"\u202etxt.exe", "\u2066", "\ufeff", "\ufffd", "\ufffe", "\uffff", "\U0010ffff", "\u2028", "\ue000", "فارسی", "中文.txt", "한국어", "CON", "aux.txt", "NUL", "a:b", "name.", "name ",
		"<script>alert(1)</script>", "=cmd|' /C calc'!A0", "null", "NaN", "1e309", "00123", "0x10", "true", "2026-01-01", "1970-01-01T00:00:00Z", "X'00'", "E'\\\\'", "$$", "{}", "[]", "(1,2)",
	}
	names := make([]string, 0, n)
	seen := make(map[string]bool)
	for i := 0; len(names) < n; i++ {
		name := parts[i%len(parts)] + parts[i/len(parts)%len(parts)] + parts[i/len(parts)/len(parts)%len(parts)]
		if i%97 == 0 {
			name += strings.Repeat("長", (1024-len(name))/len("長"))
		}
		if !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	return names
}

package reconcile_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/server/catalog/reconcile"
	"github.com/bailiwick-fs/bailiwick/server/internal/memcatalog"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/vfstest"
)

// A world is a catalog and a source, in any state that a test needs.
type world struct {
	t       *testing.T
	ctx     context.Context
	catalog *memcatalog.Catalog
	backend vfs.Backend
	jail    *vfs.Jail
	now     time.Time
	labels  map[string]string // of IDs
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, ctx: t.Context(), now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC), labels: map[string]string{}}
	w.catalog = &memcatalog.Catalog{Now: func() time.Time { return w.now }}
	w.over(mem.New())
	return w
}

func (w *world) over(b vfs.Backend) {
	w.backend = b
	j, err := vfs.New(b, catalog.Policy())
	w.must(err)
	w.jail = j
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// begin creates a pending row with an ID that the label stands for.
func (w *world) begin(label string) uuid.UUID {
	w.t.Helper()
	id := uuid.New()
	w.labels[id.String()] = label
	w.must(w.catalog.Begin(w.ctx, catalog.Record{ID: id, Name: label}))
	return id
}

func (w *world) object(id uuid.UUID, content string) {
	w.t.Helper()
	_, err := w.backend.Put(w.ctx, catalog.ObjectName(id), strings.NewReader(content), vfs.PutOptions{})
	w.must(err)
}

func (w *world) commit(id uuid.UUID, content string) {
	w.t.Helper()
	_, err := w.catalog.Commit(w.ctx, catalog.Record{ID: id, Size: int64(len(content)), SHA256: sha256.Sum256([]byte(content))})
	w.must(err)
}

// ready creates a consistent upload.
func (w *world) ready(label, content string) uuid.UUID {
	w.t.Helper()
	id := w.begin(label)
	w.object(id, content)
	w.commit(id, content)
	return id
}

func (w *world) plant(name string) {
	w.t.Helper()
	n, err := vfs.ParseName(name)
	w.must(err)
	_, err = w.backend.Put(w.ctx, n, strings.NewReader("x"), vfs.PutOptions{})
	w.must(err)
}

// check returns the problems in order, one per line, with labels instead of IDs.
func (w *world) check(opts reconcile.Options) ([]string, reconcile.Summary) {
	w.t.Helper()
	var sum reconcile.Summary
	var lines []string
	for p, err := range reconcile.Check(w.ctx, w.jail, w.catalog, opts, &sum) {
		w.must(err)
		label, ok := w.labels[p.Name]
		if !ok {
			label = p.Name
		}
		lines = append(lines, fmt.Sprintf("%s %s", p.Kind, label))
		if p.Kind.Detail() == "" {
			w.t.Errorf("%s has no detail", p.Kind)
		}
	}
	slices.Sort(lines)
	if sum.Problems != len(lines) || sum.Clean() != (len(lines) == 0) {
		w.t.Errorf("the summary is %+v, but there were %d problems", sum, len(lines))
	}
	return lines, sum
}

func (w *world) wantCheck(opts reconcile.Options, want ...string) reconcile.Summary {
	w.t.Helper()
	got, sum := w.check(opts)
	if diff := cmp.Diff(want, got, cmp.Transformer("", func(s []string) string { return strings.Join(s, "\n") })); diff != "" {
		w.t.Errorf("problems (-want +got):\n%s", diff)
	}
	return sum
}

func TestCheckClean(t *testing.T) {
	w := newWorld(t)
	w.wantCheck(reconcile.Options{Deep: true})
	for i := range 50 {
		w.ready(fmt.Sprint(i), strings.Repeat("x", i))
	}
	w.begin("no object yet")
	w.object(w.begin("object, and not ready"), "x")
	sum := w.wantCheck(reconcile.Options{Deep: true, Before: w.now})
	if want := (reconcile.Summary{Ready: 50, Bytes: 49 * 50 / 2, UnderWay: 2}); sum != want {
		t.Errorf("got %+v, want %+v", sum, want)
	}
}

func TestCheckFinds(t *testing.T) {
	w := newWorld(t)
	w.ready("good", "content")
	w.commit(w.begin("lost"), "content")
	w.object(w.ready("short", "content"), "conten")
	w.object(w.ready("altered", "content"), "CONTENT")
	deleting := w.ready("deleting", "x")
	w.must(w.catalog.Delete(w.ctx, deleting))
	w.object(w.begin("pending"), "x")
	rowless := uuid.New()
	w.labels[rowless.String()] = "rowless"
	w.object(rowless, "x")
	v7 := uuid.Must(uuid.NewV7()).String()
	for _, name := range []string{"readme.txt", "0/1", "zzz", v7, strings.ToUpper(rowless.String()), rowless.String() + ".tmp"} {
		w.plant(name)
	}
	foreign := []string{"foreign 0/1", "foreign readme.txt", "foreign zzz", "foreign " + v7, "foreign " + strings.ToUpper(rowless.String()), "foreign " + rowless.String() + ".tmp"}
	want := func(more ...string) []string {
		all := append([]string{"object.missing lost", "object.size short", "row.missing rowless"}, foreign...)
		all = append(all, more...)
		slices.Sort(all)
		return all
	}
	w.wantCheck(reconcile.Options{}, want()...)
	w.wantCheck(reconcile.Options{Deep: true}, want("object.sha256 altered")...)
	// Rows older than Before are stale, whichever instance began them.
	w.wantCheck(reconcile.Options{Before: w.now.Add(1)}, want("row.left deleting", "row.left pending")...)
	w.catalog.Crash()
	w.wantCheck(reconcile.Options{}, want("row.left deleting", "row.left pending")...)

	for range reconcile.Check(w.ctx, w.jail, w.catalog, reconcile.Options{}, &reconcile.Summary{}) {
		break // the caller may stop early
	}
}

// TestCheckWhileServing: uploads and removals between reading the rows and listing the
// objects are not problems.
func TestCheckWhileServing(t *testing.T) {
	w := newWorld(t)
	gone := w.ready("gone", "x")
	var scanned bool
	inner := w.backend
	w.over(vfstest.NewFaults(inner, vfstest.Fault{Op: "list", Do: func() {
		if scanned {
			return
		}
		scanned = true
		// At this point at least the first rows have been read.
		w.must(w.catalog.Delete(w.ctx, gone))
		w.must(inner.Remove(w.ctx, catalog.ObjectName(gone), vfs.Cond{}))
		w.must(w.catalog.Forget(w.ctx, gone))
		for range 20 {
			id := uuid.New()
			w.must(w.catalog.Begin(w.ctx, catalog.Record{ID: id}))
			_, err := inner.Put(w.ctx, catalog.ObjectName(id), strings.NewReader("y"), vfs.PutOptions{})
			w.must(err)
			w.commit(id, "y")
		}
		w.object(w.begin("under way"), "z")
	}}))
	sum := w.wantCheck(reconcile.Options{Deep: true})
	if want := (reconcile.Summary{Ready: 20, Bytes: 20, UnderWay: 1}); sum != want {
		t.Errorf("got %+v, want %+v", sum, want)
	}
	if !scanned {
		t.Error("the test changed nothing during the check")
	}
}

func TestSweep(t *testing.T) {
	w := newWorld(t)
	w.ready("stays", "content")
	w.object(w.begin("with object"), "x")
	w.begin("without object")
	deleting := w.ready("deleting", "x")
	w.must(w.catalog.Delete(w.ctx, deleting))
	gone := w.ready("deleting, object gone", "x")
	w.must(w.catalog.Delete(w.ctx, gone))
	w.must(w.backend.Remove(w.ctx, catalog.ObjectName(gone), vfs.Cond{}))
	rowless := uuid.New()
	w.object(rowless, "the wrong catalog has no rows for any object")

	sweep := func(before time.Time, want reconcile.Swept) {
		t.Helper()
		if got, err := reconcile.Sweep(w.ctx, w.jail, w.catalog, before, nil); err != nil || got != want {
			t.Errorf("swept %+v, %v; want %+v", got, err, want)
		}
	}
	sweep(w.now, reconcile.Swept{})
	w.catalog.Crash()
	alive := w.begin("begun after the crash")
	w.object(alive, "x")
	sweep(w.now, reconcile.Swept{Cleared: 4})
	sweep(w.now, reconcile.Swept{})
	w.must(w.backend.Remove(w.ctx, catalog.ObjectName(rowless), vfs.Cond{})) // fails if Sweep removed it
	sum := w.wantCheck(reconcile.Options{Deep: true, Before: w.now})
	if sum.Ready != 1 || sum.UnderWay != 1 {
		t.Errorf("got %+v", sum)
	}
	sweep(w.now.Add(time.Microsecond), reconcile.Swept{Cleared: 1})
	if err := w.catalog.Touch(w.ctx, alive); !errors.Is(err, catalog.ErrNotFound) {
		t.Errorf("Touch of a swept row: %v", err)
	}
	if rows := slices.Collect(maps.Keys(maps.Collect(w.catalog.All(w.ctx)))); len(rows) != 1 {
		t.Errorf("%d rows remain", len(rows))
	}
}

// TestSweepFaults fails call n of catalog and backend, for every n. However far a sweep
// got, a ready row has its object, and the next sweep completes the work.
func TestSweepFaults(t *testing.T) {
	broken := errors.New("broken")
	for _, lost := range []bool{false, true} {
		for n, failed := 1, true; failed; n++ {
			failed = false
			w := newWorld(t)
			inner := w.backend
			w.ready("stays", "content")
			w.object(w.begin("with object"), "x")
			w.object(w.begin("another"), "x")
			w.must(w.catalog.Delete(w.ctx, w.ready("deleting", "x")))
			w.catalog.Crash()
			calls := 0
			fail := func() error {
				if calls++; calls != n {
					return nil
				}
				failed = true
				if lost {
					return &memcatalog.Lost{Err: broken}
				}
				return broken
			}
			w.catalog.Fail = func(string) error { return fail() }
			w.over(failing{inner, fail})
			_, err := reconcile.Sweep(w.ctx, w.jail, w.catalog, w.now, nil)
			if failed && !errors.Is(err, broken) {
				t.Errorf("call %d failed, but Sweep returned %v", n, err)
			}
			w.catalog.Fail = nil
			w.over(inner)
			w.catalog.Crash()
			if _, err := reconcile.Sweep(w.ctx, w.jail, w.catalog, w.now, nil); err != nil {
				t.Errorf("after call %d failed: %v", n, err)
			}
			if sum := w.wantCheck(reconcile.Options{Deep: true}); sum.Ready != 1 || sum.UnderWay != 0 {
				t.Errorf("after call %d failed: %+v", n, sum)
			}
		}
	}
}

// failing fails to remove the objects that fail selects.
type failing struct {
	vfs.Backend
	fail func() error
}

func (f failing) Remove(ctx context.Context, n vfs.Name, cond vfs.Cond) error {
	if err := f.fail(); err != nil {
		return &vfs.Error{Op: "remove", Name: n.String(), Err: err}
	}
	return f.Backend.Remove(ctx, n, cond)
}

// TestSweepGoesOn: one object that cannot be removed does not prevent the removal of
// others.
func TestSweepGoesOn(t *testing.T) {
	w := newWorld(t)
	for i := range 10 {
		w.object(w.begin(fmt.Sprint(i)), "x")
	}
	w.catalog.Crash()
	w.over(vfstest.NewFaults(w.backend, vfstest.Fault{Op: "remove", Call: 3, Err: vfs.ErrUnavailable}))
	got, err := reconcile.Sweep(w.ctx, w.jail, w.catalog, w.now, nil)
	if want := (reconcile.Swept{Cleared: 9, Failed: 1}); got != want || !errors.Is(err, vfs.ErrUnavailable) {
		t.Errorf("swept %+v, %v; want %+v", got, err, want)
	}
}

// TestAbandoned: only a row in progress, and no name of anything else, protects an
// unfinished write.
func TestAbandoned(t *testing.T) {
	w := newWorld(t)
	pending, ready, deleting := w.begin("pending"), w.ready("ready", "x"), w.ready("deleting", "x")
	w.must(w.catalog.Delete(w.ctx, deleting))
	rowless := uuid.NewString()
	abandoned := reconcile.Abandoned(w.catalog)
	check := func(name string, want bool) {
		t.Helper()
		n, err := vfs.ParseName(name)
		w.must(err)
		if got, err := abandoned(w.ctx, n); got != want || err != nil {
			t.Errorf("%s (%s): abandoned %t, %v", name, w.labels[name], got, err)
		}
	}
	check(pending.String(), false)
	check(ready.String(), true)
	check(deleting.String(), true)
	check(rowless, true)
	for _, foreign := range []string{"a", "a/" + rowless, strings.ToUpper(rowless), rowless + "x", uuid.Must(uuid.NewV7()).String()} {
		check(foreign, false)
	}
	// The upload ends while the sweep runs.
	w.must(w.catalog.Abandon(w.ctx, pending))
	check(pending.String(), true)
	w.must(w.catalog.Forget(w.ctx, pending))
	check(pending.String(), true)

	broken := errors.New("broken")
	w.catalog.Fail = func(string) error { return broken }
	if got, err := abandoned(w.ctx, catalog.ObjectName(ready)); got || !errors.Is(err, broken) {
		t.Errorf("the catalog is broken: abandoned %t, %v", got, err)
	}
}

// parts implements reconcile.Parts.
type parts func(n vfs.Name) (int, error)

func (p parts) AbortUploads(_ context.Context, n vfs.Name) (int, error) { return p(n) }

// TestSweepParts: a sweep drops the parts of a dead server's upload before it removes
// the object. If that fails, the row stays for the next sweep.
func TestSweepParts(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want reconcile.Swept
	}{
		{nil, reconcile.Swept{Cleared: 2, Parts: 2}},
		{fs.ErrPermission, reconcile.Swept{Cleared: 2, Parts: 2}},
		{vfs.ErrUnsupported, reconcile.Swept{Cleared: 2, Parts: 2}},
		{vfs.ErrUnavailable, reconcile.Swept{Failed: 2, Parts: 2}},
	} {
		w := newWorld(t)
		w.ready("stays", "x")
		dead := map[string]bool{w.begin("pending").String(): true}
		deleting := w.ready("deleting", "x")
		w.must(w.catalog.Delete(w.ctx, deleting))
		dead[deleting.String()] = true
		w.catalog.Crash()
		w.begin("alive")
		got, err := reconcile.Sweep(w.ctx, w.jail, w.catalog, w.now, parts(func(n vfs.Name) (int, error) {
			if !dead[n.String()] {
				t.Errorf("parts of %s were dropped", w.labels[n.String()])
			}
			// The dead server's last request completes only now.
			id, _ := catalog.ObjectID(n.String())
			w.object(id, "late")
			return 1, tt.err
		}))
		if got != tt.want || (err != nil) != (tt.want.Failed > 0) || err != nil && !errors.Is(err, tt.err) {
			t.Errorf("%v: swept %+v, %v; want %+v", tt.err, got, err, tt.want)
		}
		if tt.want.Failed == 0 {
			if sum := w.wantCheck(reconcile.Options{}); sum.Ready != 1 || sum.UnderWay != 1 {
				t.Errorf("%v: %+v", tt.err, sum)
			}
		}
	}
}

func TestCheckFails(t *testing.T) {
	w := newWorld(t)
	w.ready("a", "x")
	broken := errors.New("broken")
	fails := func(what string) {
		t.Helper()
		var last error
		for _, err := range reconcile.Check(w.ctx, w.jail, w.catalog, reconcile.Options{Deep: true}, &reconcile.Summary{}) {
			last = err
		}
		if !errors.Is(last, broken) {
			t.Errorf("%s: %v", what, last)
		}
	}
	for _, method := range []string{"left", "all"} {
		w.catalog.Fail = func(m string) error {
			if m == method {
				return broken
			}
			return nil
		}
		fails(method)
	}
	w.catalog.Fail = nil
	w.over(vfstest.NewFaults(w.backend, vfstest.Fault{Op: "list", Err: broken}))
	fails("the listing")
}

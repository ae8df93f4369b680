package reconcile_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/server/catalog/catalogtest"
	"github.com/bailiwick-fs/bailiwick/server/catalog/reconcile"
	"github.com/bailiwick-fs/bailiwick/server/catalog/sqlite"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/vfstest"
)

// A library is a store with rows of several sources.
type library struct {
	t    *testing.T
	path string
}

func newLibrary(t *testing.T) *library { return &library{t, filepath.Join(t.TempDir(), "c.db")} }

func (l *library) of(source catalog.Source) catalog.Shared {
	l.t.Helper()
	c, err := sqlite.Open(l.t.Context(), l.path, source, sqlite.Options{})
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { c.Close() })
	return c
}

// row creates a row in a state.
func (l *library) row(c catalog.Catalog, state catalog.State) uuid.UUID {
	l.t.Helper()
	rec := catalogtest.NewRecord(string(state))
	err := c.Begin(l.t.Context(), rec)
	if state != catalog.Pending {
		_, commitErr := c.Commit(l.t.Context(), catalogtest.Done(rec, "data"))
		err = errors.Join(err, commitErr)
	}
	if state == catalog.Deleting {
		err = errors.Join(err, c.Delete(l.t.Context(), rec.ID))
	}
	if err != nil {
		l.t.Fatal(err)
	}
	return rec.ID
}

// jailWith returns a jail with objects that have the given content.
func (l *library) jailWith(content string, ids ...uuid.UUID) *vfs.Jail {
	l.t.Helper()
	b := mem.New()
	for _, id := range ids {
		if _, err := b.Put(l.t.Context(), catalog.ObjectName(id), strings.NewReader(content), vfs.PutOptions{}); err != nil {
			l.t.Fatal(err)
		}
	}
	return l.jail(b)
}

func (l *library) jail(b vfs.Backend) *vfs.Jail {
	l.t.Helper()
	j, err := vfs.New(b, catalog.Policy())
	if err != nil {
		l.t.Fatal(err)
	}
	return j
}

func (l *library) want(c catalog.Catalog, what string, want ...uuid.UUID) {
	l.t.Helper()
	all := map[uuid.UUID]bool{}
	for rec, err := range c.All(l.t.Context()) {
		if err != nil {
			l.t.Fatal(err)
		}
		all[rec.ID] = true
	}
	for _, id := range want {
		if !all[id] {
			l.t.Errorf("%s: a row is missing", what)
		}
	}
	if len(all) != len(want) {
		l.t.Errorf("%s: %d rows, want %d", what, len(all), len(want))
	}
}

// TestAdopt transfers the rows of an old source to the two sources that have its
// objects.
func TestAdopt(t *testing.T) {
	l := newLibrary(t)
	old, one, two := l.of("old"), l.of("one"), l.of("two")
	inOne, inTwo, nowhere := l.row(old, catalog.Ready), l.row(old, catalog.Ready), l.row(old, catalog.Ready)
	begun, gone := l.row(old, catalog.Pending), l.row(old, catalog.Deleting)
	adopt := func(c catalog.Shared, jail *vfs.Jail, want reconcile.Adopted) {
		t.Helper()
		got, err := reconcile.Adopt(t.Context(), jail, c, "old")
		if err != nil || got != want {
			t.Errorf("%+v, %v, want %+v", got, err, want)
		}
	}
	// Objects of another size do not match the rows.
	adopt(two, l.jailWith("another size", inOne, inTwo, nowhere), reconcile.Adopted{Stay: 5})
	adopt(two, l.jailWith("data"), reconcile.Adopted{Stay: 5})
	adopt(one, l.jailWith("data", inOne, begun, uuid.New()), reconcile.Adopted{Taken: 2, Stay: 3})
	l.want(one, "one", inOne, begun)
	adopt(two, l.jailWith("data", inTwo, inOne), reconcile.Adopted{Taken: 1, Stay: 2})
	l.want(two, "two", inTwo)
	l.want(old, "old", nowhere, gone)
	// Unfinished rows are transferred with the last ready row.
	adopt(one, l.jailWith("data", nowhere), reconcile.Adopted{Taken: 2})
	l.want(one, "one, with the rest", inOne, begun, nowhere, gone)
	l.want(old, "old")
}

func TestAdoptAll(t *testing.T) {
	l := newLibrary(t)
	old, other := l.of("old"), l.of("new")
	ids := []uuid.UUID{l.row(old, catalog.Ready), l.row(old, catalog.Pending), l.row(old, catalog.Deleting)}
	if got, err := reconcile.AdoptAll(t.Context(), other, "old"); err != nil || got != (reconcile.Adopted{Taken: 3}) {
		t.Errorf("%+v, %v", got, err)
	}
	l.want(other, "new", ids...)
}

// TestAdoptFails stops if the source cannot be listed completely: it is unknown whether
// the remaining rows have objects.
func TestAdoptFails(t *testing.T) {
	l := newLibrary(t)
	old, other := l.of("old"), l.of("new")
	ids := []uuid.UUID{l.row(old, catalog.Ready), l.row(old, catalog.Pending)}
	broken := errors.New("broken")
	faulty := vfstest.NewFaults(mem.New(), vfstest.FailOp("list", broken))
	if got, err := reconcile.Adopt(t.Context(), l.jail(faulty), other, "old"); !errors.Is(err, broken) || got.Taken != 0 {
		t.Errorf("%+v, %v", got, err)
	}
	l.want(old, "old", ids...)
}

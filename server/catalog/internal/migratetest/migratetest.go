// Package migratetest is the test suite for migrations, run on every store.
package migratetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/server/catalog/internal/table"
)

// A Store describes a store to the tests.
type Store struct {
	// Dialect is the store's name in package table.
	Dialect string
	// Location creates an empty location for a store.
	Location func(testing.TB) string
	// Open opens the store at a location with the given migrations.
	Open func(ctx context.Context, location string, all []table.Migration) (catalog.Catalog, error)
	// NoUpgrade is Open for a store that is not to be upgraded.
	NoUpgrade func(ctx context.Context, location string, all []table.Migration) (catalog.Catalog, error)
	// Exec runs a statement at a location, bypassing the store's code.
	Exec func(t testing.TB, location, statement string) error
	// Dump returns all tables, columns, constraints, indexes and rows at a location,
	// except times.
	Dump func(t testing.TB, location string) string
}

// Two possible future migrations, and one that fails half way.
var (
	wider  = table.Migration{Name: "9001_wider", SQL: "ALTER TABLE {schema}objects ADD COLUMN note {text}; CREATE TABLE {schema}uses (link {text} NOT NULL PRIMARY KEY, n {int64} NOT NULL) {strict};"}
	filled = table.Migration{Name: "9002_filled", SQL: "UPDATE {schema}objects SET note = name || '!';"}
	broken = table.Migration{Name: "9002_broken", SQL: "CREATE TABLE {schema}half (a {int64}) {strict}; UPDATE {schema}objects SET note = 'half'; SELECT missing FROM nowhere;"}
)

// Test runs the tests.
func Test(t *testing.T, s Store) {
	all, err := table.Migrations(s.Dialect)
	if err != nil {
		t.Fatal(err)
	}
	longer := slices.Concat(all, []table.Migration{wider})

	t.Run("from every version", func(t *testing.T) {
		fresh := s.Location(t)
		use(t, s, fresh, longer)
		want := s.Dump(t, fresh)
		if !strings.Contains(want, "objects") || !strings.Contains(want, "note") {
			t.Fatalf("the dump is incomplete: %s", want)
		}
		for v := range longer {
			location := s.Location(t)
			if err := migrate(t, s, location, longer[:v]); err != nil {
				t.Fatalf("version %d: %v", v, err)
			}
			use(t, s, location, longer)
			if got := s.Dump(t, location); got != want {
				t.Errorf("from version %d:\n%s\nfrom nothing:\n%s", v, got, want)
			}
		}
	})

	t.Run("rows stay", func(t *testing.T) {
		location := s.Location(t)
		rec := use(t, s, location, all)
		for _, series := range [][]table.Migration{longer, slices.Concat(longer, []table.Migration{filled})} {
			c, err := s.Open(t.Context(), location, series)
			if err != nil {
				t.Fatal(err)
			}
			got, err := c.Get(t.Context(), rec.ID)
			if err != nil || got != rec {
				t.Errorf("got %+v, %v, want %+v", got, err, rec)
			}
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}
		if dump := s.Dump(t, location); !strings.Contains(dump, rec.Name+"!") {
			t.Errorf("the last migration changed nothing: %s", dump)
		}
	})

	t.Run("rows from before sources", func(t *testing.T) { testUnbound(t, s, all) })

	t.Run("failing", func(t *testing.T) {
		location := s.Location(t)
		rec := use(t, s, location, longer)
		before := s.Dump(t, location)
		for range 2 {
			err := migrate(t, s, location, slices.Concat(longer, []table.Migration{broken}))
			if err == nil || !strings.Contains(err.Error(), broken.Name) {
				t.Errorf("a migration that fails: %v, want an error that names it", err)
			}
			if after := s.Dump(t, location); after != before {
				t.Errorf("a migration that fails changed\n%s\nto\n%s", before, after)
			}
		}
		c, err := s.Open(t.Context(), location, longer)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := c.Get(t.Context(), rec.ID); err != nil {
			t.Error(err)
		}
	})

	t.Run("newer", func(t *testing.T) {
		location := s.Location(t)
		use(t, s, location, longer)
		before := s.Dump(t, location)
		err := migrate(t, s, location, all)
		if want := fmt.Sprintf("schema version %d", len(longer)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("a newer version: %v, want %s", err, want)
		}
		if after := s.Dump(t, location); after != before {
			t.Errorf("a newer version was changed from\n%s\nto\n%s", before, after)
		}
	})

	t.Run("without upgrade", func(t *testing.T) {
		location := s.Location(t)
		for v := 1; v < len(longer); v++ {
			if err := migrate(t, s, location, longer[:v]); err != nil {
				t.Fatal(err)
			}
			before := s.Dump(t, location)
			want := fmt.Sprintf("schema version %d is older", v)
			if c, err := s.NoUpgrade(t.Context(), location, longer); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("version %d: %v, %v, want %q", v, c, err, want)
			}
			if after := s.Dump(t, location); after != before {
				t.Errorf("version %d was changed from\n%s\nto\n%s", v, before, after)
			}
		}
		use(t, s, location, longer)
		c, err := s.NoUpgrade(t.Context(), location, longer)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})

	t.Run("without upgrade, none", func(t *testing.T) {
		location := s.Location(t)
		for range 2 { // the first call makes nothing that the second one finds
			if c, err := s.NoUpgrade(t.Context(), location, longer); !errors.Is(err, catalog.ErrNone) {
				t.Fatalf("%v, %v", c, err)
			}
		}
	})

	t.Run("many at once", func(t *testing.T) {
		location := s.Location(t)
		var g errgroup.Group
		for range 8 {
			g.Go(func() error {
				c, err := s.Open(t.Context(), location, longer)
				if err != nil {
					return err
				}
				return c.Close()
			})
		}
		if err := g.Wait(); err != nil {
			t.Error(err)
		}
	})
}

// testUnbound has rows from a version without sources. They belong to no Catalog until
// one takes them, and that version can no longer write such rows.
func testUnbound(t *testing.T, s Store, all []table.Migration) {
	const before = 2 // its version
	old := func(id uuid.UUID) string {
		return fmt.Sprintf(`INSERT INTO {schema}objects (id, name, type, size, sha256, owner, created, touched, state, instance)
			VALUES ('%s', 'a name', 'text/plain', 4, %s, 'alice', 1000000, 2000000, 'ready', 'dead')`, id, blob[s.Dialect])
	}
	location := s.Location(t)
	if err := migrate(t, s, location, all[:before]); err != nil {
		t.Fatal(err)
	}
	if err := s.Exec(t, location, old(id)); err != nil {
		t.Fatal(err)
	}
	opened, err := s.Open(t.Context(), location, all)
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	c := opened.(catalog.Shared)
	if _, err := c.Get(t.Context(), id); !errors.Is(err, catalog.ErrNotFound) {
		t.Errorf("Get of a row without a source: %v", err)
	}
	for rec, err := range c.All(t.Context()) {
		t.Errorf("All yields a row without a source: %+v %v", rec, err)
	}
	sources, err := c.Sources(t.Context())
	if err != nil || !slices.Equal(sources, []catalog.Source{""}) {
		t.Errorf("sources: %q, %v", sources, err)
	}
	if err := s.Exec(t, location, old(uuid.New())); err == nil {
		t.Error("an earlier version can still write rows without a source")
	}
	if n, err := c.Take(t.Context(), "", []uuid.UUID{id}); n != 1 || err != nil {
		t.Errorf("Take: %d, %v", n, err)
	}
	want := catalog.Record{
		ID: id, Name: "a name", Type: "text/plain", Size: 4, SHA256: [32]byte(bytes.Repeat([]byte{0xab}, 32)), Owner: "alice",
		Created: time.Unix(1, 0).UTC(), Touched: time.Unix(2, 0).UTC(), State: catalog.Ready,
	}
	if got, err := c.Get(t.Context(), id); err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

// blob is a hash in a dialect's notation.
var blob = map[string]string{
	"sqlite":   "x'" + strings.Repeat("ab", 32) + "'",
	"postgres": `'\x` + strings.Repeat("ab", 32) + "'",
}

func migrate(t *testing.T, s Store, location string, all []table.Migration) error {
	t.Helper()
	c, err := s.Open(t.Context(), location, all)
	if err == nil {
		err = c.Close()
	}
	return err
}

// id is fixed, because dumps are compared.
var id = uuid.MustParse("5a3c9f0e-1f64-4d0b-9a43-0d6c4b1f9a11")

// use stores a record.
func use(t *testing.T, s Store, location string, all []table.Migration) catalog.Record {
	t.Helper()
	c, err := s.Open(t.Context(), location, all)
	if err != nil {
		t.Fatal(err)
	}
	rec := catalog.Record{ID: id, Name: "a name", Type: "text/plain", Owner: "alice", Created: time.Unix(1, 0)}
	if err := c.Begin(t.Context(), rec); err != nil {
		t.Fatal(err)
	}
	rec.Size, rec.SHA256 = 4, sha256.Sum256([]byte("data"))
	rec, err = c.Commit(t.Context(), rec)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	return rec
}

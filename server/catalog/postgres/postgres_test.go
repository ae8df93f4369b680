package postgres_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/server/catalog/catalogtest"
	"github.com/bailiwick-fs/bailiwick/server/catalog/internal/migratetest"
	"github.com/bailiwick-fs/bailiwick/server/catalog/internal/table"
	"github.com/bailiwick-fs/bailiwick/server/catalog/postgres"
	"github.com/bailiwick-fs/bailiwick/testdata/pgserver"
)

// source is the source of the catalogs in tests that do not depend on it.
const source catalog.Source = "s3://bucket/uploads"

func openCatalog(ctx context.Context, url string) (catalog.Catalog, error) {
	return postgres.Open(ctx, url, source, postgres.Options{})
}

func TestMain(m *testing.M) { catalogtest.Main(m, openCatalog) }

// open opens the catalog at a URL until the test ends.
func open(t testing.TB, url string, opts postgres.Options) *postgres.Store {
	t.Helper()
	s, err := postgres.Open(t.Context(), url, source, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// TestServer runs the tests that need a permanently running server.
func TestServer(t *testing.T) {
	server := pgserver.Start(t)
	t.Run("catalog", func(t *testing.T) {
		catalogtest.Test(t, func(t testing.TB) catalog.Catalog { return open(t, server.Database(t), postgres.Options{}) })
	})
	t.Run("instances", func(t *testing.T) {
		url := server.Database(t)
		catalogtest.TestInstances(t, func(t testing.TB) catalog.Catalog { return open(t, url, postgres.Options{}) })
	})
	t.Run("sources", func(t *testing.T) {
		url := server.Database(t)
		catalogtest.TestSources(t, func(source catalog.Source) (catalog.Shared, error) {
			s, err := postgres.Open(t.Context(), url, source, postgres.Options{})
			if err != nil {
				return nil, err
			}
			return s, nil
		})
	})
	t.Run("uses of links", func(t *testing.T) {
		url := server.Database(t)
		catalogtest.TestUses(t, func(t testing.TB) catalogtest.UseCounter { return open(t, url, postgres.Options{}) })
	})
	t.Run("shares", func(t *testing.T) {
		url := server.Database(t)
		catalogtest.TestShares(t, func(t testing.TB) catalogtest.ShareStore { return open(t, url, postgres.Options{}) })
	})
	t.Run("clock", func(t *testing.T) {
		url := server.Database(t)
		catalogtest.TestClock(t, func(now func() time.Time) catalogtest.UseCounter { return open(t, url, postgres.Options{Now: now}) })
	})
	t.Run("plan of owned", func(t *testing.T) { testOwnedPlan(t, server.Database(t)) })
	t.Run("processes", func(t *testing.T) { catalogtest.TestProcesses(t, server.Database(t), openCatalog) })
	t.Run("migrations", func(t *testing.T) {
		migratetest.Test(t, migratetest.Store{
			Dialect:  "postgres",
			Location: server.Database,
			Open: func(ctx context.Context, url string, all []table.Migration) (catalog.Catalog, error) {
				return postgres.OpenWith(ctx, url, source, postgres.Options{}, all)
			},
			NoUpgrade: func(ctx context.Context, url string, all []table.Migration) (catalog.Catalog, error) {
				return postgres.OpenWith(ctx, url, source, postgres.Options{NoUpgrade: true}, all)
			},
			Exec: func(t testing.TB, url, statement string) error {
				_, err := connect(t, url).Exec(t.Context(), strings.ReplaceAll(statement, "{schema}", "bailiwick."))
				return err
			},
			Dump: dump,
		})
	})
	t.Run("refused", func(t *testing.T) { testRefused(t, server) })
	t.Run("waiting", func(t *testing.T) { testWaiting(t, server.Database(t)) })
	t.Run("connections end", func(t *testing.T) { testConnectionsEnd(t, server) })
	t.Run("half dead", func(t *testing.T) { testHalfDead(t, server.Database(t)) })
	t.Run("two schemas", func(t *testing.T) { testSchemas(t, server.Database(t)) })
}

// testSchemas has two catalogs in one database, in schemas with odd names.
func testSchemas(t *testing.T, url string) {
	a := open(t, url, postgres.Options{Schema: `it's "one"; --`})
	b := open(t, url, postgres.Options{Schema: `two\`})
	rec := catalogtest.NewRecord("a name")
	for _, c := range []catalog.Catalog{a, b} {
		if err := c.Begin(t.Context(), rec); err != nil {
			t.Error(err)
		}
	}
	if err := a.Abandon(t.Context(), rec.ID); err != nil {
		t.Error(err)
	}
	if _, err := b.Commit(t.Context(), rec); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{strings.Repeat("s", 64), "a\x00", "\xff"} {
		if _, err := postgres.Open(t.Context(), url, source, postgres.Options{Schema: bad}); err == nil {
			t.Errorf("schema %q is accepted", bad)
		}
	}
}

// dump queries the server without the store's code.
func dump(t testing.TB, url string) string {
	t.Helper()
	c := connect(t, url)
	var b strings.Builder
	for _, query := range []string{
		`SELECT table_name || ' ' || column_name || ' ' || data_type || ' ' || is_nullable || ' ' || coalesce(collation_name, '') || coalesce(column_default, '')
			FROM information_schema.columns WHERE table_schema = 'bailiwick' ORDER BY 1`,
		`SELECT conname || ' ' || pg_get_constraintdef(c.oid) FROM pg_constraint c JOIN pg_namespace n ON n.oid = connamespace WHERE nspname = 'bailiwick' ORDER BY 1`,
		`SELECT indexdef FROM pg_indexes WHERE schemaname = 'bailiwick' ORDER BY 1`,
		`SELECT (to_jsonb(o) - 'touched' - 'instance')::text FROM bailiwick.objects o ORDER BY id`,
		`SELECT version || ' ' || name FROM bailiwick.migrations ORDER BY version`,
	} {
		rows, err := c.Query(t.Context(), query)
		if err != nil {
			t.Fatal(err)
		}
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString(strings.Join(lines, "\n") + "\n")
	}
	return b.String()
}

// connect connects without the store's code.
func connect(t testing.TB, url string) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.WithoutCancel(t.Context())) }) // the test may have broken it
	return c
}

// use stores a record and retrieves it.
func use(t *testing.T, url string) {
	t.Helper()
	s := open(t, url, postgres.Options{})
	rec := catalogtest.NewRecord("a name")
	if err := s.Begin(t.Context(), rec); err != nil {
		t.Error(err)
	}
	if _, err := s.Commit(t.Context(), rec); err != nil {
		t.Error(err)
	}
	if _, err := s.Get(t.Context(), rec.ID); err != nil {
		t.Error(err)
	}
	for range s.Stale(t.Context(), time.Now()) {
		t.Error("left")
	}
}

// BenchmarkUpload uses a server with fsync, like one in production.
func BenchmarkUpload(b *testing.B) {
	catalogtest.Bench(b, open(b, pgserver.Start(b, "fsync=on").URL("postgres"), postgres.Options{}))
}

// BenchmarkGrowth measures what costs more with more rows.
func BenchmarkGrowth(b *testing.B) {
	server := pgserver.Start(b, "fsync=on")
	for _, n := range catalogtest.Sizes() {
		b.Run(fmt.Sprint("rows=", n), func(b *testing.B) {
			url := server.Database(b)
			s := open(b, url, postgres.Options{})
			db := connect(b, url)
			for _, statement := range []string{
				fmt.Sprintf(`INSERT INTO bailiwick.objects (source, id, name, type, size, sha256, owner, created, touched, state, instance)
					SELECT '%s', lpad(to_hex(i * %d), 8, '0') || '-0000-4000-8000-000000000000', 'holiday picture ' || i || '.jpg', 'image/jpeg', 4,
						sha256(i::text::bytea), 'user' || i %% 1000, 1764000000000000 + i, 1764000000000000 + i,
						CASE WHEN i < 10 THEN 'pending' ELSE 'ready' END, '01234567-89ab-4cde-8f01-23456789abcd'
					FROM generate_series(0::bigint, %d) AS i`, source, catalogtest.GrowthStep(n), n-1),
				"ANALYZE bailiwick.objects", // the server does this by itself, later
			} {
				if _, err := db.Exec(b.Context(), statement); err != nil {
					b.Fatal(err)
				}
			}
			catalogtest.BenchGrowth(b, s, n)
		})
	}
}

package sqlite_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/server/catalog/catalogtest"
	"github.com/bailiwick-fs/bailiwick/server/catalog/reconcile"
	"github.com/bailiwick-fs/bailiwick/server/catalog/sqlite"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// grown creates a catalog with n rows for catalogtest.BenchGrowth.
func grown(b *testing.B, n int) (path string) {
	b.Helper()
	path = newFile(b)
	s, err := sqlite.Open(b.Context(), path, source, sqlite.Options{})
	if err != nil {
		b.Fatal(err)
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	db := raw(b, path)
	execute(b, db, "PRAGMA synchronous = OFF")
	execute(b, db, fmt.Sprintf(`WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < %d - 1)
		INSERT INTO objects (source, id, name, type, size, sha256, owner, created, touched, state, instance)
		SELECT '%s', printf('%%08x-0000-4000-8000-000000000000', i * %d), 'holiday picture ' || i || '.jpg', 'image/jpeg', 4,
			randomblob(32), 'user' || (i %% 1000), 1764000000000000 + i, 1764000000000000 + i,
			CASE WHEN i < 10 THEN 'pending' ELSE 'ready' END, '01234567-89ab-4cde-8f01-23456789abcd' FROM n`,
		n, source, catalogtest.GrowthStep(n)))
	if err := db.Close(); err != nil {
		b.Fatal(err)
	}
	return path
}

// BenchmarkGrowth measures what costs more with more rows.
func BenchmarkGrowth(b *testing.B) {
	for _, n := range catalogtest.Sizes() {
		b.Run(fmt.Sprint("rows=", n), func(b *testing.B) {
			path := grown(b, n)
			b.Run("Open", func(b *testing.B) {
				for b.Loop() {
					s, err := sqlite.Open(b.Context(), path, source, sqlite.Options{})
					if err != nil {
						b.Fatal(err)
					}
					if err := s.Close(); err != nil {
						b.Fatal(err)
					}
				}
			})
			catalogtest.BenchGrowth(b, open(b, path), n)
		})
	}
}

// BenchmarkReconcile measures a pass over n rows and their objects.
func BenchmarkReconcile(b *testing.B) {
	for _, n := range []int{1000, 10_000, 100_000} {
		b.Run(fmt.Sprint("rows=", n), func(b *testing.B) {
			s := open(b, grown(b, n))
			objects := mem.New()
			for i := range n {
				_, err := objects.Put(b.Context(), catalog.ObjectName(catalogtest.GrowthID(i, n)), strings.NewReader("data"), vfs.PutOptions{})
				if err != nil {
					b.Fatal(err)
				}
			}
			jail, err := vfs.New(objects, catalog.Policy())
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				var sum reconcile.Summary
				for p, err := range reconcile.Check(b.Context(), jail, s, reconcile.Options{}, &sum) {
					if err != nil || p.Kind != reconcile.RowStale {
						b.Fatal(p, err)
					}
				}
				if sum.Ready != n-10 {
					b.Fatalf("%+v", sum)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/row")
		})
	}
}

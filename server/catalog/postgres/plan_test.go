package postgres_test

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/bailiwick-fs/bailiwick/server/catalog/internal/table"
	"github.com/bailiwick-fs/bailiwick/server/catalog/postgres"
)

// testOwnedPlan has many rows of many owners. Owned reads only the rows that it returns.
func testOwnedPlan(t *testing.T, url string) {
	open(t, url, postgres.Options{})
	db := connect(t, url)
	for _, statement := range []string{
		`INSERT INTO bailiwick.objects (source, id, name, type, size, sha256, owner, created, touched, state, instance)
		SELECT '` + string(source) + `', lpad(to_hex(i), 8, '0') || '-0000-4000-8000-000000000000', 'a name', 'image/jpeg', 4,
			decode(repeat('00', 32), 'hex'), 'user' || i % 100, i, i, 'ready', 'i' FROM generate_series(1, 100000) i`,
		`ANALYZE bailiwick.objects`,
	} {
		if _, err := db.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	query := table.Dialect{Schema: "bailiwick."}.SQL(table.OwnedQuery)
	rows, err := db.Query(t.Context(), "EXPLAIN "+query, string(source), "user7", int64(1<<62), "", int64(100))
	if err != nil {
		t.Fatal(err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	plan := strings.Join(lines, "\n")
	if !strings.Contains(plan, "Index Scan Backward using objects_owned") || strings.Contains(plan, "Sort") || strings.Contains(plan, "Filter") {
		t.Errorf("the plan is\n%s", plan)
	}
}

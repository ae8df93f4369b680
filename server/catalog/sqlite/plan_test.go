package sqlite_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/server/catalog/internal/table"
	"github.com/bailiwick-fs/bailiwick/server/catalog/sqlite"
)

// Owned reads rows of an index alone, in its order.
func TestOwnedPlan(t *testing.T) {
	path := newFile(t)
	s, err := sqlite.Open(t.Context(), path, source, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Owned(t.Context(), "alice", catalog.Record{}, 1); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	query := table.Dialect{}.SQL(table.OwnedQuery)
	for i, value := range []string{"'s'", "'alice'", "9", "'x'", "10"} {
		query = strings.ReplaceAll(query, fmt.Sprint("$", i+1), value)
	}
	plan := fmt.Sprint(cells(t, raw(t, path), "EXPLAIN QUERY PLAN "+query))
	if !strings.Contains(plan, "USING INDEX objects_owned (source=? AND owner=? AND (created,id)<(?,?))") || strings.Contains(plan, "TEMP B-TREE") {
		t.Errorf("the plan is %s", plan)
	}
}

package table

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"time"

	"github.com/google/uuid"

	"github.com/bailiwick-fs/bailiwick/server/catalog"
)

// pageRows is the number of rows per query. A page is read completely before its first
// row is yielded: a transaction that stays open while the caller works would prevent
// SQLite from truncating its log, and PostgreSQL from vacuuming rows.
const pageRows = 500

// columns lists the columns that scan reads.
const columns = `id, name, type, size, sha256, owner, created, state, touched, instance`

// A row is a record and the instance that last worked on it.
type row struct {
	catalog.Record
	instance string
}

func scan(s Scanner) (row, error) {
	var (
		r                row
		id, state        string
		sum              []byte
		created, touched int64
	)
	if err := s.Scan(&id, &r.Name, &r.Type, &r.Size, &sum, &r.Owner, &created, &state, &touched, &r.instance); err != nil {
		return row{}, err
	}
	var err error
	if r.ID, err = uuid.Parse(id); err != nil {
		return row{}, fmt.Errorf("a row has the invalid ID %q: %w", id, err)
	}
	copy(r.SHA256[:], sum)
	r.Created, r.Touched, r.State = fromMicros(created), fromMicros(touched), catalog.State(state)
	return r, nil
}

// All yields every row of the source, in order of ID.
func (c *Catalog) All(ctx context.Context) iter.Seq2[catalog.Record, error] {
	return c.AllOf(ctx, c.source)
}

// AllOf yields every row of any source, in order of ID.
func (c *Catalog) AllOf(ctx context.Context, source catalog.Source) iter.Seq2[catalog.Record, error] {
	return c.rows(ctx, source, `SELECT `+columns+` FROM {schema}objects WHERE source = $1 AND id > $2 ORDER BY id LIMIT $3`,
		func(_ context.Context, page []row) ([]row, error) { return page, nil })
}

// Stale yields the rows of abandoned uploads and removals.
func (c *Catalog) Stale(ctx context.Context, before time.Time) iter.Seq2[catalog.Record, error] {
	// A dead instance stays dead, because IDs are never reused.
	dead := make(map[string]bool)
	limit := micros(before)
	return c.rows(ctx, c.source, `SELECT `+columns+` FROM {schema}objects {by_left} WHERE state <> 'ready' AND source = $1 AND id > $2 ORDER BY id LIMIT $3`,
		func(ctx context.Context, page []row) ([]row, error) {
			// The rows are read before the live instances, so an instance that begins a row in
			// between is not considered dead.
			instances := make(map[string]time.Time)
			for _, r := range page {
				if r.Touched.UnixMicro() >= limit && r.instance != c.instance && !dead[r.instance] && !r.Touched.Before(instances[r.instance]) {
					instances[r.instance] = r.Touched
				}
			}
			if len(instances) > 0 {
				found, err := c.db.Dead(ctx, instances)
				if err != nil {
					return nil, err
				}
				maps.Copy(dead, found)
			}
			stale := page[:0]
			for _, r := range page {
				if r.Touched.UnixMicro() < limit || dead[r.instance] {
					stale = append(stale, r)
				}
			}
			return stale, nil
		})
}

// rows yields the rows that choose selects from each page of a query. In the query, $1
// is the source, $2 the ID after which to continue, and $3 the page size.
func (c *Catalog) rows(ctx context.Context, source catalog.Source, query string, choose func(context.Context, []row) ([]row, error)) iter.Seq2[catalog.Record, error] {
	return func(yield func(catalog.Record, error) bool) {
		for after, more := "", true; more; {
			var chosen []row
			err := c.do(ctx, func(ctx context.Context) error {
				page := make([]row, 0, pageRows)
				err := c.db.Read(ctx, func(s Scanner) error {
					r, err := scan(s)
					page = append(page, r)
					return err
				}, c.sql(query), string(source), after, int64(pageRows))
				if err != nil {
					return err
				}
				if more = len(page) == pageRows; more {
					after = page[len(page)-1].ID.String()
				}
				chosen, err = choose(ctx, page)
				return err
			})
			if err != nil {
				yield(catalog.Record{}, err)
				return
			}
			for _, r := range chosen {
				if !yield(r.Record, nil) {
					return
				}
			}
		}
	}
}

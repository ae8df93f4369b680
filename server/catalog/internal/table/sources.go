package table

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/bailiwick-fs/bailiwick/server/catalog"
)

// Sources returns the sources that have rows. It runs one query per source, since there
// are few sources and many rows.
func (c *Catalog) Sources(ctx context.Context) ([]catalog.Source, error) {
	var all []catalog.Source
	next := func(query string, args ...any) (found bool, err error) {
		err = c.do(ctx, func(ctx context.Context) error {
			return c.db.Read(ctx, func(s Scanner) error {
				var source string
				err := s.Scan(&source)
				all, found = append(all, catalog.Source(source)), true
				return err
			}, c.sql(query), args...)
		})
		return found, err
	}
	found, err := next(`SELECT source FROM {schema}objects ORDER BY source LIMIT 1`)
	for found && err == nil {
		found, err = next(`SELECT source FROM {schema}objects WHERE source > $1 ORDER BY source LIMIT 1`, string(all[len(all)-1]))
	}
	if err != nil {
		return nil, err
	}
	return all, nil
}

// Count returns the number of rows of a source.
func (c *Catalog) Count(ctx context.Context, source catalog.Source) (n int64, err error) {
	err = c.do(ctx, func(ctx context.Context) error {
		return c.db.Read(ctx, func(s Scanner) error { return s.Scan(&n) },
			c.sql(`SELECT count(*) FROM {schema}objects WHERE source = $1`), string(source))
	})
	return n, err
}

// Take transfers rows of another source to the Catalog's own source.
func (c *Catalog) Take(ctx context.Context, from catalog.Source, ids []uuid.UUID) (taken int64, err error) {
	for chunk := range slices.Chunk(ids, takeRows) {
		args := []any{string(c.source), string(from)}
		for i := range takeRows {
			// Stores cache compiled statements, so the text is always the same: the last ID
			// fills the rest of a chunk.
			args = append(args, chunk[min(i, len(chunk)-1)].String())
		}
		n, err := c.exec(ctx, false, takeQuery, args...)
		if err != nil {
			return taken, err
		}
		taken += n
	}
	return taken, nil
}

// takeRows is the number of rows per statement.
const takeRows = 250

var takeQuery = func() string {
	ids := make([]string, takeRows)
	for i := range ids {
		ids[i] = fmt.Sprintf("$%d", i+3)
	}
	return `UPDATE {schema}objects AS o SET source = $1 WHERE o.source = $2 AND o.id IN (` + strings.Join(ids, ", ") + `)
		AND NOT EXISTS (SELECT 1 FROM {schema}objects own WHERE own.source = $1 AND own.id = o.id)`
}()

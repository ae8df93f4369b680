package table

import (
	"context"
	"math"

	"github.com/google/uuid"

	"github.com/bailiwick-fs/bailiwick/server/catalog"
)

// OwnedQuery is the query of Owned, for tests of its plan.
const OwnedQuery = `SELECT ` + columns + ` FROM {schema}objects
	WHERE source = $1 AND owner = $2 AND state = 'ready' AND (created, id) < ($3, $4)
	ORDER BY created DESC, id DESC LIMIT $5`

// Owned returns the newest ready rows of an owner.
func (c *Catalog) Owned(ctx context.Context, owner string, after catalog.Record, limit int) ([]catalog.Record, error) {
	// Begin accepts no such owner, and PostgreSQL fails with some of them.
	if checkText("owner", owner, maxOther) != nil {
		return nil, c.do(ctx, func(context.Context) error { return nil })
	}
	created := int64(math.MaxInt64)
	if after.ID != (uuid.UUID{}) {
		created = micros(after.Created)
	}
	var page []catalog.Record
	err := c.do(ctx, func(ctx context.Context) error {
		page = page[:0]
		return c.db.Read(ctx, func(s Scanner) error {
			r, err := scan(s)
			page = append(page, r.Record)
			return err
		}, c.sql(OwnedQuery), string(c.source), owner, created, after.ID.String(), int64(max(limit, 1)))
	})
	if err != nil {
		return nil, err
	}
	return page, nil
}

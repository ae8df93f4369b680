package table

import (
	"context"
	"time"
)

// Times of clearing the uses of links that have expired.
const (
	clearPause = time.Minute
	// clearDelay is how long a row outlives its link: to another server, whose clock
	// is behind, the link may still be good.
	clearDelay = time.Hour
)

// Use counts a use of the signed link id, which is good for limit uses until it
// expires, and reports whether it was still good for this one. Of racing callers, in
// whatever process, limit win. Once it returned true, the use outlives a power cut.
// After an error other than for its arguments the use may have been counted.
func (c *Catalog) Use(ctx context.Context, id string, limit int, expires time.Time) (bool, error) {
	if err := checkText("link's id", id, maxOther); err != nil {
		return false, err
	}
	if limit < 1 {
		return false, nil
	}
	if err := c.clearUses(ctx); err != nil {
		return false, err
	}
	// One statement, so that nobody comes between reading and counting.
	n, err := c.exec(ctx, false,
		`INSERT INTO {schema}link_uses AS u (id, uses, expires) VALUES ($1, 1, $2)
		ON CONFLICT (id) DO UPDATE SET uses = u.uses + 1 WHERE u.uses < $3`,
		id, micros(expires), int64(limit))
	return n == 1 && err == nil, err
}

// Good reports whether a Use would be good, and counts nothing.
func (c *Catalog) Good(ctx context.Context, id string, limit int) (bool, error) {
	if err := checkText("link's id", id, maxOther); err != nil {
		return false, err
	}
	var uses int64
	err := c.do(ctx, func(ctx context.Context) error {
		return c.db.Read(ctx, func(s Scanner) error { return s.Scan(&uses) },
			c.dialect.SQL(`SELECT uses FROM {schema}link_uses WHERE id = $1`), id)
	})
	return err == nil && uses < int64(limit), err
}

// clearUses removes, now and then, the rows of links that nobody can use any more.
func (c *Catalog) clearUses(ctx context.Context) error {
	now := c.now()
	due := c.clearDue.Load()
	if micros(now) < due || !c.clearDue.CompareAndSwap(due, micros(now.Add(clearPause))) {
		return nil
	}
	_, err := c.exec(ctx, false, `DELETE FROM {schema}link_uses WHERE expires < $1`, micros(now.Add(-clearDelay)))
	return err
}

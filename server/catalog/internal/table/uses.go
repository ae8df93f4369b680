package table

import (
	"context"
	"time"
)

// Times of removing the uses of expired links.
const (
	clearPause = time.Minute
	// clearDelay is how long a row outlives its link: the link may still be valid on
	// another server whose clock is slow.
	clearDelay = time.Hour
)

// Use counts one use of the signed link id, which is valid for limit uses until it
// expires, and reports whether this use is within the limit. Of concurrent callers, in
// any process, exactly limit succeed. Once it returned true, the use survives a power
// failure. After an error, except about its arguments, the use may have been counted.
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
	// A single statement, so that reading and counting are atomic. A link whose row may
	// already have been removed is no longer valid, whatever the clock says now.
	n, err := c.exec(ctx, false,
		`INSERT INTO {schema}link_uses AS u (id, uses, expires) SELECT CAST($1 AS TEXT), 1, CAST($2 AS BIGINT)
		WHERE NOT EXISTS (SELECT 1 FROM {schema}link_clock WHERE latest - CAST($4 AS BIGINT) > CAST($2 AS BIGINT))
		ON CONFLICT (id) DO UPDATE SET uses = u.uses + 1 WHERE u.uses < $3`,
		id, micros(expires), int64(limit), clearDelay.Microseconds())
	return n == 1 && err == nil, err
}

// Good reports whether Use would succeed, without counting.
func (c *Catalog) Good(ctx context.Context, id string, limit int) (bool, error) {
	if err := checkText("link's id", id, maxOther); err != nil {
		return false, err
	}
	var uses int64
	err := c.do(ctx, func(ctx context.Context) error {
		return c.db.Read(ctx, func(s Scanner) error { return s.Scan(&uses) },
			c.sql(`SELECT uses FROM {schema}link_uses WHERE id = $1`), id)
	})
	return err == nil && uses < int64(limit), err
}

// clearUses removes, from time to time, the rows of links that can no longer be used. It
// advances the stored clock first: only rows of links that this clock makes invalid may
// be removed.
func (c *Catalog) clearUses(ctx context.Context) error {
	now := c.now()
	due := c.clearDue.Load()
	if micros(now) < due || !c.clearDue.CompareAndSwap(due, micros(now.Add(clearPause))) {
		return nil
	}
	latest, err := c.Latest(ctx, now)
	if err != nil {
		return err
	}
	_, err = c.exec(ctx, false, `DELETE FROM {schema}link_uses WHERE expires < $1`, micros(latest.Add(-clearDelay)))
	return err
}

// Latest stores t if it is later than the stored time, and returns the stored time. It
// writes only in that case.
func (c *Catalog) Latest(ctx context.Context, t time.Time) (time.Time, error) {
	latest, err := c.latest(ctx)
	if err != nil || !t.After(latest) {
		return latest, err
	}
	_, err = c.exec(ctx, false,
		`INSERT INTO {schema}link_clock AS c (id, latest) VALUES (1, $1)
		ON CONFLICT (id) DO UPDATE SET latest = excluded.latest WHERE c.latest < excluded.latest`, micros(t))
	return t, err
}

// ResetLatest replaces a stored time that is wrong, because it is in the future, by the
// current time, and returns the old one. Links that expired only by the wrong time
// become valid again, including some that were used up, since their counts are gone.
func (c *Catalog) ResetLatest(ctx context.Context) (time.Time, error) {
	before, err := c.latest(ctx)
	if err != nil {
		return before, err
	}
	_, err = c.exec(ctx, false, `UPDATE {schema}link_clock SET latest = $1 WHERE latest > $1`, micros(c.now()))
	return before, err
}

// latest returns zero if no time is stored.
func (c *Catalog) latest(ctx context.Context) (latest time.Time, err error) {
	err = c.do(ctx, func(ctx context.Context) error {
		return c.db.Read(ctx, func(s Scanner) error {
			var n int64
			err := s.Scan(&n)
			latest = fromMicros(n)
			return err
		}, c.sql(`SELECT latest FROM {schema}link_clock`))
	})
	return latest, err
}

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
	// One statement, so that nobody comes between reading and counting. What may have been
	// cleared is good no more, whatever the clock says now.
	n, err := c.exec(ctx, false,
		`INSERT INTO {schema}link_uses AS u (id, uses, expires) SELECT CAST($1 AS TEXT), 1, CAST($2 AS BIGINT)
		WHERE NOT EXISTS (SELECT 1 FROM {schema}link_clock WHERE latest - CAST($4 AS BIGINT) > CAST($2 AS BIGINT))
		ON CONFLICT (id) DO UPDATE SET uses = u.uses + 1 WHERE u.uses < $3`,
		id, micros(expires), int64(limit), clearDelay.Microseconds())
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

// clearUses removes, now and then, the rows of links that nobody can use any more. The
// mark comes first: what it lets nobody use may go.
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

// Latest keeps t, if it is the latest time that the store knows, and returns the latest.
// It changes the store only if t is.
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

// ResetLatest has the store forget a latest time that was wrong, and returns it: the time
// is now from then on. Links that have ended by the wrong time only are good again. So may
// be some that were used up, since their counts are gone.
func (c *Catalog) ResetLatest(ctx context.Context) (time.Time, error) {
	before, err := c.latest(ctx)
	if err != nil {
		return before, err
	}
	_, err = c.exec(ctx, false, `UPDATE {schema}link_clock SET latest = $1 WHERE latest > $1`, micros(c.now()))
	return before, err
}

// latest is zero if the store knows none.
func (c *Catalog) latest(ctx context.Context) (latest time.Time, err error) {
	err = c.do(ctx, func(ctx context.Context) error {
		return c.db.Read(ctx, func(s Scanner) error {
			var n int64
			err := s.Scan(&n)
			latest = fromMicros(n)
			return err
		}, c.dialect.SQL(`SELECT latest FROM {schema}link_clock`))
	})
	return latest, err
}

package table

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/bailiwick-fs/bailiwick/server/catalog"
)

var _ catalog.Shares = (*Catalog)(nil)

// shareColumns lists the columns that scanShare reads.
const shareColumns = `id, token, issuer, way, host, path, dir, upload, password, uses, used, max_bytes, note, created, expires, received`

func scanShare(s Scanner) (catalog.Share, error) {
	var (
		r                catalog.Share
		id               string
		token            []byte
		dir, upload      int64
		created, expires int64
	)
	err := s.Scan(&id, &token, &r.Issuer, &r.Way, &r.Host, &r.Path, &dir, &upload, &r.Password, &r.Limit, &r.Used, &r.MaxBytes, &r.Note, &created, &expires, &r.Received)
	if err != nil {
		return catalog.Share{}, err
	}
	if r.ID, err = uuid.Parse(id); err != nil {
		return catalog.Share{}, fmt.Errorf("a share has the invalid ID %q: %w", id, err)
	}
	copy(r.Token[:], token)
	r.Dir, r.Upload = dir != 0, upload != 0
	r.Created, r.Expires = fromMicros(created), fromMicros(expires)
	return r, nil
}

// AddShare adds a share.
func (c *Catalog) AddShare(ctx context.Context, s catalog.Share, most int) error {
	if err := checkShare(s); err != nil {
		return err
	}
	if err := c.clearShares(ctx); err != nil {
		return err
	}
	// Otherwise, two calls could count the same shares, and both add one.
	n, err := c.execAlone(ctx, "shares of "+s.Issuer,
		`INSERT INTO {schema}shares (`+shareColumns+`)
		SELECT CAST($1 AS TEXT), CAST($2 AS {bytes}), CAST($3 AS TEXT), CAST($4 AS TEXT), CAST($5 AS TEXT), CAST($6 AS TEXT), CAST($7 AS {int64}), CAST($8 AS {int64}),
			CAST($9 AS TEXT), CAST($10 AS {int64}), 0, CAST($11 AS {int64}), CAST($12 AS TEXT), CAST($13 AS {int64}), CAST($14 AS {int64}), 0
		WHERE (SELECT count(*) FROM {schema}shares WHERE issuer = $3 AND expires > $13) < $15`,
		s.ID.String(), s.Token[:], s.Issuer, s.Way, s.Host, s.Path, number(s.Dir), number(s.Upload),
		s.Password, s.Limit, s.MaxBytes, s.Note, micros(s.Created), micros(s.Expires), int64(most))
	if err == nil && n == 0 {
		err = catalog.ErrTooMany
	}
	return err
}

// checkShare validates a share for AddShare.
func checkShare(s catalog.Share) error {
	switch {
	case s.Token == [32]byte{}:
		return errors.New("catalog: a share without a token")
	case s.Issuer == "":
		return errors.New("catalog: a share without an issuer")
	case s.Path == "":
		return errors.New("catalog: a share without a path")
	case s.Limit < 0 || s.MaxBytes < 0:
		return errors.New("catalog: a limit of a share is negative")
	case !s.Expires.After(s.Created):
		return errors.New("catalog: a share that has expired")
	}
	return errors.Join(
		checkID(s.ID),
		checkTime(s.Created),
		checkTime(s.Expires),
		checkText("issuer", s.Issuer, maxOther),
		checkText("way", s.Way, maxOther),
		checkText("host", s.Host, maxOther),
		checkText("path", s.Path, catalog.MaxSharePath),
		checkText("password's hash", s.Password, maxOther),
		checkText("note", s.Note, catalog.MaxShareNote),
	)
}

// ShareByToken returns the share with the hash of a token.
func (c *Catalog) ShareByToken(ctx context.Context, token [32]byte) (catalog.Share, error) {
	found, err := c.readShares(ctx, `SELECT `+shareColumns+` FROM {schema}shares WHERE token = $1`, token[:])
	if err == nil && len(found) == 0 {
		err = catalog.ErrNotFound
	}
	if err != nil {
		return catalog.Share{}, err
	}
	return found[0], nil
}

// UseShare counts one use of a share.
func (c *Catalog) UseShare(ctx context.Context, id uuid.UUID, now time.Time) (bool, error) {
	// A single statement, so that reading and counting are atomic.
	n, err := c.exec(ctx, false,
		`UPDATE {schema}shares SET used = used + 1 WHERE id = $1 AND expires > $2 AND (uses = 0 OR used < uses)`, id.String(), micros(now))
	return n == 1 && err == nil, err
}

// ReceiveFile counts one use of a share, and the bytes of a file.
func (c *Catalog) ReceiveFile(ctx context.Context, id uuid.UUID, size, most int64, now time.Time) (bool, error) {
	if size < 0 {
		return false, errors.New("catalog: the size of a file is negative")
	}
	n, err := c.exec(ctx, false,
		`UPDATE {schema}shares SET used = used + 1, received = received + CAST($2 AS {int64})
		WHERE id = $1 AND expires > $3 AND (uses = 0 OR used < uses) AND received <= CAST($4 AS {int64}) - CAST($2 AS {int64})`,
		id.String(), size, micros(now), most)
	return n == 1 && err == nil, err
}

// ReturnFile undoes a ReceiveFile.
func (c *Catalog) ReturnFile(ctx context.Context, id uuid.UUID, size int64) error {
	_, err := c.exec(ctx, false,
		`UPDATE {schema}shares SET used = used - 1, received = received - CAST($2 AS {int64}) WHERE id = $1 AND used > 0 AND received >= CAST($2 AS {int64})`,
		id.String(), size)
	return err
}

// SharesOf returns a page of shares.
func (c *Catalog) SharesOf(ctx context.Context, issuer string, after uuid.UUID, limit int) ([]catalog.Share, error) {
	query, args := `SELECT `+shareColumns+` FROM {schema}shares WHERE `, []any{int64(max(limit, 0))}
	and := func(condition string, arg string) {
		args = append(args, arg)
		query += fmt.Sprintf(condition, len(args)) + " AND "
	}
	if issuer != "" {
		and("issuer = $%d", issuer)
	}
	if after != (uuid.UUID{}) {
		and("(created, id) < (SELECT created, id FROM {schema}shares WHERE id = $%d)", after.String())
	}
	return c.readShares(ctx, query+`1 = 1 ORDER BY created DESC, id DESC LIMIT $1`, args...)
}

// RevokeShare removes a share.
func (c *Catalog) RevokeShare(ctx context.Context, issuer string, id uuid.UUID) error {
	n, err := c.exec(ctx, false, `DELETE FROM {schema}shares WHERE id = $1 AND ($2 = '' OR issuer = $2)`, id.String(), issuer)
	if err == nil && n == 0 {
		err = catalog.ErrNotFound
	}
	return err
}

// clearShares removes, from time to time, shares that expired long ago.
func (c *Catalog) clearShares(ctx context.Context) error {
	now := c.now()
	due := c.clearSharesDue.Load()
	if micros(now) < due || !c.clearSharesDue.CompareAndSwap(due, micros(now.Add(clearPause))) {
		return nil
	}
	_, err := c.exec(ctx, false, `DELETE FROM {schema}shares WHERE expires < $1`, micros(now.Add(-clearSharesDelay)))
	return err
}

// clearSharesDelay is how long issuers still see what has expired.
const clearSharesDelay = 30 * 24 * time.Hour

func (c *Catalog) readShares(ctx context.Context, query string, args ...any) (all []catalog.Share, err error) {
	err = c.do(ctx, func(ctx context.Context) error {
		all = nil
		return c.db.Read(ctx, func(s Scanner) error {
			share, err := scanShare(s)
			all = append(all, share)
			return err
		}, c.sql(query), args...)
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// number returns 1 for true: SQLite has no truth values.
func number(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

package postgres

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"
)

const example = "postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full"

// parse reads a URL. What reads it in the driver, and prints it when it cannot,
// does not get the password to see.
func parse(s string) (*pgxpool.Config, error) {
	// An error of url.Parse prints the URL.
	u, err := url.Parse(s)
	if err != nil {
		return nil, fmt.Errorf("catalog: the URL is malformed: it has to look like %s, with all of : / ? # [ ] @ %% in a user or password written as %%3A %%2F %%3F %%23 %%5B %%5D %%40 %%25", example)
	}
	if u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return nil, fmt.Errorf("catalog: no URL of PostgreSQL: it has to look like %s", example)
	}
	// In such a URL a part of the password is taken for the host, the database or
	// an option, and would be printed as one.
	if u.Opaque != "" || u.Fragment != "" || strings.ContainsRune(u.EscapedPath(), '@') || strings.ContainsRune(u.RawQuery, '@') || strings.HasSuffix(s, "#") {
		return nil, errors.New("catalog: the URL has a # or @ where none can be: in a user, password or database write / as %2F, ? as %3F, # as %23, @ as %40")
	}
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, errors.New("catalog: what follows the ? in the URL is malformed: write % as %25 and ; as %3B")
	}
	password, given := u.User.Password()
	if q.Has("password") {
		password, given = q.Get("password"), true
		q.Del("password")
	}
	if q.Has("sslpassword") {
		return nil, errors.New("catalog: a URL cannot have sslpassword in it: keep the key file without a password, with mode 0600")
	}
	if u.User != nil {
		u.User = url.User(u.User.Username())
	}
	u.RawQuery = q.Encode()
	cfg, err := pgxpool.ParseConfig(u.String())
	if err != nil {
		return nil, fmt.Errorf("catalog: %w", err)
	}
	if given {
		cfg.ConnConfig.Password = password
	}
	if cfg.ConnConfig.ConnectTimeout == 0 {
		cfg.ConnConfig.ConnectTimeout = connectTimeout
	}
	if cfg.ConnConfig.RuntimeParams["application_name"] == "" {
		cfg.ConnConfig.RuntimeParams["application_name"] = "bailiwick"
	}
	cfg.ConnConfig.BuildContextWatcherHandler = watchContext
	return cfg, nil
}

// literal is s as a string of SQL.
func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

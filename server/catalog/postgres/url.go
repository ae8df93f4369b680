package postgres

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

const example = "postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full"

// parse parses a URL. The driver's own parser, which prints the URL in some errors,
// never gets the password.
func parse(s string) (*pgxpool.Config, error) {
	u, q, err := split(s)
	if err != nil {
		return nil, err
	}
	password, given := u.User.Password()
	if q.Has("password") {
		password, given = q.Get("password"), true
		q.Del("password")
	}
	if q.Has("sslpassword") {
		return nil, errors.New("catalog: sslpassword is not supported in a URL: keep the key file without a password, with mode 0600")
	}
	if u.User != nil {
		u.User = url.User(u.User.Username())
	}
	// The driver, like libpq, does not take a plus sign for a space.
	u.RawQuery = strings.ReplaceAll(q.Encode(), "+", "%20")
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

// Database returns a text that is the same for all URLs by which [Open] would reach one database,
// as far as the URLs, the service and the variables of the environment tell: they may differ in
// the user, the password and the parameters of the connection. Two names of one server are two
// databases. For a URL that Open refuses, it is the URL, password included: compare the text, and
// do not print it. Database reads the files that [Files] returns.
func Database(url string) string {
	cfg, err := parse(url)
	if err != nil {
		return url
	}
	var servers []string
	for _, c := range slices.Concat([]*pgconn.FallbackConfig{{Host: cfg.ConnConfig.Host, Port: cfg.ConnConfig.Port}}, cfg.ConnConfig.Fallbacks) {
		server := fmt.Sprintf("%s %d", c.Host, c.Port)
		if !filepath.IsAbs(c.Host) { // not the directory of a socket
			server = strings.ToLower(server)
		}
		servers = append(servers, server)
	}
	// The driver tries each server with and without TLS.
	servers = slices.Compact(servers)
	// For PostgreSQL, the default is the user's name.
	return fmt.Sprintf("postgres: %q %q", servers, cmp.Or(cfg.ConnConfig.Database, cfg.ConnConfig.User))
}

// split parses a URL and its query. Errors contain no part of the URL.
func split(s string) (*url.URL, url.Values, error) {
	// An error of url.Parse contains the URL.
	u, err := url.Parse(s)
	if err != nil {
		return nil, nil, fmt.Errorf("catalog: the URL is malformed: it must look like %s, with : / ? # [ ] @ %% in a user or password written as %%3A %%2F %%3F %%23 %%5B %%5D %%40 %%25", example)
	}
	if u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return nil, nil, fmt.Errorf("catalog: not a PostgreSQL URL: it must look like %s", example)
	}
	// In such a URL, a part of the password would be parsed as the host, the database or
	// an option, and could be printed.
	if u.Opaque != "" || u.Fragment != "" || strings.ContainsRune(u.EscapedPath(), '@') || strings.ContainsRune(u.RawQuery, '@') || strings.HasSuffix(s, "#") {
		return nil, nil, errors.New("catalog: the URL has a misplaced # or @: in a user, password or database, write / as %2F, ? as %3F, # as %23, @ as %40")
	}
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, nil, errors.New("catalog: the query of the URL is malformed: write % as %25 and ; as %3B")
	}
	return u, q, nil
}

// literal returns s as an SQL string.
func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

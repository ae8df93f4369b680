package config

import (
	"errors"
	"net/url"
	"strconv"
	"strings"
)

// A Catalog is the address of a database, which may hold a password. Printing one
// masks it.
type Catalog struct{ dsn string }

// mask replaces secrets in output.
const mask = "********"

func parseCatalog(s string) (any, error) {
	// Errors never quote the value: it may hold a password.
	if path, ok := strings.CutPrefix(s, "sqlite:"); ok {
		if path == "" {
			return nil, errors.New("write sqlite: and the path of the database")
		}
		if path == ":memory:" {
			return nil, errors.New("a catalog must outlive the server; write sqlite:PATH")
		}
		// Other programs accept sqlite:// before a path. Here the path would start at the
		// root.
		if strings.HasPrefix(path, "//") {
			return nil, errors.New("write sqlite:PATH, without // before the path")
		}
		return Catalog{s}, nil
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" || u.Opaque != "" || !strings.Contains(s, "://") {
		return nil, errors.New("write sqlite:PATH or postgres://USER@HOST/DATABASE, with special characters of the password percent-encoded (% is %25, @ is %40)")
	}
	if masked(u) {
		return nil, errors.New("the password is masked, as in the output of config show; write the real one, or use catalog_file")
	}
	return Catalog{s}, nil
}

func masked(u *url.URL) bool {
	password, _ := u.User.Password()
	if password == mask {
		return true
	}
	for _, values := range u.Query() {
		for _, v := range values {
			if v == mask {
				return true
			}
		}
	}
	return false
}

// DSN returns the full address, including secrets.
func (c Catalog) DSN() string { return c.dsn }

// IsZero reports whether the address is unset.
func (c Catalog) IsZero() bool { return c.dsn == "" }

// harmless lists the parameters of a PostgreSQL address that may be printed.
var harmless = map[string]bool{
	"sslmode": true, "application_name": true, "connect_timeout": true, "search_path": true,
	"target_session_attrs": true, "pool_max_conns": true, "pool_min_conns": true, "host": true, "port": true, "dbname": true, "user": true,
}

// String returns the address with secrets masked.
func (c Catalog) String() string {
	if c.dsn == "" || strings.HasPrefix(c.dsn, "sqlite:") {
		return c.dsn
	}
	u, err := url.Parse(c.dsn)
	if err != nil {
		return mask
	}
	user := ""
	if u.User != nil {
		user = url.User(u.User.Username()).String()
		if _, ok := u.User.Password(); ok {
			user += ":" + mask
		}
		user += "@"
	}
	query := u.Query()
	for key := range query {
		if !harmless[key] {
			query[key] = []string{mask}
		}
	}
	s := u.Scheme + "://" + user + u.Host + u.EscapedPath()
	if len(query) > 0 {
		s += "?" + strings.ReplaceAll(query.Encode(), url.QueryEscape(mask), mask)
	}
	return s
}

// GoString masks the secrets in %#v too.
func (c Catalog) GoString() string { return strconv.Quote(c.String()) }

// catalog validates the address of a catalog, which is set below key or in a file.
func (v *validator) catalog(key string, written Catalog, file Path, missing string) {
	switch {
	case v.d.bad[key], v.d.bad[key+".catalog"], v.d.bad[key+".catalog_file"]:
	case written.IsZero() && file == "":
		v.fail(key, "%s", missing)
	case !written.IsZero() && file != "":
		v.fail(key, "catalog and catalog_file exclude each other; leave one of them out")
	}
}

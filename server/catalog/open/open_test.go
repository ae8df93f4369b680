package open_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/server/catalog/catalogtest"
	"github.com/bailiwick-fs/bailiwick/server/catalog/open"
	"github.com/bailiwick-fs/bailiwick/testdata/pgserver"
)

func use(t *testing.T, name string) {
	t.Helper()
	for range 2 { // the second time it already exists
		c, err := open.Open(t.Context(), name, "/srv/uploads")
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(c.Begin(t.Context(), catalogtest.NewRecord("a name")), c.Close()); err != nil {
			t.Error(err)
		}
	}
}

func TestSQLite(t *testing.T) {
	use(t, "sqlite:"+filepath.Join(t.TempDir(), "a %41 #b.db"))
	t.Chdir(t.TempDir())
	use(t, "sqlite:catalog.db")
	use(t, "sqlite:./sqlite:x.db")
}

func TestPostgres(t *testing.T) {
	url := pgserver.Start(t).URL("postgres")
	use(t, url)
	use(t, strings.Replace(url, "postgres://", "postgresql://", 1))
}

func TestErrors(t *testing.T) {
	const password = "s3cr3t"
	for name, want := range map[string]string{
		"":                        "sqlite:PATH",
		"catalog.db":              "sqlite:PATH",
		"SQLite:x":                "sqlite:PATH",
		"sqlite:":                 "name a file",
		"sqlite:no/such/dir/file": "create it first",
		"mysql://bob:" + password + "@localhost/db":                 "postgres://",
		"host=localhost user=bob password=" + password:              "postgres://",
		"postgres:bob:" + password:                                  "postgres://",
		"POSTGRES://bob:" + password + "@localhost/db":              "postgres://",
		"postgres://bob:" + password + "@127.0.0.1:1/db":            "check that it runs",
		"postgres://bob:" + password + "@localhost/db?sslmode=what": "sslmode",
	} {
		c, err := open.Open(t.Context(), name, "/srv/uploads")
		if err == nil {
			c.Close()
			t.Errorf("%q opens", name)
			continue
		}
		if c != nil {
			t.Errorf("%q: returns both an error and a catalog", name)
		}
		if text := err.Error(); !strings.Contains(text, want) || strings.Contains(text, password) || strings.Contains(text, "\n") || !strings.HasPrefix(text, "catalog") {
			t.Errorf("%q: %v; want one line with %q and no password", name, err, want)
		}
		if passes := errors.Is(err, catalog.ErrUnavailable); passes != strings.Contains(name, ":1/") {
			t.Errorf("%q: may pass: %v", name, passes)
		}
	}
}

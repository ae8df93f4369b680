package postgres_test

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/server/catalog/postgres"
	"github.com/bailiwick-fs/bailiwick/testdata/pgserver"
)

// TestPasswords opens URLs with various errors and with passwords that contain unescaped
// special characters: no error contains any part of a password.
func TestPasswords(t *testing.T) {
	t.Setenv("PGCONNECT_TIMEOUT", "2")
	for _, password := range []string{"hunter2SECRET", "hunter2/SECRET", "hunter2?SECRET", "hunter2#SECRET", "hunter2@SECRET", "hunter2%SECRET", "hunter2%zzSECRET", "hunter2:SECRET", "hunter2 SECRET", "hunter2[SECRET", "hunter2\\SECRET", "hunter2\nSECRET", "1234/hunter2SECRET", "1234?hunter2SECRET", "1234#hunter2SECRET"} {
		for _, form := range []string{
			"postgres://bob:%s@127.0.0.1:1/db",
			"postgres://bob:%s@127.0.0.1:1/db?sslmode=invalid",
			"postgres://bob:%s@127.0.0.1:1/db?unknown=1",
			"postgres://bob:%s@127.0.0.1:port/db",
			"postgres://bob:%s@127.0.0.1:99999/db",
			"postgres://bob:%s@127.0.0.1:1/db?sslrootcert=/no/such/file&sslmode=verify-full",
			"postgres://:%s@127.0.0.1:1/db?connect_timeout=x",
			"postgres://127.0.0.1:1/db?user=bob&password=%s&sslmode=invalid",
			"postgres://127.0.0.1:1/db?user=bob&password=%s",
			"postgres://127.0.0.1:1/db?sslpassword=%s",
			"postgres://bob:%s@127.0.0.1:1",
			"mysql://bob:%s@127.0.0.1:1/db",
			"bob:%s",
		} {
			for _, p := range []string{password, url.QueryEscape(password)} {
				s, err := postgres.Open(t.Context(), fmt.Sprintf(form, p), source, postgres.Options{})
				if err == nil {
					s.Close()
					t.Fatalf(form+": opens", p)
				}
				for e := error(err); e != nil; e = errors.Unwrap(e) {
					if text := fmt.Sprintf("%v %+v", e, e); strings.Contains(text, "SECRET") || strings.Contains(text, "hunter2") {
						t.Errorf("%q with %q: %v", form, p, e)
					}
				}
				if strings.Contains(err.Error(), "\n") {
					t.Errorf("%q with %q: more than one line: %v", form, p, err)
				}
			}
		}
	}
}

// TestDatabase compares URLs, services and variables that name one database, and others.
func TestDatabase(t *testing.T) {
	for _, variable := range []string{"PGHOST", "PGPORT", "PGUSER", "PGDATABASE", "PGSERVICE", "PGSERVICEFILE", "PGSSLMODE"} {
		t.Setenv(variable, "") // remembered, to be restored
		os.Unsetenv(variable)
	}
	services := filepath.Join(t.TempDir(), "services")
	if err := os.WriteFile(services, []byte("[first]\nhost=h\nport=5433\ndbname=db\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const base = "postgres://bob:secret@h:5433/db?sslmode=disable"
	want := postgres.Database(base)
	if strings.Contains(want, "secret") {
		t.Errorf("%s: has the password", want)
	}
	for _, c := range []struct {
		url       string
		variables map[string]string
		same      bool
	}{
		{base, nil, true},
		{"postgresql://alice@H:5433/db?sslmode=prefer&application_name=x", nil, true},
		{"postgres://bob@other/other?sslmode=disable&host=h&port=5433&dbname=db", nil, true},
		{"postgres://h:5433/?user=db&sslmode=disable", nil, true},
		{"postgres:///?sslmode=disable", map[string]string{"PGHOST": "h", "PGPORT": "5433", "PGDATABASE": "db"}, true},
		{"postgres:///?sslmode=disable&service=first&servicefile=" + services, nil, true},
		{"postgres:///?sslmode=disable", map[string]string{"PGSERVICE": "first", "PGSERVICEFILE": services}, true},
		{base, map[string]string{"PGHOST": "other", "PGPORT": "1", "PGDATABASE": "other"}, true},
		{"postgres://bob:secret@h:5433/DB?sslmode=disable", nil, false},
		{"postgres://bob:secret@h/db?sslmode=disable", nil, false},
		{"postgres://bob:secret@other:5433/db?sslmode=disable", nil, false},
		{"postgres://bob:secret@h:5433,other:5433/db?sslmode=disable", nil, false},
		{"postgres://h:5433/?user=bob&sslmode=disable", nil, false},
		{"postgres:///other?sslmode=disable&service=first&servicefile=" + services, nil, false},
		{base + "&sslrootcert=%zz", nil, false},
	} {
		t.Run("", func(t *testing.T) {
			for variable, value := range c.variables {
				t.Setenv(variable, value)
			}
			if got := postgres.Database(c.url); (got == want) != c.same {
				t.Errorf("%s with %v: %s; of %s: %s; the same: want %v", c.url, c.variables, got, base, want, c.same)
			}
		})
	}
}

// TestSpaces opens a URL whose query names a file with spaces and a plus sign.
func TestSpaces(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a b+c.pem")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	u := "postgres://127.0.0.1:1/db?sslmode=verify-full&sslrootcert=" + url.PathEscape(file)
	u = strings.ReplaceAll(u, "+", "%2B")
	// The file is found, but has no certificate.
	if _, err := postgres.Open(t.Context(), u, source, postgres.Options{}); err == nil || !strings.Contains(err.Error(), "unable to add CA") {
		t.Errorf("%s: %v", u, err)
	}
	if got := postgres.Files(u); !slices.Contains(got, file) {
		t.Errorf("%s: %q", u, got)
	}
}

// testRefused opens URLs that a real server rejects, and checks the advice in the
// errors.
func testRefused(t *testing.T, server *pgserver.Server) {
	server.Exec(t, "postgres", "CREATE ROLE guest LOGIN PASSWORD 'hunter2'")
	server.Exec(t, "postgres", "CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0")
	guest := func(database string) string {
		return strings.Replace(server.URL(database), "bailiwick:"+server.Password, "guest:hunter2", 1)
	}
	for _, tt := range []struct{ url, want string }{
		{strings.Replace(server.URL("postgres"), server.Password, "hunter2", 1), "check the user and the password"},
		{strings.Replace(server.URL("postgres"), "bailiwick:", "nobody:", 1), "check the user and the password"},
		{server.URL("nowhere"), "createdb"},
		{server.URL("latin"), "UTF8"},
		{guest("postgres"), "GRANT CREATE"},
		{strings.Replace(server.URL("postgres"), "sslmode=disable", "sslmode=require", 1), "TLS"},
	} {
		_, err := postgres.Open(t.Context(), tt.url, source, postgres.Options{})
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), server.Password) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v; want one line with %q and no password", err, tt.want)
		}
	}

	// If an administrator created the tables, access to rows is sufficient.
	open(t, server.URL("postgres"), postgres.Options{})
	if _, err := postgres.Open(t.Context(), guest("postgres"), source, postgres.Options{}); err == nil || errors.Is(err, catalog.ErrUnavailable) {
		t.Errorf("without access to the tables: %v", err)
	}
	server.Exec(t, "postgres", "GRANT USAGE ON SCHEMA bailiwick TO guest; GRANT SELECT ON bailiwick.migrations TO guest; GRANT SELECT, INSERT, UPDATE, DELETE ON bailiwick.objects TO guest")
	use(t, guest("postgres"))

	// A password that needs escaping, in both of its places.
	const odd = "p@ss/wörd?#%:&+ ="
	server.Exec(t, "postgres", "ALTER ROLE guest PASSWORD '"+odd+"'")
	use(t, strings.Replace(server.URL("postgres"), "bailiwick:"+server.Password, url.UserPassword("guest", odd).String(), 1))
	use(t, strings.Replace(server.URL("postgres"), "bailiwick:"+server.Password+"@", "", 1)+"&user=guest&password="+url.QueryEscape(odd))
	t.Setenv("PGPASSWORD", odd)
	use(t, strings.Replace(server.URL("postgres"), "bailiwick:"+server.Password, "guest", 1))
}

package postgres_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/bailiwick-fs/bailiwick/server/catalog/postgres"
)

// TestFiles checks whose name for a file counts: that of the URL, else that of the service, else
// that of a variable.
func TestFiles(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	services := "[first]\nsslkey=" + in("service.key") + "\npassfile=" + in("service.pass") + "\nservicefile=" + in("ignored") + "\n[second]\nhost=h\n"
	if err := os.Mkdir(in("postgresql"), 0o700); err != nil {
		t.Fatal(err)
	}
	// The default is the second, on Windows the third.
	for _, name := range []string{"services", ".pg_service.conf", "postgresql/.pg_service.conf"} {
		if err := os.WriteFile(in(name), []byte(services), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, variable := range []string{"HOME", "PGSERVICE", "PGSERVICEFILE", "PGSSLKEY", "PGSSLCERT", "PGSSLROOTCERT", "PGPASSFILE"} {
		t.Setenv(variable, "")
	}
	t.Setenv("HOME", dir)
	t.Setenv("APPDATA", dir)
	t.Chdir(dir)
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		url       string
		variables map[string]string
		want      []string
	}{
		{"postgres://h/db", nil, nil},
		{"postgres:", map[string]string{"PGSSLKEY": in("k"), "PGSSLCERT": in("c"), "PGSSLROOTCERT": in("r"), "PGPASSFILE": in("p"), "PGSERVICEFILE": in("s")},
			[]string{in("c"), in("k"), in("p"), in("r"), in("s")}},
		{"postgres://h/db?sslkey=" + in("k") + "&sslcert=" + in("c") + "&sslrootcert=" + in("r") + "&passfile=" + in("p") + "&servicefile=" + in("s"), map[string]string{"PGSSLKEY": in("other")},
			[]string{in("c"), in("k"), in("p"), in("r"), in("s")}},
		{"postgresql://h/db?sslkey=" + in("a%23") + "&sslkey=" + in("b%23"), nil, []string{in("b#")}},
		{"postgres://h/db?sslkey=k", nil, []string{filepath.Join(wd, "k")}},
		{"postgres://h/db?sslkey=", map[string]string{"PGSSLKEY": in("k")}, nil},
		{"postgres://h/db?sslrootcert=system", nil, nil},
		{"postgres://h/db?sslkey=%zz", map[string]string{"PGPASSFILE": in("p")}, []string{in("p")}},
		{"postgres://h/db?service=first&servicefile=" + in("services"), map[string]string{"PGSSLKEY": in("k"), "PGSSLCERT": in("c")},
			[]string{in("c"), in("service.key"), in("service.pass"), in("services")}},
		{"postgres://h/db?passfile=" + in("p"), map[string]string{"PGSERVICE": "first", "PGSERVICEFILE": in("services")},
			[]string{in("p"), in("service.key"), in("services")}},
		{"postgres://h/db", map[string]string{"PGSERVICE": "first"}, []string{in("service.key"), in("service.pass")}},
		{"postgres://h/db?service=third&servicefile=" + in("services"), nil, []string{in("services")}},
		{"postgres://h/db?service=first&servicefile=" + in("missing"), nil, []string{in("missing")}},
	} {
		t.Run("", func(t *testing.T) {
			for variable, value := range c.variables {
				t.Setenv(variable, value)
			}
			got := postgres.Files(c.url)
			slices.Sort(got)
			if !slices.Equal(got, c.want) {
				t.Errorf("%s with %v: %q, want %q", c.url, c.variables, got, c.want)
			}
		})
	}
}

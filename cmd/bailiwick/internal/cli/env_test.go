package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
)

// givenOf returns the values with which serve would override a configuration file.
func givenOf(t *testing.T, environ, args []string) ([]config.Given, error) {
	t.Helper()
	e := NewEnv(environ)
	cmd := &cobra.Command{Use: "serve"}
	cmd.Flags().String("catalog", "", "")
	cmd.Flags().StringArray("listen", nil, "")
	cmd.Flags().String("drain", "15s", "")
	cmd.Flags().Bool("json", false, "")
	if err := cmd.ParseFlags(args); err != nil {
		t.Fatal(err)
	}
	err := e.Apply(cmd)
	return e.Given(cmd), err
}

func TestGiven(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "catalog")
	if err := os.WriteFile(secret, []byte("postgres://u:hunter2@h/d\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := givenOf(t,
		[]string{"BAILIWICK_LISTEN=:1\n:2", "BAILIWICK_DRAIN=1s", "BAILIWICK_JSON=true", "BAILIWICK_CATALOG_FILE=" + secret},
		[]string{"--drain", "2s"})
	want := []config.Given{
		{Key: "mounts[].uploads.catalog_file", Values: []string{secret}, Origin: "BAILIWICK_CATALOG_FILE"},
		{Key: "drain", Values: []string{"2s"}, Origin: "--drain"},
		{Key: "listen", Values: []string{":1", ":2"}, Origin: "BAILIWICK_LISTEN"},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// A list without a value does not replace that of the configuration file, and a secret's file is
// read only if its value is used.
func TestUnsetVariables(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	for _, c := range []struct {
		environ, args []string
		want          []config.Given
	}{
		{[]string{"BAILIWICK_LISTEN=\n\r\n"}, nil, nil},
		{[]string{"BAILIWICK_LISTEN="}, nil, nil},
		{[]string{"BAILIWICK_CATALOG_FILE=" + missing}, []string{"--catalog", "sqlite:c"},
			[]config.Given{{Key: "mounts[].uploads.catalog", Values: []string{"sqlite:c"}, Origin: "--catalog"}}},
		{[]string{"BAILIWICK_CATALOG_FILE=" + missing, "BAILIWICK_CATALOG=x"}, []string{"--catalog", "sqlite:c"},
			[]config.Given{{Key: "mounts[].uploads.catalog", Values: []string{"sqlite:c"}, Origin: "--catalog"}}},
	} {
		got, err := givenOf(t, c.environ, c.args)
		if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
			t.Errorf("%q %q: %v (-want +got):\n%s", c.environ, c.args, err, diff)
		}
	}
}

func TestSecretVariables(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "catalog")
	if err := os.WriteFile(secret, []byte("hunter2\nhunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		environ []string
		want    string
	}{
		{[]string{"BAILIWICK_CATALOG_FILE=" + secret}, ":2: the file has a second line"},
		{[]string{"BAILIWICK_CATALOG_FILE=" + secret + "x"}, "the variable BAILIWICK_CATALOG_FILE: "},
		{[]string{"BAILIWICK_CATALOG_FILE=" + secret, "BAILIWICK_CATALOG=x"}, "BAILIWICK_CATALOG and BAILIWICK_CATALOG_FILE are both set"},
		// Only secrets can be read from files.
		{[]string{"BAILIWICK_DRAIN_FILE=" + secret}, ""},
	} {
		given, err := givenOf(t, c.environ, nil)
		if c.want == "" && (err != nil || len(given) > 0) || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%q: %v, %v; want %q", c.environ, given, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("an error shows a secret: %v", err)
		}
	}
}

package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/docs"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
)

// Every flag of serve has its key, so that a file can say what a command line can, and
// every key that a flag is for has that flag, which shows the key's default.
func TestFlagsHaveKeys(t *testing.T) {
	a := &app{origins: map[string]string{}}
	flags := a.serveCommand().Flags()
	flags.VisitAll(func(flag *pflag.Flag) {
		if _, ok := config.Flags[flag.Name]; !ok && flag.Name != "config" {
			t.Errorf("--%s has no key in config.Flags", flag.Name)
		}
	})
	for name, key := range config.Flags {
		flag := flags.Lookup(name)
		if flag == nil {
			t.Errorf("%s has the flag --%s, and serve has none", key, name)
			continue
		}
		row := regexp.MustCompile("(?m)^\\| `[a-z_]+` \\| (.*?) \\| `?([^|`]*)`? \\| .* Flag: `--" + name + "`\\.").FindStringSubmatch(docs.Reference)
		if row == nil {
			t.Errorf("the reference does not have --%s", name)
			continue
		}
		_, isList := flag.Value.(pflag.SliceValue)
		if list := strings.HasPrefix(row[1], "list") || strings.HasSuffix(row[1], "or a list") || name == "group"; isList != list {
			t.Errorf("--%s repeats: %t, and its key takes %s", name, isList, row[1])
		}
		shown, want := strings.Trim(flag.DefValue, "[]"), row[2]
		if d, err := time.ParseDuration(shown); err == nil {
			if w, err := time.ParseDuration(want); err == nil && w == d {
				continue
			}
		}
		if shown != want && want != "required" && name != "acme-directory" && !(name == "uploads" && shown == "false") {
			t.Errorf("--%s shows the default %q, and its key has %q", name, shown, want)
		}
	}
}

// serveGiven returns what serve would lay over a file.
func serveGiven(t *testing.T, environ, args []string) ([]config.Given, error) {
	t.Helper()
	a := &app{environ: environ, origins: map[string]string{}}
	cmd := &cobra.Command{Use: "serve"}
	cmd.Flags().String("catalog", "", "")
	cmd.Flags().StringArray("listen", nil, "")
	cmd.Flags().String("drain", "15s", "")
	cmd.Flags().Bool("json", false, "")
	if err := cmd.ParseFlags(args); err != nil {
		t.Fatal(err)
	}
	err := a.applyEnv(cmd)
	return a.given(cmd), err
}

func TestGiven(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "catalog")
	if err := os.WriteFile(secret, []byte("postgres://u:hunter2@h/d\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := serveGiven(t,
		[]string{"BAILIWICK_LISTEN=:1\n:2", "BAILIWICK_DRAIN=1s", "BAILIWICK_JSON=true", "BAILIWICK_CATALOG_FILE=" + secret},
		[]string{"--drain", "2s"})
	want := []config.Given{
		{Key: "mounts[].uploads.catalog", Values: []string{"postgres://u:hunter2@h/d"}, Origin: "BAILIWICK_CATALOG_FILE"},
		{Key: "drain", Values: []string{"2s"}, Origin: "--drain"},
		{Key: "listen", Values: []string{":1", ":2"}, Origin: "BAILIWICK_LISTEN"},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
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
		// Only secrets stand in files.
		{[]string{"BAILIWICK_DRAIN_FILE=" + secret}, ""},
	} {
		given, err := serveGiven(t, c.environ, nil)
		if c.want == "" && (err != nil || len(given) > 0) || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%q: %v, %v; want %q", c.environ, given, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("a secret gets out: %v", err)
		}
	}
}

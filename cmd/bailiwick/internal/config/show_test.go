package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
)

// The YAML output means the same in any directory, and is stable.
func TestShow(t *testing.T) {
	needSyslog(t)
	for _, file := range files(t, "good/*.yaml") {
		c, err := config.Load(file)
		if err != nil {
			t.Fatal(err)
		}
		shown, err := c.YAML()
		if err != nil {
			t.Fatal(err)
		}
		elsewhere := filepath.Join(t.TempDir(), "shown.yaml")
		if err := os.WriteFile(elsewhere, shown, 0o600); err != nil {
			t.Fatal(err)
		}
		c2, err := config.Load(elsewhere)
		if err != nil {
			t.Fatalf("%s: %v\n%s", file, err, shown)
		}
		again, err := c2.YAML()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(shown), string(again)); diff != "" {
			t.Errorf("%s (-once +twice):\n%s", file, diff)
		}
		if text := againstSchema(t, shown); text != "" {
			t.Errorf("%s: schema error: %s\n%s", file, text, shown)
		}
	}
}

// An item of a list is shown, even if it is the zero value of its type.
func TestShowZeroItems(t *testing.T) {
	want := []string{"unix", "10.0.0.0/8"}
	c, err := config.New(
		config.Given{Key: config.SourceKey, Values: []string{"mem:"}},
		config.Given{Key: "mounts[].allow", Values: []string{"**"}},
		config.Given{Key: "trusted_proxies", Values: want},
	)
	if err != nil {
		t.Fatal(err)
	}
	shown, err := c.YAML()
	if err != nil {
		t.Fatal(err)
	}
	again, err := config.Parse("f", shown)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range again.TrustedProxies {
		got = append(got, p.String())
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q became %q:\n%s", want, got, shown)
	}
}

func TestShowDefaults(t *testing.T) {
	c, err := config.New(
		config.Given{Key: config.SourceKey, Values: []string{"mem:"}},
		config.Given{Key: "mounts[].allow", Values: []string{"on", "1e3", "null", "~", " a ", "#x", "a: b", "é"}},
	)
	if err != nil {
		t.Fatal(err)
	}
	shown, err := c.YAML()
	if err != nil {
		t.Fatal(err)
	}
	const want = `listen:
- 127.0.0.1:8080
access_log:
  file: '-'
limits:
  connections: 10000
  requests_in_flight: 1000
  rate_per_client: off
  failed_logins: 10/m
  upload: 5GiB
  upload_time: 1h
  uploads: 64
  archives: 4
  archive_entries: 10000
  header_size: 16KiB
  header_timeout: 10s
  idle_timeout: 2m
  minimum_rate: 1KiB/s
drain: 15s
landlock: auto
mounts:
- path: /
  source: 'mem:'
  allow:
  - on
  - '1e3'
  - 'null'
  - '~'
  - ' a '
  - '#x'
  - 'a: b'
  - é
  symlinks: refuse
  hard_links: serve
  list: false
  no_index: false
  max_age: 0s
  link_redirect: 0s
  content: trusted
  precompressed: false
  write: false
`
	if diff := cmp.Diff(want, string(shown)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Secrets are masked, and a masked secret is not accepted as one.
func TestShowMasks(t *testing.T) {
	for dsn, want := range map[string]string{
		"postgres://u:hunter2@h/d":                                            "postgres://u:********@h/d",
		"postgres://u:hunter2%40x@h:5432/d?sslmode=require":                   "postgres://u:********@h:5432/d?sslmode=require",
		"postgresql://h/d?user=u&password=hunter2&sslmode=disable":            "postgresql://h/d?password=********&sslmode=disable&user=u",
		"postgres://h/d?sslpassword=hunter2":                                  "postgres://h/d?sslpassword=********",
		"postgres://h/d?passfile=hunter2":                                     "postgres://h/d?passfile=********",
		"postgres://:hunter2@h/d":                                             "postgres://:********@h/d",
		"postgres://u@h/d":                                                    "postgres://u@h/d",
		"sqlite:/var/lib/c.db":                                                "sqlite:/var/lib/c.db",
		"postgres://u:hunter2@h/d?options=-c%20x%3Dhunter2&connect_timeout=3": "postgres://u:********@h/d?connect_timeout=3&options=********",
	} {
		c, err := config.New(
			config.Given{Key: config.SourceKey, Values: []string{"mem:"}},
			config.Given{Key: "mounts[].uploads.catalog", Values: []string{dsn}, Origin: "--catalog"},
		)
		if err != nil {
			t.Errorf("%s: %v", dsn, err)
			continue
		}
		catalog := c.Mounts[0].Uploads.Catalog
		if catalog.DSN() != dsn {
			t.Errorf("DSN() = %q, want %q", catalog.DSN(), dsn)
		}
		shown, err := c.YAML()
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(shown), "catalog: "+want+"\n") && !strings.Contains(string(shown), "catalog: '"+want+"'\n") {
			t.Errorf("%s is not printed as %s:\n%s", dsn, want, shown)
		}
		for _, text := range []string{string(shown), fmt.Sprintf("%v %+v %#v %s", catalog, *c.Mounts[0].Uploads, catalog, catalog)} {
			if strings.Contains(text, "hunter2") {
				t.Errorf("the secret of %s leaks:\n%s", dsn, text)
			}
		}
		_, err = config.Parse("f", shown)
		if masked := strings.Contains(want, "***"); masked != (err != nil) {
			t.Errorf("%s: parsing the YAML output: %v", dsn, err)
		}
	}
}

func TestSizes(t *testing.T) {
	for text, want := range map[string]config.Size{
		"1": 1, "5GiB": 5 << 30, "500MB": 500e6, "10 mib": 10 << 20, "1kb": 1000, "7TiB": 7 << 40, "010B": 10,
	} {
		got, err := config.ParseSize(text)
		if err != nil || got != want {
			t.Errorf("ParseSize(%q) = %d, %v; want %d", text, got, err, want)
		}
		if again, err := config.ParseSize(got.String()); err != nil || again != got {
			t.Errorf("ParseSize(%q) = %d, %v; want %d", got.String(), again, err, got)
		}
	}
	for _, text := range []string{"", "0", "0B", "-1B", "+1B", "1.5GiB", "GiB", "1  B", "1XB", "8388608TiB", "99999999999999999999", "1_000", "0x10", "1e3"} {
		if got, err := config.ParseSize(text); err == nil {
			t.Errorf("ParseSize(%q) = %d, want an error", text, got)
		}
	}
}

func TestRates(t *testing.T) {
	for text, want := range map[string]float64{"100/s": 100, "30/m": 0.5, "3600/h": 1} {
		r, err := config.ParseRate(text)
		if err != nil || r.PerSecond() != want || r.String() != text {
			t.Errorf("ParseRate(%q) = %v, %v", text, r, err)
		}
	}
	for _, text := range []string{"", "0/s", "100", "100/", "/s", "1.5/s", "-1/s", "100/d", "100 /s", "0100/s"} {
		if got, err := config.ParseRate(text); err == nil {
			t.Errorf("ParseRate(%q) = %v, want an error", text, got)
		}
	}
}

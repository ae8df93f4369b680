package config_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

func files(t *testing.T, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join("testdata", pattern))
	if err != nil || len(found) == 0 {
		t.Fatalf("no files %s: %v", pattern, err)
	}
	return found
}

// beyondSchema lists the bad files that a schema cannot refuse, and the reasons.
var beyondSchema = map[string]string{
	"caches.yaml":     "where a cache may be depends on the location of other directories",
	"links.yaml":      "valid values depend on another key's text or on a top-level key",
	"namespaces.yaml": "name clashes between authentication methods depend on several keys",
	"sessions.yaml":   "the least of a duration, and what a key needs, are beyond a schema",
	"shared.yaml":     "the overlap of two mounts depends on the location of their sources",
	"signin.yaml":     "a key of one table needs another table",
}

// Comments in the bad files give the expected error of each line. There must be no other
// errors, and the schema must refuse what it can.
func TestBadFiles(t *testing.T) {
	for _, file := range files(t, "bad/*.yaml") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			_, err = config.Load(file)
			var all config.Errors
			if !errors.As(err, &all) {
				t.Fatalf("Load: %v", err)
			}
			reported := map[string][]string{}
			for _, e := range all {
				reported[e.Where] = append(reported[e.Where], e.Text)
				if strings.Contains(e.Error(), "\n") || strings.Contains(e.Error(), "hunter2") {
					t.Errorf("bad text: %q", e)
				}
			}
			wrong := 0
			for i, line := range strings.Split(string(data), "\n") {
				where := file + ":" + strconv.Itoa(i+1)
				_, want, ok := strings.Cut(line, "# ERROR ")
				if !ok {
					continue
				}
				wrong++
				if !slices.ContainsFunc(reported[where], func(text string) bool { return strings.Contains(text, want) }) {
					t.Errorf("%s: no error %q, but %q", where, want, reported[where])
				}
				delete(reported, where)
			}
			if len(reported) > 0 || wrong == 0 {
				t.Errorf("unexpected errors: %q", reported)
			}
			schema := againstSchema(t, data)
			if _, beyond := beyondSchema[filepath.Base(file)]; beyond != (schema == "") {
				t.Errorf("schema error: %q", schema)
			}
		})
	}
}

// TestGoodFiles also checks that the good files use every key.
func TestGoodFiles(t *testing.T) {
	needSyslog(t)
	seen := map[string]bool{}
	for _, file := range files(t, "good/*.yaml") {
		c, err := config.Load(file)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if text := againstSchema(t, data); text != "" {
			t.Errorf("%s: schema error: %s", file, text)
		}
		for _, key := range config.Keys() {
			one := strings.ReplaceAll(key, "[]", "[0]")
			for _, mount := range []string{"[0]", "[1]", "[2]", "[3]"} {
				at := strings.Replace(one, "mounts[0]", "mounts"+mount, 1)
				if place := c.At(at); strings.HasPrefix(place, file) && c.Has(at) {
					seen[key] = true
				}
			}
		}
	}
	for _, key := range config.Keys() {
		if !seen[key] {
			t.Errorf("no good file has the key %s", key)
		}
	}
}

func TestValues(t *testing.T) {
	needSyslog(t)
	c, err := config.Load("testdata/good/more.yaml")
	if err != nil {
		t.Fatal(err)
	}
	here, err := filepath.Abs("testdata/good")
	if err != nil {
		t.Fatal(err)
	}
	m := c.Mounts[0]
	for _, v := range []struct {
		what      string
		got, want any
	}{
		{"drain", c.Drain, 90 * time.Second},
		{"idle", c.Limits.IdleTimeout, 90 * time.Second},
		{"connections", c.Limits.Connections, 10000},
		{"header size", c.Limits.HeaderSize, config.Size(8192)},
		{"failed log-ins", c.Limits.FailedLogins, config.Rate{}},
		{"rate", c.Limits.MinimumRate, config.ByteRate(10240)},
		{"upload", c.Limits.Upload, config.Size(5 << 30)},
		{"proxies", fmt.Sprint(c.TrustedProxies), "[10.0.0.0/8 ::1/128 unix]"},
		{"landlock", c.Landlock, "off"},
		{"host", m.Host, config.Host("www.example.org")},
		{"path", m.Path, config.MountPath("/")},
		{"source", m.Source, config.Source(filepath.Join(here, "site"))},
		{"memory", c.Mounts[1].Source, config.Source("mem:")},
		{"odd source", c.Mounts[2].Source, config.Source(filepath.Join(here, "s3:", "odd"))},
		{"allow", m.Allow[1].String(), "re:v[0-9]+/.*"},
		{"alias", len(c.Mounts[1].Allow), 3},
		{"allow_file", m.AllowFile, []config.Path{config.Path(filepath.Join(here, "exposed"))}},
		{"content", c.Mounts[1].Content, "trusted"},
		{"content of uploads", c.Mounts[2].Content, "untrusted"},
		{"rule", c.Mounts[1].Rules()[1].String(), "user:алиса can list"},
		{"no rules", len(m.Rules()), 0},
		{"can", c.Mounts[1].Access[0].Can, []vfs.Op{vfs.OpRead}},
		{"place", c.At("mounts[0].symlinks"), "testdata/good/more.yaml:34"},
		{"place of a default", c.At("mounts[0].max_age"), "default"},
		{"place of a missing key", c.At("mounts[0].access[3].who"), "testdata/good/more.yaml:30"},
	} {
		if diff := cmp.Diff(v.want, v.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", v.what, diff)
		}
	}
}

func TestWholeFile(t *testing.T) {
	good := "mounts: [{source: ., allow: ['**']}]\n"
	for _, c := range []struct{ name, text, want string }{
		{"empty", "", "f:1: the file is empty"},
		{"comments", "# a\n\n# b\n", "f:1: the file is empty"},
		{"empty document", "---\n", "f:1: the file is empty"},
		{"null", "~\n", "f:1: the file is empty"},
		{"list", "- a\n", "f:1: it is a list; write keys and values"},
		{"word", "hello\n", "f:1: it is a single value"},
		{"empty mapping", "{}\n", "f:1: mounts: there is nothing to serve"},
		{"second document", good + "---\n" + good, "f:2: a second document begins here"},
		{"second, empty", good + "---\n", "f:2: a second document begins here"},
		{"second, broken", good + "---\na: [\n", "f:3: invalid YAML"},
		{"unclosed list", "a: 1\nlisten: [a,\nb: 2\n", "f:3: invalid YAML: did not find expected ',' or ']', while parsing a flow sequence that begins on line 2"},
		{"unclosed quote", "a: 1\nb: 'x\nc: 2\n", "f:2: invalid YAML"},
		{"tab", "a:\n\tb: 1\n", "f:2: invalid YAML: found character that cannot start any token, while scanning for the next token; indent with spaces"},
		{"no colon", "a: 1\nb\nc: 1\n", "f:2: invalid YAML"},
		{"unknown alias", "a: 1\nb: *x\n", "f:2: invalid YAML: unknown anchor 'x'"},
		{"NUL", "a: 1\nb: \x00\n", "f:2: there is a control character (U+0000)"},
		{"escape", "a: 1\n# \x1b[31m\n", "f:2: there is a control character (U+001B)"},
		{"not UTF-8", "a: 1\n\nb: \xff\n", "f:3: the text is not valid UTF-8"},
		{"UTF-16", "\xff\xfea\x00:\x00", "f:1: the text is not valid UTF-8"},
		{"too large", good + strings.Repeat("#", 1<<20), "f:1: the file is over 1 MiB"},
		{"alias in itself", "mounts: &a [*a]\n", "f:1: "},
		{"alias bomb", "groups: {a: &a [" + strings.Repeat("x,", 200) + "], b: *a}\nmounts:\n- source: .\n  allow: &l [" +
			strings.Repeat("x,", 2000) + "]\n" + strings.Repeat("- {source: ., allow: *l}\n", 2000), "the aliases (*NAME) in the file expand to more than 10000 values"},
		{"bomb of mappings", "mounts: [" + "&m {source: ., " + strings.Repeat("x: y, ", 2000) + "}, " + strings.Repeat("*m, ", 9000) + "]", "f:1: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := config.Parse("f", []byte(c.text))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Parse: %v; want %q", err, c.want)
			}
			for line := range strings.Lines(fmt.Sprint(err)) {
				if !strings.HasPrefix(line, "f:") {
					t.Errorf("names no line: %q", line)
				}
			}
		})
	}
	if _, err := config.Parse("f", []byte("\ufeff---\n"+good)); err != nil {
		t.Errorf("with a byte order mark: %v", err)
	}
	if _, err := config.Load(filepath.Join(t.TempDir(), "none")); err == nil || !strings.Contains(err.Error(), "there is no such file") {
		t.Errorf("a missing file: %v", err)
	}
}

// needSyslog skips the test on Windows: an example logs to syslog.
func needSyslog(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("this system has no syslog")
	}
}

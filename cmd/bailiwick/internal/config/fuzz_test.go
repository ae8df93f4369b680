package config_test

import (
	"bytes"
	"errors"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
)

// FuzzParse checks that every error is one line that names a line of the file, and that
// the YAML of a valid configuration is valid and stable.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"good/*.yaml", "bad/*.yaml"} {
		found, err := os.ReadDir("testdata/" + strings.TrimSuffix(pattern, "/*.yaml"))
		if err != nil {
			f.Fatal(err)
		}
		for _, entry := range found {
			data, err := os.ReadFile("testdata/" + strings.TrimSuffix(pattern, "*.yaml") + entry.Name())
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	where := regexp.MustCompile(`^f:([0-9]+)$`)
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := config.Parse("f", data)
		if err != nil {
			var all config.Errors
			if !errors.As(err, &all) || len(all) == 0 {
				t.Fatalf("the error is a %T", err)
			}
			for _, e := range all {
				m := where.FindStringSubmatch(e.Where)
				if m == nil || e.Text == "" || strings.ContainsAny(e.Text, "\r\n\x1b") {
					t.Fatalf("malformed error %q", e)
				}
				// YAML ends a line at more characters than \n.
				if n, _ := strconv.Atoi(m[1]); n < 1 || n > 1+len(data) {
					t.Fatalf("there is no line %d", n)
				}
			}
			return
		}
		shown, err := c.YAML()
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(shown, []byte("********")) {
			return
		}
		again, err := config.Parse("f", shown)
		if err != nil {
			t.Fatalf("the YAML output is refused: %v\n%s", err, shown)
		}
		if twice, err := again.YAML(); err != nil || !bytes.Equal(shown, twice) {
			t.Fatalf("the YAML output is not stable; first:\n%s\nsecond (%v):\n%s", shown, err, twice)
		}
		if text := againstSchema(t, shown); text != "" {
			t.Fatalf("the schema finds: %s\n%s", text, shown)
		}
	})
}

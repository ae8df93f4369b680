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

// FuzzParse: whatever is in a file, each error is one line that names a line of the
// file, and what is shown of a good one is good and shown the same again.
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
					t.Fatalf("bad error %q", e)
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
			t.Fatalf("what is shown is refused: %v\n%s", err, shown)
		}
		if twice, err := again.YAML(); err != nil || !bytes.Equal(shown, twice) {
			t.Fatalf("shown once:\n%s\nand twice (%v):\n%s", shown, err, twice)
		}
		if text := againstSchema(t, shown); text != "" {
			t.Fatalf("the schema finds: %s\n%s", text, shown)
		}
	})
}

package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
)

// manyUsers writes a file of n users, and a configuration with a group of as many members,
// of which from is the number of the first one.
func manyUsers(tb testing.TB, n, from int) string {
	tb.Helper()
	dir := tb.TempDir()
	var users, members strings.Builder
	for i := range n {
		fmt.Fprintf(&users, "user%06d:%s\n", i, bcryptHash)
		fmt.Fprintf(&members, "user%06d, ", from+i)
	}
	for name, text := range map[string]string{
		"users":  users.String(),
		"c.yaml": "users: {htpasswd: users}\ngroups: {all: [" + strings.TrimSuffix(members.String(), ", ") + "]}\nmounts:\n- {source: x, allow: [a], access: [{who: \"group:all\", can: [read]}]}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	return filepath.Join(dir, "c.yaml")
}

// Members were compared with each other and with all users, so that a group of 50,000
// took minutes to load. A search for similar names would, too, if the file of users is a
// wrong one.
func TestLargeGroup(t *testing.T) {
	const n = 10_000
	for _, tt := range []struct{ from, unknown int }{{0, 0}, {n / 2, n / 2}} {
		c, err := config.Load(manyUsers(t, n, tt.from))
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Check(); err != nil {
			t.Fatal(err)
		}
		unknown := c.UnknownUsers()
		if len(unknown) != tt.unknown {
			t.Errorf("%d unknown users, want %d", len(unknown), tt.unknown)
		}
		for i, u := range unknown {
			if want := i < 100; strings.Contains(u.Text, "did you mean") != want {
				t.Fatalf("%d: %s", i, u.Text)
			}
		}
	}
}

// BenchmarkUsers loads and checks a configuration with few and many users.
func BenchmarkUsers(b *testing.B) {
	for _, n := range []int{10, 50_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			file := manyUsers(b, n, 0)
			b.ReportAllocs()
			for b.Loop() {
				c, err := config.Load(file)
				if err != nil {
					b.Fatal(err)
				}
				if err := c.Check(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

package pgserver_test

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/bailiwick-fs/bailiwick/testdata/pgserver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestServer stops and restarts a server: its data survives.
func TestServer(t *testing.T) {
	s := pgserver.Start(t, "max_connections=7")
	if got := ask(t, s.URL("postgres"), "SHOW max_connections"); got != "7" {
		t.Errorf("max_connections=%s, want 7", got)
	}
	a, b := s.Database(t), s.Database(t)
	if a == b {
		t.Fatal("two databases have one URL")
	}
	s.Exec(t, "test1", "CREATE TABLE words (word TEXT); INSERT INTO words VALUES ('kept')")
	for name, end := range map[string]func(testing.TB){"Stop": s.Stop, "Kill": s.Kill} {
		c, err := pgx.Connect(t.Context(), a)
		if err != nil {
			t.Fatal(err)
		}
		end(t)
		if _, err := c.Exec(t.Context(), "SELECT 1"); err == nil {
			t.Errorf("after %s a connection still works", name)
		}
		if _, err := pgx.Connect(t.Context(), a); err == nil {
			t.Errorf("after %s it accepts connections", name)
		}
		s.Restart(t)
		if got := ask(t, a, "SELECT word FROM words"); got != "kept" {
			t.Errorf("after %s: %q", name, got)
		}
	}
	if _, err := pgx.Connect(t.Context(), strings.Replace(a, s.Password, "wrong", 1)); err == nil {
		t.Error("it accepts a connection without the password")
	}
}

func ask(t *testing.T, url, query string) string {
	t.Helper()
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(t.Context())
	var s string
	if err := c.QueryRow(t.Context(), query).Scan(&s); err != nil {
		t.Fatal(err)
	}
	return s
}

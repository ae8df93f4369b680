//go:build unix

package main

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/bailiwick-fs/bailiwick/server/catalog/sqlite"
)

// TestOldCatalog has a catalog of an older version, whose server may be running. The commands
// for operators refuse it and change nothing; a server upgrades it.
func TestOldCatalog(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(t.TempDir(), "catalog.db")
	s, err := sqlite.Open(t.Context(), path, "shares", sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	query := func(statement string) (n int) {
		t.Helper()
		db, err := sql.Open("sqlite", path)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if strings.HasPrefix(statement, "SELECT") {
			err = db.QueryRowContext(t.Context(), statement).Scan(&n)
		} else {
			_, err = db.ExecContext(t.Context(), statement)
		}
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	query("DELETE FROM migrations WHERE version > 5; DROP INDEX objects_owned; ALTER TABLE shares DROP COLUMN received")
	commands := [][]string{
		{"share", "list", "--shares", "sqlite:" + path},
		{"share", "revoke", uuid.NewString(), "--shares", "sqlite:" + path},
		{"catalog", "ls", dir, "--catalog", "sqlite:" + path},
		{"catalog", "check", dir, "--catalog", "sqlite:" + path},
		{"catalog", "sweep", dir, "--catalog", "sqlite:" + path},
		{"catalog", "clock", "--catalog", "sqlite:" + path},
	}
	for _, args := range commands {
		out, err := command(args...).CombinedOutput()
		if err == nil || !strings.Contains(string(out), "schema version 5 is older than this program") {
			t.Errorf("%s: %v\n%s", args[:2], err, out)
		}
		if v := query("SELECT max(version) FROM migrations"); v != 5 {
			t.Fatalf("%s upgraded the catalog to version %d", args[:2], v)
		}
	}
	serveTree(t, dir, "--uploads", "--catalog", "sqlite:"+path, "--access-log", "off")
	for _, args := range commands {
		if args[1] == "revoke" {
			continue
		}
		if out, err := command(args...).CombinedOutput(); err != nil {
			t.Errorf("%s beside the server: %v\n%s", args[:2], err, out)
		}
	}
}

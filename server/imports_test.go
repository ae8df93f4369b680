package server_test

import (
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/bailiwick-fs/bailiwick"

// A program that imports one of lightPackages gets none of heavyModules: those are large or
// open connections, and belong in packages of their own.
var (
	lightPackages = []string{"vfs", "server", "backends/disk"}
	heavyModules  = map[string]string{
		"github.com/aws":                "the AWS SDK is for backends/s3",
		"database/sql":                  "databases are for server/catalog/sqlite and server/catalog/postgres",
		"modernc.org/sqlite":            "SQLite is for server/catalog/sqlite",
		"github.com/jackc/pgx":          "the PostgreSQL driver is for server/catalog/postgres",
		"github.com/gorilla/mux":        "the router is for server/gorilla",
		"github.com/coreos/go-oidc":     "OpenID Connect is for server/auth/oidc",
		"golang.org/x/crypto/bcrypt":    "bcrypt is for server/auth/htpasswd",
		"github.com/spf13/afero":        "afero is for backends/mem and backends/aferofs",
		module + "/server/catalog/open": "it imports every catalog",
	}
)

func TestLightImports(t *testing.T) {
	for _, pkg := range lightPackages {
		deps := dependencies(t, pkg)
		for heavy, reason := range heavyModules {
			for _, dep := range deps {
				// google/uuid imports database/sql/driver, which has only interfaces.
				if dep == heavy || heavy != "database/sql" && strings.HasPrefix(dep, heavy+"/") {
					t.Errorf("%s depends on %s: %s", pkg, dep, reason)
				}
			}
		}
	}
}

// TestLightImportsSees is the control: the check finds dependencies that exist.
func TestLightImportsSees(t *testing.T) {
	for pkg, want := range map[string]string{"server/gorilla": "github.com/gorilla/mux", "backends/disk": module + "/vfs"} {
		found := false
		for _, dep := range dependencies(t, pkg) {
			found = found || dep == want
		}
		if !found {
			t.Errorf("go list does not report that %s depends on %s", pkg, want)
		}
	}
}

// dependencies returns the import paths of all dependencies of a package of this module.
func dependencies(t *testing.T, pkg string) []string {
	t.Helper()
	var stderr strings.Builder
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", module+"/"+pkg)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &stderr)
	}
	return strings.Fields(string(out))
}

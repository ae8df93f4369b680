// Package nodetool finds and installs tools that tests run on Node.js. Only tests may
// import it.
package nodetool

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// RequireVariable is the environment variable that, if set to "1", makes a test fail
// instead of being skipped if a tool is missing, and makes the first such test install
// the tool.
const RequireVariable = "BAILIWICK_REQUIRE_SERVERS"

// Find returns the directory in the user's cache where the tool is installed: its files
// from testdata/tools/TOOL, and what npm installs for their package-lock.json. If it is
// not installed, Find skips t and reports how to install it, or fails t; see
// RequireVariable.
func Find(t testing.TB, tool string, files ...string) string {
	t.Helper()
	required := os.Getenv(RequireVariable) == "1"
	dir, err := find(t.Context(), required, tool, files)
	if err != nil {
		if required {
			t.Fatalf("no %s on Node.js: %v", tool, err)
		}
		t.Skipf("no %s on Node.js: %v; %s=1 installs it", tool, err, RequireVariable)
	}
	return dir
}

// find is Find without a test. The directory's name is a hash of the files, so that
// changed files get a new directory.
func find(ctx context.Context, install bool, tool string, files []string) (string, error) {
	if _, err := exec.LookPath("node"); err != nil {
		return "", err
	}
	source, err := sourceDir(tool)
	if err != nil {
		return "", err
	}
	hash := sha256.New()
	contents := make(map[string][]byte)
	for _, name := range files {
		data, err := os.ReadFile(filepath.Join(source, name))
		if err != nil {
			return "", err
		}
		contents[name] = data
		fmt.Fprintf(hash, "%s %d\n%s", name, len(data), data)
	}
	cache, err := cacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, fmt.Sprintf(tool+"-%x", hash.Sum(nil)[:8]))
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	if !install {
		return "", fmt.Errorf("%s does not exist", filepath.Base(dir))
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	// Rename only a complete installation, so that an interrupted one is never used.
	part, err := os.MkdirTemp(cache, tool+"-part-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(part)
	for name, data := range contents {
		if err := os.WriteFile(filepath.Join(part, name), data, 0o644); err != nil {
			return "", err
		}
	}
	cmd := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	cmd.Dir = part
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm ci: %w\n%s", err, out)
	}
	if err := os.Rename(part, dir); err != nil {
		if _, there := os.Stat(dir); there != nil { // otherwise another test process has installed it
			return "", err
		}
	}
	return dir, nil
}

// sourceDir finds the tool's files: a test runs in the directory of its package, below
// the directory with testdata.
func sourceDir(tool string) (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		source := filepath.Join(dir, "testdata", "tools", tool)
		if _, err := os.Stat(source); err == nil {
			return source, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("the test runs outside the module's sources")
		}
		dir = filepath.Dir(dir)
	}
}

func cacheDir() (string, error) {
	base := os.Getenv("XDG_CACHE_HOME")
	if base == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", err
		}
		base = filepath.Join(home, ".cache")
	}
	return filepath.Join(base, "bailiwick-tools"), nil
}

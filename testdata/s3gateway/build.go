package s3gateway

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
)

const serverPackage = "github.com/versity/versitygw/cmd/versitygw"

var findMutex sync.Mutex

// find returns the path of the server's program in the user's cache. If it does not
// exist, find builds it if build is set, and otherwise returns an error.
func find(ctx context.Context, build bool) (string, error) {
	findMutex.Lock()
	defer findMutex.Unlock()
	module, err := moduleDir()
	if err != nil {
		return "", err
	}
	version, err := pinned(filepath.Join(module, "go.mod"))
	if err != nil {
		return "", err
	}
	cache, err := cacheDir()
	if err != nil {
		return "", err
	}
	program := filepath.Join(cache, "versitygw-"+version)
	if runtime.GOOS == "windows" {
		return "", errors.New("it does not run on Windows")
	}
	if _, err := os.Stat(program); err == nil {
		return program, nil
	}
	if !build {
		return "", fmt.Errorf("%s does not exist", filepath.Base(program))
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	unlock, err := lock(ctx, program+".lock")
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(program); err == nil {
		return program, nil // another test process has built it
	}
	// Rename only a complete program, so that an interrupted build is never used.
	part := fmt.Sprintf("%s.%d", program, os.Getpid())
	defer os.Remove(part)
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", part, serverPackage)
	cmd.Dir = module
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building %s: %w\n%s", serverPackage, err, out)
	}
	return program, os.Rename(part, program)
}

// moduleDir finds the module that pins the server's version: a test runs in the
// directory of its package, below the directory with testdata.
func moduleDir() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		module := filepath.Join(dir, "testdata", "tools", "s3server")
		if _, err := os.Stat(filepath.Join(module, "go.mod")); err == nil {
			return module, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("the test runs outside the module's sources")
		}
		dir = filepath.Dir(dir)
	}
}

// pinned reads the server's version from the go.mod that requires it.
func pinned(file string) (string, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	for l := range strings.Lines(string(data)) {
		if f := strings.Fields(l); len(f) >= 2 && f[0] == "github.com/versity/versitygw" {
			return f[1], nil
		}
	}
	return "", fmt.Errorf("%s does not require the server", file)
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

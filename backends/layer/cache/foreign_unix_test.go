//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package cache_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/backends/layer/cache"
	"github.com/bailiwick-fs/bailiwick/backends/mem"
)

// Root can use the directory of another user, who could then replace what is served.
func TestForeignDirectory(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a directory to another user")
	}
	dir := filepath.Join(t.TempDir(), "cache")
	c, err := cache.New(mem.New(), dir, cache.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(dir, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	if c, err := cache.New(mem.New(), dir, cache.Options{}); err == nil {
		c.Close()
		t.Error("New uses the directory of another user")
	} else if !strings.Contains(err.Error(), "belongs to another user") {
		t.Error(err)
	}
}

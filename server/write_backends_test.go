package server_test

import (
	"testing"

	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// writable returns empty backends that can be written to.
func writable(t testing.TB) map[string]vfs.Backend {
	t.Helper()
	return map[string]vfs.Backend{"mem": mem.New()}
}

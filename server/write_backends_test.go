package server_test

import (
	"testing"

	"github.com/bailiwick-fs/bailiwick/backends/disk"
	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// writable returns empty backends that can be written to.
func writable(t testing.TB) map[string]vfs.Backend {
	t.Helper()
	all := map[string]vfs.Backend{"mem": mem.New()}
	for name, portable := range map[string]bool{"disk": false, "disk, os.Root": true} {
		b, err := disk.New(t.TempDir(), disk.Options{Writable: true, Portable: portable, SkipSelfTest: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { b.Close() })
		all[name] = b
	}
	return all
}

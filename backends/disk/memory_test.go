package disk

import (
	"os"
	"testing"
)

// MemoryDir is t.TempDir in memory, if the system supports that: for tests that sync
// thousands of times and do not depend on a disk.
func MemoryDir(t testing.TB) string {
	dir, err := os.MkdirTemp("/dev/shm", "bailiwick-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

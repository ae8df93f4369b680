package mem_test

import (
	"testing"

	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/vfstest"
)

func TestBackend(t *testing.T) {
	vfstest.TestBackend(t, func(t *testing.T, tree vfstest.Tree) vfs.Backend {
		b, err := mem.FromMap(tree.Files)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}, vfstest.Options{})
}

package vfstest_test

import (
	"testing"
	"testing/fstest"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/vfstest"
)

func TestFromFS(t *testing.T) {
	vfstest.TestBackend(t, func(t *testing.T, tree vfstest.Tree) vfs.Backend {
		m := fstest.MapFS{}
		for name, data := range tree.Files {
			m[name] = &fstest.MapFile{Data: []byte(data)}
		}
		return vfs.FromFS(m)
	}, vfstest.Options{})
}

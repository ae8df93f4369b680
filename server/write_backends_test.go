package server_test

import (
	"testing"

	"github.com/bailiwick-fs/bailiwick/backends/disk"
	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/backends/s3"
	"github.com/bailiwick-fs/bailiwick/testdata/s3gateway"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// eachWritable runs test on an empty backend of each writable kind.
func eachWritable(t *testing.T, test func(*testing.T, vfs.Backend)) {
	t.Run("mem", func(t *testing.T) { test(t, mem.New()) })
	t.Run("disk", func(t *testing.T) { test(t, writableDisk(t, disk.Options{})) })
	t.Run("disk, os.Root", func(t *testing.T) { test(t, writableDisk(t, disk.Options{Portable: true})) })
	t.Run("s3", func(t *testing.T) { test(t, writableBucket(t)) })
}

func writableDisk(t testing.TB, opts disk.Options) vfs.Backend {
	t.Helper()
	opts.Writable, opts.SkipSelfTest = true, true
	b, err := disk.New(t.TempDir(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

func writableBucket(t testing.TB) vfs.Backend {
	t.Helper()
	g := s3gateway.Start(t)
	b, err := s3.New(g.Client(t), s3.Options{Bucket: g.Bucket(t, "writes").Name, Prefix: "site", Writable: true})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

package disk_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/backends/disk"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// plainBody is a body that only implements io.Reader, like one from a network.
type plainBody struct{ left int64 }

func (b *plainBody) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	n := int(min(b.left, int64(len(p))))
	b.left -= int64(n)
	return n, nil
}

// BenchmarkPut replaces an object: with Put; with io.Copy to a file and fsync, which is
// neither atomic nor certain to survive a crash; and with the sequence of a careful
// program, a new file, fsync, rename, and fsync of the directory. The three alternate.
// The ratios are throughputs: above 1, Put is faster.
func BenchmarkPut(b *testing.B) {
	for _, size := range []int64{1 << 10, 1 << 20, 64 << 20} {
		b.Run(fmt.Sprintf("%d-KiB", size>>10), func(b *testing.B) {
			dir := b.TempDir()
			for _, sub := range []string{"put/dir", "copy/dir", "careful/dir"} {
				if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
					b.Fatal(err)
				}
			}
			backend, err := disk.New(filepath.Join(dir, "put"), disk.Options{Writable: true})
			if err != nil {
				b.Fatal(err)
			}
			defer backend.Close()
			n := name(b, "dir/object")
			copyTo := func(path string) {
				f, err := os.Create(path)
				if err == nil {
					_, err = io.Copy(f, &plainBody{size})
				}
				if err == nil {
					err = f.Sync()
				}
				if err == nil {
					err = f.Close()
				}
				if err != nil {
					b.Fatal(err)
				}
			}
			ways := []func(){
				func() {
					if _, err := backend.Put(context.Background(), n, &plainBody{size}, vfs.PutOptions{Size: size, SizeKnown: true}); err != nil {
						b.Fatal(err)
					}
				},
				func() { copyTo(filepath.Join(dir, "copy/dir/object")) },
				func() {
					copyTo(filepath.Join(dir, "careful/dir/object.new"))
					if err := os.Rename(filepath.Join(dir, "careful/dir/object.new"), filepath.Join(dir, "careful/dir/object")); err != nil {
						b.Fatal(err)
					}
					d, err := os.Open(filepath.Join(dir, "careful/dir"))
					if err == nil {
						err = d.Sync()
						d.Close()
					}
					if err != nil {
						b.Fatal(err)
					}
				},
			}
			var elapsed [3]time.Duration
			b.SetBytes(size)
			// Each pays for the disk writes that the previous one left pending, so the
			// order varies.
			for round := 0; b.Loop(); round++ {
				for i := range ways {
					i = (i + round) % len(ways)
					start := time.Now()
					ways[i]()
					elapsed[i] += time.Since(start)
				}
			}
			for i, what := range []string{"put", "copy", "careful"} {
				b.ReportMetric(float64(elapsed[i].Microseconds())/float64(b.N), "us/"+what)
			}
			b.ReportMetric(float64(elapsed[1])/float64(elapsed[0]), "vs-copy+fsync")
			b.ReportMetric(float64(elapsed[2])/float64(elapsed[0]), "vs-careful")
		})
	}
}

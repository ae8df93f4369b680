package disk_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/backends/disk"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// BenchmarkOpen opens and closes a file of 1 KiB: through a jail (which also stats and
// reads it), with os.Open, and with os.Root. The three alternate, so that noise affects
// all of them. If vs-os.Open is below 1, the jail is faster.
func BenchmarkOpen(b *testing.B) {
	for _, depth := range []int{1, 6} {
		name := strings.Repeat("directory/", depth-1) + "file.txt"
		dir := b.TempDir()
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(path, make([]byte, 1024), 0o600); err != nil {
			b.Fatal(err)
		}
		n, err := vfs.ParseName(name)
		if err != nil {
			b.Fatal(err)
		}
		root, err := os.OpenRoot(dir)
		if err != nil {
			b.Fatal(err)
		}
		defer root.Close()
		for _, portable := range []bool{false, true} {
			sub := map[bool]string{false: "default", true: "portable"}[portable]
			b.Run(sub+"/depth-"+string(rune('0'+depth)), func(b *testing.B) {
				backend, err := disk.New(dir, disk.Options{Portable: portable})
				if err != nil {
					b.Fatal(err)
				}
				defer backend.Close()
				jail, err := vfs.New(backend, vfs.Policy{Allow: vfs.Patterns("**/*.txt")})
				if err != nil {
					b.Fatal(err)
				}
				var elapsed [3]time.Duration
				b.ReportAllocs()
				for b.Loop() {
					start := time.Now()
					obj, err := jail.Get(context.Background(), n, vfs.Request{})
					if err != nil {
						b.Fatal(err)
					}
					obj.Body.Close()
					t1 := time.Now()
					f, err := os.Open(path)
					if err != nil {
						b.Fatal(err)
					}
					f.Close()
					t2 := time.Now()
					f, err = root.Open(name)
					if err != nil {
						b.Fatal(err)
					}
					f.Close()
					elapsed[0] += t1.Sub(start)
					elapsed[1] += t2.Sub(t1)
					elapsed[2] += time.Since(t2)
				}
				b.ReportMetric(float64(elapsed[0])/float64(b.N), "ns/jailed")
				b.ReportMetric(float64(elapsed[1])/float64(b.N), "ns/os.Open")
				b.ReportMetric(float64(elapsed[2])/float64(b.N), "ns/os.Root")
				b.ReportMetric(float64(elapsed[0])/float64(elapsed[1]), "vs-os.Open")
				b.ReportMetric(float64(elapsed[0])/float64(elapsed[2]), "vs-os.Root")
			})
		}
	}
}

// BenchmarkListPage reads the first page of 1,000 entries from a directory with a
// million: through a jail, in order, and with os.ReadDir, which reads and sorts
// everything. The metrics are ratios of time and of allocated memory.
func BenchmarkListPage(b *testing.B) {
	const names, page = 1_000_000, 1000
	dir := b.TempDir()
	for i := range names {
		f, err := os.Create(filepath.Join(dir, fmt.Sprintf("file-%07d.txt", i*7919%names)))
		if err != nil {
			b.Fatal(err)
		}
		f.Close()
	}
	backend, err := disk.New(dir, disk.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer backend.Close()
	jail, err := vfs.New(backend, vfs.Policy{Allow: vfs.Patterns("**/*.txt")})
	if err != nil {
		b.Fatal(err)
	}
	var elapsed [2]time.Duration
	var allocated [2]uint64
	measure := func(i int, f func()) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := time.Now()
		f()
		elapsed[i] += time.Since(start)
		runtime.ReadMemStats(&after)
		allocated[i] += after.TotalAlloc - before.TotalAlloc
	}
	for b.Loop() {
		measure(0, func() {
			n := 0
			for _, err := range jail.List(context.Background(), vfs.Root, "") {
				if err != nil {
					b.Fatal(err)
				}
				if n++; n == page {
					break
				}
			}
		})
		measure(1, func() {
			if _, err := os.ReadDir(dir); err != nil {
				b.Fatal(err)
			}
		})
	}
	b.ReportMetric(float64(elapsed[0].Milliseconds())/float64(b.N), "ms/page")
	b.ReportMetric(float64(allocated[0])/float64(b.N)/1e6, "MB/page")
	b.ReportMetric(float64(elapsed[0])/float64(elapsed[1]), "time-vs-ReadDir")
	b.ReportMetric(float64(allocated[0])/float64(allocated[1]), "memory-vs-ReadDir")
}

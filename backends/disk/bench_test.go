package disk_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/backends/disk"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// BenchmarkOpen opens and closes a file of 1 KiB: through a jail (which also
// stats and reads it), by os.Open, and by os.Root. The three take turns, so
// that noise of the machine meets all of them; vs-os.Open below 1 means that
// the jail is the cheaper one.
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
				var spent [3]time.Duration
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
					spent[0] += t1.Sub(start)
					spent[1] += t2.Sub(t1)
					spent[2] += time.Since(t2)
				}
				b.ReportMetric(float64(spent[0])/float64(b.N), "ns/jailed")
				b.ReportMetric(float64(spent[1])/float64(b.N), "ns/os.Open")
				b.ReportMetric(float64(spent[2])/float64(b.N), "ns/os.Root")
				b.ReportMetric(float64(spent[0])/float64(spent[1]), "vs-os.Open")
				b.ReportMetric(float64(spent[0])/float64(spent[2]), "vs-os.Root")
			})
		}
	}
}

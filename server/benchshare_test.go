package server_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/backends/disk"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// deepest returns a name with the maximum number of elements that a created name may have.
func deepest(writer, i int) string {
	return fmt.Sprintf("/deep%d/%d", writer, i) + strings.Repeat("/d", 62)
}

// BenchmarkShallowWriter puts and deletes a name at the top level, alone and beside six
// clients that put and delete names of the maximum depth. It reports the median and the
// 99th percentile of the time of a PUT.
func BenchmarkShallowWriter(b *testing.B) {
	for _, deep := range []int{0, 6} {
		b.Run(fmt.Sprintf("%d deep", deep), func(b *testing.B) {
			h := server.New(jailOver(b, writableDisk(b, disk.Options{}), allow("**")), server.Config{Write: true, Logger: quiet})
			url := start(b, h)
			write := func(method, path string) int {
				return sendRequest(b, method, url+path, strings.NewReader("x")).Status
			}
			stop, rounds := make(chan struct{}), make([]int, deep)
			var wg sync.WaitGroup
			for w := range deep {
				wg.Go(func() {
					for i := 0; ; i++ {
						select {
						case <-stop:
							return
						default:
						}
						if put, del := write("PUT", deepest(w, i)), write("DELETE", deepest(w, i)); put != 201 || del != 204 {
							b.Errorf("a deep PUT %d, DELETE %d", put, del)
							return
						}
						rounds[w]++
					}
				})
			}
			var took []time.Duration
			for b.Loop() {
				began := time.Now()
				if got := write("PUT", "/shallow"); got != http.StatusCreated {
					b.Fatalf("a shallow PUT: %d", got)
				}
				took = append(took, time.Since(began))
				write("DELETE", "/shallow")
			}
			elapsed := b.Elapsed()
			close(stop)
			wg.Wait()
			slices.Sort(took)
			b.ReportMetric(took[len(took)/2].Seconds()*1e3, "p50-ms")
			b.ReportMetric(took[len(took)*99/100].Seconds()*1e3, "p99-ms")
			all := 0
			for _, n := range rounds {
				all += n
			}
			b.ReportMetric(float64(all)/elapsed.Seconds(), "deep/s")
		})
	}
}

// BenchmarkHiddenNames lists one entry of a directory with very many hidden names and one
// visible name. The visible name sorts last, so the listing passes all hidden ones.
func BenchmarkHiddenNames(b *testing.B) {
	for _, hidden := range []int{300_000, 1_000_000} {
		b.Run(fmt.Sprint(hidden), func(b *testing.B) {
			dir := b.TempDir()
			if err := os.Mkdir(filepath.Join(dir, "many"), 0o755); err != nil {
				b.Fatal(err)
			}
			for i := range hidden {
				if err := os.WriteFile(filepath.Join(dir, "many", fmt.Sprintf("hidden%07d", i)), nil, 0o644); err != nil {
					b.Fatal(err)
				}
			}
			if err := os.WriteFile(filepath.Join(dir, "many", "shown"), nil, 0o644); err != nil {
				b.Fatal(err)
			}
			backend, err := disk.New(dir, disk.Options{SkipSelfTest: true})
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { backend.Close() })
			policy := vfs.Policy{Allow: vfs.Patterns("**"), Deny: vfs.Patterns("many/hidden*")}
			h := server.New(jailOver(b, backend, policy), server.Config{List: true, NoIndex: true, Logger: quiet})
			b.ReportAllocs()
			for b.Loop() {
				if got := request(b, h, "GET", "/many/?limit=1", "Accept", "application/json"); got.Status != 200 || !strings.Contains(got.Body, `"shown"`) {
					b.Fatalf("%d %q", got.Status, got.Body)
				}
			}
		})
	}
}

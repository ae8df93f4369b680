package cache_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/backends/layer/cache"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
)

// windows is a backend of objects "0", "1" and so on, each a window of size bytes into
// the same bytes, so that a large working set takes little memory in the test itself.
type windows struct {
	*generated
	data string
	size int
}

func newWindows(objects, size int) *windows {
	return &windows{&generated{}, pattern(1, size+objects*windowStep), size}
}

// windowStep is not a multiple of a page, so that a block at a wrong place is noticed.
const windowStep = 61

func (b *windows) content(k int) string { return b.data[k*windowStep:][:b.size] }

func (b *windows) Open(ctx context.Context, n vfs.Name, req vfs.Request) (*vfs.Object, error) {
	k, err := strconv.Atoi(n.String())
	if err != nil {
		return nil, err
	}
	// The generated backend makes no content for a name that has one.
	inner := mustName(fmt.Sprintf("%d-%d", k, b.size))
	b.contents.LoadOrStore(inner, b.content(k))
	obj, err := b.generated.Open(ctx, inner, req)
	if err == nil {
		obj.Info.Name = n
	}
	return obj, err
}

func (b *windows) Stat(ctx context.Context, n vfs.Name, req vfs.Request) (vfs.Info, error) {
	info, err := b.generated.Stat(ctx, mustName(fmt.Sprintf("%s-%d", n, b.size)), req)
	info.Name = n
	return info, err
}

func mustName(s string) vfs.Name {
	n, err := vfs.ParseName(s)
	if err != nil {
		panic(err)
	}
	return n
}

// A working set of four times the size, for five minutes in the long form: the size holds
// at any moment, the memory does not grow, the hit ratio is that of a simulation of SIEVE,
// and every byte is right.
func TestWorkingSet(t *testing.T) {
	const clients = 8
	objects, objectSize, size, reads := 1024, 64<<10, int64(16*mib), 3000
	var until time.Time
	if long {
		objects, objectSize, size, reads = 1024, mib, 256*mib, 1<<62
		until = time.Now().Add(5 * time.Minute)
	}
	src := newWindows(objects, objectSize)
	c := openIn(t, src, filepath.Join(tempDir(t), "cache"), cache.Options{Size: size, TTL: hour})
	// A file takes a page more than its block.
	sim := newSieveSim(int(size) / (objectSize + 4096))

	var (
		mu         sync.Mutex // of all that follows
		r          = rand.New(rand.NewPCG(3, 4))
		skewed     = rand.NewZipf(r, 1.05, 16, uint64(objects-1))
		done, hits int
		expected   int
		most       int64 // the size
		heaps      []uint64
	)
	next := func() (k int, ok bool) {
		mu.Lock()
		defer mu.Unlock()
		if done == reads || !until.IsZero() && done%64 == 0 && time.Now().After(until) {
			reads = done
			return 0, false
		}
		k = int(skewed.Uint64())
		expected += sim.read(k)
		if done++; done%1000 == 0 {
			heaps = append(heaps, heapInUse())
		}
		return k, true
	}
	var work sync.WaitGroup
	for range clients {
		work.Go(func() {
			for k, ok := next(); ok; k, ok = next() {
				var a driver.Answer
				err := compare(driver.WithAnswer(t.Context(), &a), c, mustName(strconv.Itoa(k)), whole, src.content(k))
				if err != nil {
					t.Errorf("object %d: %v", k, err)
					return
				}
				used := c.Stats().Size
				mu.Lock()
				most = max(most, used)
				if a.Cache == hit {
					hits++
				}
				mu.Unlock()
			}
		})
	}
	work.Wait()
	got, want := float64(hits)/float64(done), float64(expected)/float64(done)
	t.Logf("%d reads, hit ratio %.4f, SIEVE %.4f; at most %d of %d bytes; heap after each 1,000 reads, MiB: first %d, last %d, most %d",
		done, got, want, most, size, heaps[0]>>20, heaps[len(heaps)-1]>>20, slices.Max(heaps)>>20)
	if most > size {
		t.Errorf("%d bytes were taken, %d are allowed", most, size)
	}
	if d := got - want; d > 0.03 || d < -0.03 {
		t.Errorf("hit ratio %.4f, SIEVE %.4f", got, want)
	}
	if last := heaps[len(heaps)-1]; long && last > heaps[0]+64*mib {
		t.Errorf("the heap grew from %d to %d bytes", heaps[0], last)
	}
}

func heapInUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

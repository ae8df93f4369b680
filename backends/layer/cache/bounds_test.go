package cache_test

import (
	"container/list"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/bailiwick-fs/bailiwick/backends/layer/cache"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// The size holds at any moment, also with concurrent fills of more than fits, and while
// readers keep files open.
func TestSizeHolds(t *testing.T) {
	const size = 6 * mib
	dir := filepath.Join(tempDir(t), "cache")
	src := &generated{}
	c := openIn(t, src, dir, cache.Options{Size: size, TTL: hour})
	rounds := 60
	if long {
		rounds = 2000
	}
	var clients sync.WaitGroup
	var over atomic.Int64
	for w := range 8 {
		clients.Go(func() {
			r := rand.New(rand.NewPCG(7, uint64(w)))
			for range rounds {
				seed := r.IntN(40)
				length := 1 + (seed*seed*9973)%(3*mib)
				n := name(t, fmt.Sprintf("%d-%d", seed, length))
				first := r.IntN(length)
				if err := compare(t.Context(), c, n, vfs.Request{Range: vfs.RangeFrom(int64(first))}, src.content(n, seed, length)[first:]); err != nil {
					t.Errorf("%s from %d: %v", n, first, err)
				}
				over.Store(max(over.Load(), c.Stats().Size))
			}
		})
	}
	clients.Wait()
	if over.Load() > size {
		t.Errorf("%d bytes were taken, %d are allowed", over.Load(), size)
	}
	s := c.Stats()
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if used := diskUse(t, dir); used > size {
		t.Errorf("%d bytes are on the disk, %d are allowed; %+v", used, size, c.Stats())
	}
	if s.Evictions == 0 || s.Size == 0 {
		t.Errorf("%+v", s)
	}
	// A file without blocks takes room, and nothing would ever remove it but the next process.
	files := blockFiles(t, dir)
	openIn(t, src, dir, cache.Options{Size: size, TTL: hour})
	if left := blockFiles(t, dir); len(left) != len(files) {
		t.Errorf("%d of %d files had no block", len(files)-len(left), len(files))
	}
}

// A file that is being read is not cut: what makes room are other blocks, and if there
// are none, the newcomer is not kept.
func TestReadersKeepTheirBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		data := pattern(1, 3*mib)
		objects := map[string]string{"kept": data}
		for i := range 8 {
			objects[fmt.Sprint("other", i)] = pattern(10+i, 2*mib)
		}
		src, _ := source(t, objects)
		c := open(t, src, cache.Options{Size: 4 * mib, TTL: hour})
		kept := name(t, "kept")
		want(t, c, kept, whole, data, miss)
		synctest.Wait()
		obj, err := c.Open(t.Context(), kept, whole)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 8 {
			n := fmt.Sprint("other", i)
			want(t, c, name(t, n), whole, objects[n], miss)
			synctest.Wait()
		}
		buf := make([]byte, len(data))
		if n, err := obj.File.ReadAt(buf, 0); string(buf[:n]) != data {
			t.Errorf("%d bytes, %v", n, err)
		}
		if s := c.Stats(); s.Size > 4*mib {
			t.Errorf("%+v", s)
		}
		// A version that is dropped counts until its last reader has closed it.
		put(t, c, kept, "new")
		if s := c.Stats(); s.Size < 3*mib {
			t.Errorf("%+v", s)
		}
		if n, err := obj.File.ReadAt(buf, 0); string(buf[:n]) != data {
			t.Errorf("after Put: %d bytes, %v", n, err)
		}
		obj.Body.Close()
		if s := c.Stats(); s.Size > 2*mib {
			t.Errorf("after Close: %+v", s)
		}
	})
}

// The number of versions is bounded, also of those without bytes.
func TestObjectsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := open(t, &generated{}, cache.Options{TTL: hour, Objects: 10})
		for i := range 50 {
			if _, err := c.Stat(t.Context(), name(t, fmt.Sprintf("%d-100", i)), whole); err != nil {
				t.Fatal(err)
			}
			want(t, c, name(t, fmt.Sprintf("%d-200", i)), whole, pattern(i, 200), miss)
			synctest.Wait()
		}
		if s := c.Stats(); s.Objects > 10 {
			t.Errorf("%+v", s)
		}
	})
}

// On a skewed trace with sweeps, the hit ratio is that of a simulation of SIEVE, and not
// below that of LRU.
func TestHitRatio(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const objects, room, reads = 3000, 512, 20_000
		c := open(t, &generated{}, cache.Options{Size: room * 8192, TTL: hour})
		r := rand.New(rand.NewPCG(1, 2))
		skewed := rand.NewZipf(r, 1.1, 8, objects-1)
		sieve, lru := newSieveSim(room), newLRUSim(room)
		var hits, sieveHits, lruHits int
		sweep := objects
		for i := range reads {
			k := int(skewed.Uint64())
			if i%4 == 0 { // a crawler reads everything once
				sweep++
				k = sweep
			}
			_, how, err := read(t.Context(), c, name(t, fmt.Sprintf("%d-1000", k)), whole)
			if err != nil {
				t.Fatal(err)
			}
			if how == hit {
				hits++
			} else {
				synctest.Wait()
			}
			sieveHits += sieve.read(k)
			lruHits += lru.read(k)
		}
		ratio := func(n int) float64 { return float64(n) / reads }
		t.Logf("hit ratio %.4f, SIEVE %.4f, LRU %.4f; %+v", ratio(hits), ratio(sieveHits), ratio(lruHits), c.Stats())
		if d := ratio(hits) - ratio(sieveHits); d > 0.03 || d < -0.03 || hits < lruHits {
			t.Errorf("hit ratio %.4f, SIEVE %.4f, LRU %.4f", ratio(hits), ratio(sieveHits), ratio(lruHits))
		}
	})
}

// A sieveSim simulates SIEVE on a slice, oldest first.
type sieveSim struct {
	room int
	hand int
	keys []int
	used map[int]bool // whether a key that is in has been used
}

func newSieveSim(room int) *sieveSim { return &sieveSim{room: room, used: map[int]bool{}} }

func (s *sieveSim) read(k int) int {
	if _, in := s.used[k]; in {
		s.used[k] = true
		return 1
	}
	for len(s.keys) == s.room {
		if s.hand == len(s.keys) {
			s.hand = 0
		}
		old := s.keys[s.hand]
		if s.used[old] {
			s.used[old] = false
			s.hand++
			continue
		}
		delete(s.used, old)
		if s.keys = slices.Delete(s.keys, s.hand, s.hand+1); s.hand == len(s.keys) {
			s.hand = 0
		}
	}
	s.keys = append(s.keys, k)
	s.used[k] = false
	return 0
}

type lruSim struct {
	room int
	list list.List
	at   map[int]*list.Element
}

func newLRUSim(room int) *lruSim { return &lruSim{room: room, at: map[int]*list.Element{}} }

func (l *lruSim) read(k int) int {
	if e := l.at[k]; e != nil {
		l.list.MoveToFront(e)
		return 1
	}
	if l.list.Len() == l.room {
		delete(l.at, l.list.Remove(l.list.Back()).(int))
	}
	l.at[k] = l.list.PushFront(k)
	return 0
}

// diskUse returns the bytes that the files in a directory take, except the marker.
func diskUse(t testing.TB, dir string) (sum int64) {
	t.Helper()
	for _, file := range blockFiles(t, dir) {
		st, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		sum += taken(st)
	}
	return sum
}

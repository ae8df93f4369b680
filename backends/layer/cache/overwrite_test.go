package cache_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/backends/layer/cache"
	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// While a writer replaces objects at the source, no body mixes two versions, and none is
// of a version that was replaced longer ago than the TTL when the call began.
func TestOverwriteInFlight(t *testing.T) {
	reads := int64(2000)
	if long {
		reads = 100_000
	}
	for _, ttl := range []time.Duration{0, 20 * time.Millisecond} {
		t.Run(ttl.String(), func(t *testing.T) {
			b := mem.New()
			c := open(t, b, cache.Options{TTL: ttl, Size: 16 * mib})
			objects := make([]replaced, 6)
			for i := range objects {
				objects[i].n = name(t, fmt.Sprint("object", i))
				objects[i].size = 16 + i*(mib/2)
				objects[i].replace(t, b)
			}
			change := make(chan struct{}, 1)
			var writer, clients sync.WaitGroup
			writer.Go(func() {
				r := rand.New(rand.NewPCG(1, 1))
				for range change {
					objects[r.IntN(len(objects))].replace(t, b)
				}
			})
			var left, changed atomic.Int64
			left.Store(reads)
			for w := range 32 {
				clients.Go(func() {
					r := rand.New(rand.NewPCG(2, uint64(w)))
					for left.Add(-1) >= 0 {
						select {
						case change <- struct{}{}:
						default: // the writer is busy
						}
						o := &objects[r.IntN(len(objects))]
						switch err := o.check(t, c, r, ttl); {
						case errors.Is(err, vfs.ErrChanged):
							changed.Add(1)
						case err != nil:
							t.Error(err)
						}
					}
				})
			}
			clients.Wait()
			close(change)
			writer.Wait()
			t.Logf("%d bodies aborted; %+v", changed.Load(), c.Stats())
			if changed.Load() > reads/2 {
				t.Errorf("%d of %d bodies were aborted", changed.Load(), reads)
			}
		})
	}
}

// A replaced object consists of words that hold its version.
type replaced struct {
	n    vfs.Name
	size int

	mu       sync.Mutex
	versions []time.Time // when each version had been stored
}

func (o *replaced) replace(t *testing.T, b vfs.Backend) {
	data := make([]byte, o.size/8*8)
	binary.LittleEndian.PutUint64(data, uint64(len(o.versions)))
	for i := 8; i < len(data); i *= 2 {
		copy(data[i:], data[:i])
	}
	put(t, b, o.n, string(data))
	o.mu.Lock()
	defer o.mu.Unlock()
	o.versions = append(o.versions, time.Now())
}

func (o *replaced) check(t *testing.T, b vfs.Backend, r *rand.Rand, ttl time.Duration) error {
	began := time.Now()
	var req vfs.Request
	if r.IntN(4) > 0 {
		first := r.Int64N(int64(o.size/8)) * 8
		req.Range = vfs.RangeBetween(first, first+64<<10-1)
	}
	obj, err := b.Open(t.Context(), o.n, req)
	if err != nil {
		return err
	}
	defer obj.Body.Close()
	var src io.Reader = obj.Body
	if obj.File != nil {
		src = io.LimitReader(obj.File, obj.Span.Length)
	}
	data := make([]byte, obj.Span.Length)
	if _, err := io.ReadFull(src, data); err != nil {
		return err
	}
	if len(data) < 8 {
		return fmt.Errorf("%d bytes: %w", len(data), fs.ErrInvalid)
	}
	v := binary.LittleEndian.Uint64(data)
	if whole := len(data) / 8 * 8; !bytes.Equal(data[8:whole], data[:whole-8]) {
		return fmt.Errorf("%s: a body of version %d and another", o.n, v)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if next := int(v) + 1; next < len(o.versions) && began.Sub(o.versions[next]) > ttl {
		return fmt.Errorf("%s: version %d, which was replaced %v before the call", o.n, v, began.Sub(o.versions[next]))
	}
	return nil
}

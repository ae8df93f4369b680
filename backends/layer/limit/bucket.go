package limit

import (
	"context"
	"io"
	"sync"
	"time"
)

// A bucket hands out bytes at a rate. Readers take what they have read and then wait
// until it is theirs, in the order in which they came; a second's bytes may be saved up.
type bucket struct {
	rate, burst float64
	chunk       int // the most that one read takes, so that pauses are short

	mu   sync.Mutex
	free float64 // negative if bytes have been promised
	at   time.Time
}

func newBucket(rate int64) *bucket {
	chunk := min(max(rate/8, 4<<10), 64<<10)
	burst := float64(max(rate, chunk))
	return &bucket{rate: float64(rate), burst: burst, chunk: int(chunk), free: burst, at: time.Now()}
}

// fill adds the bytes since the last call. The caller holds mu.
func (b *bucket) fill(now time.Time) {
	if d := now.Sub(b.at); d > 0 {
		b.free = min(b.burst, b.free+b.rate*d.Seconds())
		b.at = now
	}
}

// delay returns how long the next byte would have to wait.
func (b *bucket) delay(now time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fill(now)
	return b.until()
}

func (b *bucket) until() time.Duration {
	if b.free >= 0 {
		return 0
	}
	return time.Duration(-b.free / b.rate * float64(time.Second))
}

// take takes n bytes and returns when they may be used.
func (b *bucket) take(n int, now time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fill(now)
	b.free -= float64(n)
	return b.until()
}

// A reader delays what it has read until the bucket permits.
type reader struct {
	ctx   context.Context
	r     io.Reader
	bytes *bucket
}

func (r reader) Read(p []byte) (int, error) {
	n, err := r.r.Read(p[:min(len(p), r.bytes.chunk)])
	if wait := r.bytes.take(n, time.Now()); wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-r.ctx.Done():
			return 0, r.ctx.Err()
		}
	}
	return n, err
}

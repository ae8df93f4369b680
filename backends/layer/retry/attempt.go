package retry

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// attempts counts those of one call.
type attempts struct {
	ctx   context.Context
	b     *backend
	left  int
	delay time.Duration // the longest pause before the next one
	made  int
}

func (b *backend) attempts(ctx context.Context) *attempts {
	return &attempts{ctx: ctx, b: b, left: b.opts.Attempts, delay: min(b.opts.Delay, b.opts.MaxDelay)}
}

// next reports whether to make another attempt, where err is the error of the previous
// one. It pauses before all but the first.
func (a *attempts) next(err error) bool {
	switch {
	case a.made == 0:
		a.left--
		a.made++
		return true
	case err == nil:
		if a.made == 1 {
			a.b.budget.earn()
		}
		return false
	}
	if a.left <= 0 || !temporary(err) {
		return false
	}
	pause := rand.N(a.delay + 1)
	if e, ok := errors.AsType[*vfs.Error](err); ok && e.RetryAfter > 0 {
		if e.RetryAfter > a.b.opts.MaxDelay {
			return false
		}
		pause = max(pause, e.RetryAfter)
	}
	if end, ok := a.ctx.Deadline(); ok && time.Until(end) <= pause {
		return false
	}
	if !a.b.budget.spend() {
		return false
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-a.ctx.Done():
		return false
	case <-timer.C:
	}
	a.left--
	a.made++
	a.delay = min(2*a.delay, a.b.opts.MaxDelay)
	return true
}

// temporary reports whether the same call may work soon.
func temporary(err error) bool {
	return errors.Is(err, vfs.ErrUnavailable) && !errors.Is(err, vfs.ErrListBound) &&
		!errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
}

// A budget bounds retries over all calls. It counts in tenths.
type budget struct {
	mu   sync.Mutex
	max  int
	left int
}

func newBudget(retries int) *budget { return &budget{max: 10 * retries, left: 10 * retries} }

func (b *budget) earn() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left = min(b.left+1, b.max)
}

func (b *budget) spend() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.left < 10 {
		return false
	}
	b.left -= 10
	return true
}

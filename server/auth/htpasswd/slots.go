package htpasswd

import (
	"context"
	"runtime"
	"time"
)

// slots bound how many passwords are worked on at a time. nil has no slot.
type slots chan struct{}

// newSlots returns n slots; 0 is one for each second processor.
func newSlots(n int) slots {
	if n <= 0 {
		n = max(1, runtime.GOMAXPROCS(0)/2)
	}
	return make(slots, n)
}

// defaultWait is how long to wait for a slot.
const defaultWait = 10 * time.Second

// enter waits for a free slot, until ctx ends or longest has passed, and reports whether it got
// one. One that is free is taken in any case.
func (s slots) enter(ctx context.Context, longest time.Duration) bool {
	if s == nil {
		return false
	}
	select {
	case s <- struct{}{}:
		return true
	default:
	}
	timer := time.NewTimer(longest)
	defer timer.Stop()
	select {
	case s <- struct{}{}:
		return true
	case <-timer.C:
	case <-ctx.Done():
	}
	return false
}

func (s slots) leave() { <-s }

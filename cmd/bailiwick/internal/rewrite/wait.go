package rewrite

import (
	"context"
	"errors"
	"time"
)

// A wait limits how long a lock is waited for. A lock is held for milliseconds.
type wait struct {
	ctx  context.Context
	stop context.CancelFunc
}

var errInUse = errors.New("another process has been changing it for ten seconds; try again")

func newWait(ctx context.Context) wait {
	ctx, stop := context.WithTimeoutCause(ctx, 10*time.Second, errInUse)
	return wait{ctx, stop}
}

// pause returns after a while, or with an error when the wait is over.
func (w wait) pause() error {
	select {
	case <-w.ctx.Done():
		return context.Cause(w.ctx)
	case <-time.After(5 * time.Millisecond):
		return nil
	}
}

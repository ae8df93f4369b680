package server_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/catalog"
)

// countFirst is a naive store: it counts the shares of an issuer, and then adds one. All
// callers have counted before the first adds.
type countFirst struct {
	catalog.Shares
	counted *sync.WaitGroup
}

func (c countFirst) AddShare(ctx context.Context, s catalog.Share, most int) error {
	found, err := c.SharesOf(ctx, s.Issuer, uuid.UUID{}, most)
	c.counted.Done()
	c.counted.Wait()
	switch {
	case err != nil:
		return err
	case len(found) == most:
		return catalog.ErrTooMany
	}
	return c.Shares.AddShare(ctx, s, 1<<40)
}

// TestShareLimitAtOnce has 64 requests of one user make shares at once: there are never more
// than a user may have. The control counts first.
func TestShareLimitAtOnce(t *testing.T) {
	const most, callers = 5, 64
	for _, naive := range []bool{false, true} {
		s := newSharing(t)
		s.change = func(c *server.ShareConfig) {
			c.Most = most
			if naive {
				counted := new(sync.WaitGroup)
				counted.Add(callers)
				c.Store = countFirst{c.Store, counted}
			}
		}
		s.apply()
		var group sync.WaitGroup
		var statuses [600]atomic.Int64
		for range callers {
			group.Go(func() {
				statuses[s.post("alice", fields{"path": "/files/docs/pub/a.txt"}).Status].Add(1)
			})
		}
		group.Wait()
		made, refused := statuses[201].Load(), statuses[409].Load()
		switch {
		case naive && made <= most:
			t.Errorf("the control makes %d shares", made)
		case !naive && (made != most || refused != callers-most):
			t.Errorf("%d made and %d refused, want %d made", made, refused, most)
		}
	}
}

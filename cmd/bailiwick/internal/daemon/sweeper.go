package daemon

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bailiwick-fs/bailiwick/backends"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/catalogs"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/server/catalog/reconcile"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// sweepEvery is how often a server looks for abandoned uploads.
const sweepEvery = 10 * time.Minute

// firstDelays is when it looks after its start: a database takes a moment to notice that the
// previous server has died.
var firstDelays = []time.Duration{time.Second, 5 * time.Second, time.Minute}

// startSweepBudget is how long a sweep may delay a start. The next sweep clears the rest.
const startSweepBudget = 30 * time.Second

// A sweeper cleans up after interrupted uploads.
type sweeper struct {
	source   *backends.Source
	jail     *vfs.Jail
	catalog  catalog.Catalog
	longest  atomic.Int64 // time that an upload of any generation so far may take
	announce func(format string, args ...any)

	cancel context.CancelFunc
	done   sync.WaitGroup
}

// allow makes the sweeper spare uploads that take up to longest. It never takes that back: an
// upload that an earlier generation permitted may still run. Only one goroutine may call it.
func (w *sweeper) allow(longest time.Duration) {
	w.longest.Store(max(w.longest.Load(), int64(longest)))
}

// start sweeps once, and then periodically until stop.
func (w *sweeper) start(ctx context.Context) {
	first, cancel := context.WithTimeout(ctx, startSweepBudget)
	w.sweep(first)
	cancel()
	ctx, w.cancel = context.WithCancel(context.WithoutCancel(ctx))
	w.done.Go(func() {
		for i := 0; ; i++ {
			wait := sweepEvery
			if i < len(firstDelays) {
				wait = firstDelays[i]
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(wait):
				w.sweep(ctx)
			}
		}
	})
}

// sweep clears abandoned uploads, and announces it if there were any.
func (w *sweeper) sweep(ctx context.Context) {
	// The owner of an upload in parts without a row is unknown. It has certainly ended if it
	// is older than any upload may be.
	rowless := time.Duration(w.longest.Load()) + catalogs.UploadAge
	swept, parts, err := catalogs.Sweep(ctx, w.source, w.jail, w.catalog, catalogs.UploadAge, rowless)
	switch {
	case ctx.Err() != nil:
	case err != nil:
		w.announce("bailiwick: clearing abandoned uploads failed, and will be tried again: %s", cli.OneLine(err))
	case swept != reconcile.Swept{} || parts > 0:
		w.announce("%s", catalogs.SweepSummary(swept, parts))
	}
}

func (w *sweeper) stop() {
	w.cancel()
	w.done.Wait()
}

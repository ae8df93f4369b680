package daemon

import (
	"context"
	"sync"
	"time"

	"github.com/bailiwick-fs/bailiwick/backends"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/catalogs"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/server/catalog/reconcile"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// sweepEvery is how often a server looks for what others left.
const sweepEvery = 10 * time.Minute

// soonAfter is when it does so behind its start: a database takes a moment to see that
// the one before has died.
var soonAfter = []time.Duration{time.Second, 5 * time.Second, time.Minute}

// startSweepBudget is how long a start may be held up by a sweep. What is left then
// the next one clears.
const startSweepBudget = 30 * time.Second

// A sweeper clears up behind uploads that ended without an end.
type sweeper struct {
	source   *backends.Source
	jail     *vfs.Jail
	catalog  catalog.Catalog
	parts    time.Duration // after which parts of an object are taken for left
	announce func(format string, args ...any)

	cancel context.CancelFunc
	done   sync.WaitGroup
}

// start sweeps once, and then now and then until stop.
func (w *sweeper) start(ctx context.Context) {
	first, cancel := context.WithTimeout(ctx, startSweepBudget)
	w.sweep(first)
	cancel()
	ctx, w.cancel = context.WithCancel(context.WithoutCancel(ctx))
	w.done.Go(func() {
		for i := 0; ; i++ {
			wait := sweepEvery
			if i < len(soonAfter) {
				wait = soonAfter[i]
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

// sweep clears what was left, and speaks of it only if there was something.
func (w *sweeper) sweep(ctx context.Context) {
	swept, err := reconcile.Sweep(ctx, w.jail, w.catalog, time.Now().Add(-catalogs.UploadAge), w.source)
	// Nobody knows whose an upload in parts is that has no row: only that it has
	// taken longer than any may.
	parts, partsErr := w.source.Sweep(ctx, w.parts)
	if err == nil {
		err = partsErr
	}
	switch {
	case ctx.Err() != nil:
	case err != nil:
		w.announce("bailiwick: sweeping uploads that were left did not end, and is tried again: %s", cli.OneLine(err))
	case swept != reconcile.Swept{} || parts > 0:
		w.announce("%s", catalogs.SweepSummary(swept, parts))
	}
}

func (w *sweeper) stop() {
	w.cancel()
	w.done.Wait()
}

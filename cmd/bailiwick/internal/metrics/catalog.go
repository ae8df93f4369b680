package metrics

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/bailiwick-fs/bailiwick/server/auth/links"
	"github.com/bailiwick-fs/bailiwick/server/catalog"
)

// An observedCatalog measures the catalog calls of uploads and sweeps.
type observedCatalog struct {
	catalog.Catalog
	durations *prometheus.HistogramVec
}

// An observedCounter is an observedCatalog that also counts the uses of links.
type observedCounter struct {
	*observedCatalog
	counter links.Counter
}

// ObserveCatalog returns c with measured calls.
func (m *Metrics) ObserveCatalog(c catalog.Catalog) catalog.Catalog {
	if m == nil {
		return c
	}
	o := &observedCatalog{c, m.catalog}
	if counter, ok := c.(links.Counter); ok {
		return &observedCounter{o, counter}
	}
	return o
}

func (o *observedCatalog) observe(op string, start time.Time, err error) {
	o.durations.WithLabelValues(op, catalogOutcome(err)).Observe(time.Since(start).Seconds())
}

func catalogOutcome(err error) string {
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, catalog.ErrNotFound):
		return "missing"
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return "canceled"
	case errors.Is(err, catalog.ErrUnavailable):
		return "unavailable"
	case errors.Is(err, catalog.ErrFull):
		return "full"
	}
	return "error"
}

// Begin implements catalog.Catalog.
func (o *observedCatalog) Begin(ctx context.Context, rec catalog.Record) error {
	start := time.Now()
	err := o.Catalog.Begin(ctx, rec)
	o.observe("begin", start, err)
	return err
}

// Touch implements catalog.Catalog.
func (o *observedCatalog) Touch(ctx context.Context, id uuid.UUID) error {
	start := time.Now()
	err := o.Catalog.Touch(ctx, id)
	o.observe("touch", start, err)
	return err
}

// Commit implements catalog.Catalog.
func (o *observedCatalog) Commit(ctx context.Context, rec catalog.Record) (catalog.Record, error) {
	start := time.Now()
	rec, err := o.Catalog.Commit(ctx, rec)
	o.observe("commit", start, err)
	return rec, err
}

// Get implements catalog.Catalog.
func (o *observedCatalog) Get(ctx context.Context, id uuid.UUID) (catalog.Record, error) {
	start := time.Now()
	rec, err := o.Catalog.Get(ctx, id)
	o.observe("get", start, err)
	return rec, err
}

// Owned implements catalog.Catalog.
func (o *observedCatalog) Owned(ctx context.Context, owner string, after catalog.Record, limit int) ([]catalog.Record, error) {
	start := time.Now()
	page, err := o.Catalog.Owned(ctx, owner, after, limit)
	o.observe("owned", start, err)
	return page, err
}

// Delete implements catalog.Catalog.
func (o *observedCatalog) Delete(ctx context.Context, id uuid.UUID) error {
	start := time.Now()
	err := o.Catalog.Delete(ctx, id)
	o.observe("delete", start, err)
	return err
}

// Abandon implements catalog.Catalog.
func (o *observedCatalog) Abandon(ctx context.Context, id uuid.UUID) error {
	start := time.Now()
	err := o.Catalog.Abandon(ctx, id)
	o.observe("abandon", start, err)
	return err
}

// Forget implements catalog.Catalog.
func (o *observedCatalog) Forget(ctx context.Context, id uuid.UUID) error {
	start := time.Now()
	err := o.Catalog.Forget(ctx, id)
	o.observe("forget", start, err)
	return err
}

// Stale implements catalog.Catalog. Its duration is that of the whole sweep.
func (o *observedCatalog) Stale(ctx context.Context, before time.Time) iter.Seq2[catalog.Record, error] {
	return func(yield func(catalog.Record, error) bool) {
		start := time.Now()
		var failed error
		defer func() { o.observe("left", start, failed) }()
		for rec, err := range o.Catalog.Stale(ctx, before) {
			failed = err
			if !yield(rec, err) {
				return
			}
		}
	}
}

// Use implements links.Counter.
func (o *observedCounter) Use(ctx context.Context, id string, limit int, expires time.Time) (bool, error) {
	start := time.Now()
	ok, err := o.counter.Use(ctx, id, limit, expires)
	o.observe("use", start, err)
	return ok, err
}

// Good implements links.Counter.
func (o *observedCounter) Good(ctx context.Context, id string, limit int) (bool, error) {
	start := time.Now()
	ok, err := o.counter.Good(ctx, id, limit)
	o.observe("good", start, err)
	return ok, err
}

package catalogtest

import (
	"testing"

	"github.com/bailiwick-fs/bailiwick/server/catalog"
)

// Bench measures a Begin and a Commit, sequentially and from many goroutines
// concurrently.
func Bench(b *testing.B, c catalog.Catalog) {
	ctx := b.Context()
	upload := func(b *testing.B) {
		rec := NewRecord("a name")
		if err := c.Begin(ctx, rec); err != nil {
			b.Error(err)
		}
		if _, err := c.Commit(ctx, Done(rec, "data")); err != nil {
			b.Error(err)
		}
	}
	b.Run("serial", func(b *testing.B) {
		for b.Loop() {
			upload(b)
		}
		perSecond(b)
	})
	b.Run("parallel", func(b *testing.B) {
		b.SetParallelism(16)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				upload(b)
			}
		})
		perSecond(b)
	})
	rec := bring(b, c, catalog.Ready)
	b.Run("Get", func(b *testing.B) {
		for b.Loop() {
			if _, err := c.Get(ctx, rec.ID); err != nil {
				b.Fatal(err)
			}
		}
		perSecond(b)
	})
}

func perSecond(b *testing.B) { b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "ops/s") }

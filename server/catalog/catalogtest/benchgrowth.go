package catalogtest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/bailiwick-fs/bailiwick/server/catalog"
)

// Sizes returns numbers of rows that differ by factors of ten. BAILIWICK_LONG=1 adds the
// largest, which takes minutes to fill.
func Sizes() []int {
	sizes := []int{1000, 10_000, 100_000, 1_000_000}
	if os.Getenv("BAILIWICK_LONG") == "1" {
		sizes = append(sizes, 10_000_000)
	}
	return sizes
}

// GrowthID is the ID of row i of n, in the order of i, spread over all IDs. In SQL, for a
// step of 2^32/n:
//
//	printf('%08x-0000-4000-8000-000000000000', i * step)
func GrowthID(i, n int) (id uuid.UUID) {
	binary.BigEndian.PutUint32(id[:], uint32(i)*GrowthStep(n))
	id[6], id[8] = 0x40, 0x80
	return id
}

// GrowthStep is the distance between the first 32 bits of two IDs.
func GrowthStep(n int) uint32 { return uint32(1 << 32 / uint64(n)) }

// BenchGrowth measures calls on a catalog with n rows, which have the IDs of GrowthID and
// are ready, except the first ten, which are stale. Row i belongs to the owner user and i modulo
// 1,000. Only All and Count should cost more with more rows.
func BenchGrowth(b *testing.B, c catalog.Shared, n int) {
	ctx := b.Context()
	random := rand.New(rand.NewPCG(1, 2))
	run := func(name string, do func(context.Context) error) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if err := do(ctx); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	run("Get", func(ctx context.Context) error {
		_, err := c.Get(ctx, GrowthID(10+random.IntN(n-10), n))
		return err
	})
	run("Owned", func(ctx context.Context) error {
		page, err := c.Owned(ctx, "user10", catalog.Record{}, 100)
		if err == nil && len(page) != min(n/1000, 100) {
			err = fmt.Errorf("%d rows of an owner", len(page))
		}
		return err
	})
	var added []uuid.UUID
	add := func(ctx context.Context) error {
		rec := NewRecord("a name")
		if err := c.Begin(ctx, rec); err != nil {
			return err
		}
		added = append(added, rec.ID)
		_, err := c.Commit(ctx, Done(rec, "data"))
		return err
	}
	run("Begin+Commit", add)
	run("Stale", func(ctx context.Context) error {
		found := 0
		for _, err := range c.Stale(ctx, time.Now()) {
			if err != nil {
				return err
			}
			found++
		}
		if found != 10 {
			return fmt.Errorf("%d rows are stale, want 10", found)
		}
		return nil
	})
	b.Run("Delete+Forget", func(b *testing.B) {
		for b.Loop() {
			if len(added) == 0 {
				b.StopTimer()
				if err := add(ctx); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
			id := added[len(added)-1]
			added = added[:len(added)-1]
			if err := errors.Join(c.Delete(ctx, id), c.Forget(ctx, id)); err != nil {
				b.Fatal(err)
			}
		}
	})
	run("Sources", func(ctx context.Context) error {
		_, err := c.Sources(ctx)
		return err
	})
	run("CountUnbound", func(ctx context.Context) error {
		_, err := c.Count(ctx, "")
		return err
	})
	run("Ping", c.Ping)
	b.Run("All", func(b *testing.B) {
		rows := 0
		for b.Loop() {
			for _, err := range c.All(ctx) {
				if err != nil {
					b.Fatal(err)
				}
				rows++
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(rows), "ns/row")
	})
}

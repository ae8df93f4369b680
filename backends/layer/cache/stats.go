package cache

import (
	"context"

	"github.com/bailiwick-fs/bailiwick/vfs/driver"
)

// Stats is a snapshot of a Cache. The counts begin with New and never decrease.
type Stats struct {
	// Calls of Open and Stat, by how they were answered. Calls that the source refused,
	// or that failed, count as misses; known missing names as hits.
	Hits, Misses, Revalidations, Stale, Bypassed uint64

	BytesFromCache  uint64 // read from the directory, or passed to the caller as a file
	BytesFromSource uint64 // read from the source, except by bypassed calls
	Evictions       uint64 // blocks that were removed to make room
	Damaged         uint64 // blocks with a wrong checksum, which were not used
	Failures        uint64 // of the directory

	Size     int64 // bytes of the file system that the blocks take, including those being written
	Objects  int   // versions that are known
	Negative int   // names that are known to be missing
}

// Stats returns a snapshot.
func (c *Cache) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.stats
	s.Size, s.Objects, s.Negative = c.used, c.versions.len, c.missing.len
	return s
}

// answered counts a call and tells its caller how it was answered.
func (c *Cache) answered(ctx context.Context, how driver.CacheStatus) {
	if a := driver.AnswerOf(ctx); a != nil {
		a.Cache = how
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch how {
	case driver.CacheHit:
		c.stats.Hits++
	case driver.CacheMiss:
		c.stats.Misses++
	case driver.CacheRevalidated:
		c.stats.Revalidations++
	case driver.CacheStale:
		c.stats.Stale++
	case driver.CacheBypass:
		c.stats.Bypassed++
	}
}

// answeredBy is answered for a call that was answered from v, and tells its caller which of
// several backends below has that.
func (c *Cache) answeredBy(ctx context.Context, how driver.CacheStatus, v *version) {
	if a := driver.AnswerOf(ctx); a != nil {
		c.mu.Lock()
		a.Layer = v.layer
		c.mu.Unlock()
	}
	c.answered(ctx, how)
}

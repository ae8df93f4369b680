package server

import (
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/bailiwick-fs/bailiwick/server/catalog"
)

// A shareCache remembers shares for a short time, so that a page with many images is not as
// many look-ups. What was revoked on this server is forgotten before the revocation is
// answered.
type shareCache struct {
	age  time.Duration
	most int

	mu     sync.Mutex
	shares map[[32]byte]cachedShare
	epoch  uint64 // of revocations
}

type cachedShare struct {
	catalog.Share
	at time.Time
}

func newShareCache(age time.Duration, most int) *shareCache {
	return &shareCache{age: age, most: most, shares: map[[32]byte]cachedShare{}}
}

// get returns the share of a token's hash if it was read within the last moment. Otherwise the
// caller reads it and passes it to put with the epoch.
func (c *shareCache) get(token [32]byte, now time.Time) (s catalog.Share, epoch uint64, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	found, ok := c.shares[token]
	if age := now.Sub(found.at); ok && (age < 0 || age >= c.age) {
		delete(c.shares, token)
		ok = false
	}
	return found.Share, c.epoch, ok
}

// put remembers a share that was read since epoch. After a revocation, it may be the one that
// was revoked.
func (c *shareCache) put(s catalog.Share, epoch uint64, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if epoch != c.epoch {
		return
	}
	if len(c.shares) >= c.most {
		clear(c.shares)
	}
	c.shares[s.Token] = cachedShare{s, now}
}

// forget forgets a share, and what is being read now.
func (c *shareCache) forget(id uuid.UUID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.epoch++
	for token, s := range c.shares {
		if s.ID == id {
			delete(c.shares, token)
		}
	}
}

package server

import (
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/bailiwick-fs/bailiwick/server/catalog"
)

// ShareCache remembers the shares of one Store for a second, so that a page with many images does
// not need as many look-ups. What a handler revokes is forgotten before it answers, by all handlers
// that share the cache. The zero ShareCache is ready to use, and safe for concurrent use.
type ShareCache struct {
	mu     sync.Mutex
	shares map[[32]byte]cachedShare
	epoch  uint64 // of revocations
}

type cachedShare struct {
	catalog.Share
	at time.Time
}

const (
	shareLookUpTime  = time.Second // how long a share is remembered
	sharesRemembered = 10_000
)

// get returns the share of a token's hash if it was read within the last moment. Otherwise the
// caller reads it and passes it to put with the epoch.
func (c *ShareCache) get(token [32]byte, now time.Time) (s catalog.Share, epoch uint64, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	found, ok := c.shares[token]
	if age := now.Sub(found.at); ok && (age < 0 || age >= shareLookUpTime) {
		delete(c.shares, token)
		ok = false
	}
	return found.Share, c.epoch, ok
}

// put remembers a share that was read since epoch. After a revocation, it may be the one that
// was revoked.
func (c *ShareCache) put(s catalog.Share, epoch uint64, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if epoch != c.epoch {
		return
	}
	if len(c.shares) >= sharesRemembered {
		clear(c.shares)
	}
	if c.shares == nil {
		c.shares = map[[32]byte]cachedShare{}
	}
	c.shares[s.Token] = cachedShare{s, now}
}

// forget forgets a share, and what is being read now.
func (c *ShareCache) forget(id uuid.UUID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.epoch++
	for token, s := range c.shares {
		if s.ID == id {
			delete(c.shares, token)
		}
	}
}

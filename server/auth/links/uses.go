package links

import (
	"context"
	"sync"
	"time"
)

// A Counter counts the uses of links. It is safe for concurrent use.
type Counter interface {
	// Use counts one use of the link id, which is valid for limit uses until it expires,
	// and reports whether this use is within the limit. A clock that is set back does not
	// make a link valid again.
	Use(ctx context.Context, id string, limit int, expires time.Time) (bool, error)

	// Good reports whether Use would succeed, without counting. It is for responses that
	// do not use up the link but must not be given after its end.
	Good(ctx context.Context, id string, limit int) (bool, error)
}

// Memory is a Counter that keeps its counts in memory only. The zero Memory is ready to
// use.
type Memory struct {
	Now func() time.Time // default time.Now

	mu    sync.Mutex
	uses  map[string]*count
	clock Clock
	due   time.Time // when expired links are removed next
}

type count struct {
	n       int
	expires time.Time
}

var _ Counter = (*Memory)(nil)

// Use implements Counter. It fails only if ctx has ended.
func (m *Memory) Use(ctx context.Context, id string, limit int, expires time.Time) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	system := time.Now
	if m.Now != nil {
		system = m.Now
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	// Without this, a clock that was set back would revive a link whose count is already
	// removed.
	now := m.clock.Now(ctx, system())
	if !now.Before(expires) {
		return false, nil
	}
	if m.uses == nil {
		m.uses = map[string]*count{}
	}
	if now.After(m.due) {
		for id, c := range m.uses {
			if !now.Before(c.expires) {
				delete(m.uses, id)
			}
		}
		m.due = now.Add(time.Minute)
	}
	c := m.uses[id]
	if c == nil {
		c = &count{expires: expires}
		m.uses[id] = c
	}
	if c.n >= limit {
		return false, nil
	}
	c.n++
	return true, nil
}

// Good implements Counter. It fails only if ctx has ended.
func (m *Memory) Good(ctx context.Context, id string, limit int) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.uses[id]
	return limit > 0 && (c == nil || c.n < limit), nil
}

package links

import (
	"context"
	"sync"
	"time"
)

// A Counter counts the uses of links. It is safe for concurrent use.
type Counter interface {
	// Use counts a use of the link id, which is good for limit uses until it
	// expires, and reports whether it was still good for this one. A clock that goes
	// back makes no link good again.
	Use(ctx context.Context, id string, limit int, expires time.Time) (bool, error)

	// Good reports whether a Use would be good, and counts nothing: for answers that are
	// no use of a link, and must not outlive it.
	Good(ctx context.Context, id string, limit int) (bool, error)
}

// Memory is a Counter that forgets with the process. The zero Memory is ready.
type Memory struct {
	Now func() time.Time // the clock; time.Now if nil

	mu    sync.Mutex
	uses  map[string]*count
	clock Clock
	due   time.Time // when expired links are next taken out
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
	// A clock that has gone back would make a link good again whose count was taken out.
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

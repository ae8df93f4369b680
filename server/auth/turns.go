package auth

import (
	"context"
	"net/netip"
	"sync"
)

// turns let each client do one thing at a time, first come, first served.
type turns struct {
	mu      sync.Mutex
	clients map[netip.Prefix]*turn
}

type turn struct {
	taken   chan struct{} // has an item while it is taken; senders wait in a queue
	holding int           // those that have it or wait for it
}

// begin waits for the client's turn, until end. The error is ErrUnavailable if ctx ended first.
func (t *turns) begin(ctx context.Context, key netip.Prefix) (end func(), err error) {
	t.mu.Lock()
	c := t.clients[key]
	if c == nil {
		if t.clients == nil {
			t.clients = map[netip.Prefix]*turn{}
		}
		c = &turn{taken: make(chan struct{}, 1)}
		t.clients[key] = c
	}
	c.holding++
	t.mu.Unlock()
	leave := func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if c.holding--; c.holding == 0 {
			delete(t.clients, key)
		}
	}
	select {
	case c.taken <- struct{}{}:
		return func() { <-c.taken; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, ErrUnavailable
	}
}

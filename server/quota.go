package server

import (
	"net/netip"
	"sync"
)

// A quota counts the bytes that clients make a server hold, in all and each.
type quota struct {
	mu      sync.Mutex
	bytes   int64
	clients map[netip.Prefix]int64
}

// take takes n bytes for a client, until give, and reports whether there was room: at most all for
// all clients together, and each for this one.
func (q *quota) take(client netip.Prefix, n, all, each int64) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if n > all-q.bytes || n > each-q.clients[client] {
		return false
	}
	if q.clients == nil {
		q.clients = map[netip.Prefix]int64{}
	}
	q.bytes += n
	q.clients[client] += n
	return true
}

func (q *quota) give(client netip.Prefix, n int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.bytes -= n
	if q.clients[client] -= n; q.clients[client] == 0 {
		delete(q.clients, client)
	}
}

package server

import (
	"net/netip"
	"sync"

	"github.com/bailiwick-fs/bailiwick/server/internal/clients"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A response holds what it is made from until the client has read it, which takes a slow one
// as long as it likes, within MinRate. The body of an object holds a buffer; these bounds are
// for what holds more: a page of a large directory, or a text.
const (
	heldFree      = 128 << 10     // what a response holds without being counted
	heldBytes     = 64 << 20      // of all responses together
	heldPerClient = heldBytes / 4 // of those to one client
)

// held is of the process, as its memory is.
var held heldMemory

type heldMemory struct {
	mu      sync.Mutex
	bytes   int64
	clients map[netip.Prefix]int64
}

// hold takes memory for the response until the end of the exchange. It fails with errPageBusy
// if too much is taken.
func (x *exchange) hold(bytes int64) error {
	if bytes <= heldFree {
		return nil
	}
	client := x.client()
	held.mu.Lock()
	defer held.mu.Unlock()
	if held.bytes+bytes > heldBytes || held.clients[client]+bytes > heldPerClient {
		return errPageBusy
	}
	if held.clients == nil {
		held.clients = map[netip.Prefix]int64{}
	}
	held.bytes += bytes
	held.clients[client] += bytes
	x.held += bytes
	return nil
}

// release gives back what hold has taken.
func (x *exchange) release() {
	if x.held == 0 {
		return
	}
	client := x.client()
	held.mu.Lock()
	defer held.mu.Unlock()
	held.bytes -= x.held
	if held.clients[client] -= x.held; held.clients[client] == 0 {
		delete(held.clients, client)
	}
	x.held = 0
}

// client returns the client of the request, as limits count clients.
func (x *exchange) client() netip.Prefix { return clients.Key(clients.Of(x.r)) }

// entryBytes is the memory of a vfs.Entry without its name.
const entryBytes = 80

// sizeOf returns the memory of entries.
func sizeOf(entries []vfs.Entry) int64 {
	n := int64(cap(entries)) * entryBytes
	for i := range entries {
		n += int64(len(entries[i].Elem))
	}
	return n
}

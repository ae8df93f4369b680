package daemon

import (
	"net/http"
	"sync"
	"time"
)

// inFlight are the requests that are being answered, in the order in which they came. At
// its end a server waits for them, and records those that it cannot wait for. The zero
// inFlight is empty and lets requests in.
type inFlight struct {
	mu      sync.Mutex
	first   pending // before the oldest one; the list is a ring
	n       int
	closed  bool
	drained chan struct{} // is closed once there are none; nil unless somebody waits
}

// A pending request is one of them, and the site that answers it.
type pending struct {
	*http.Request
	began      time.Time
	generation *generation

	before, after *pending
}

// enter adds a request that t answers. It returns nil once no more are let in.
func (f *inFlight) enter(r *http.Request, g *generation) *pending {
	entry := &pending{Request: r, began: time.Now(), generation: g}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil
	}
	if f.first.after == nil {
		f.first.before, f.first.after = &f.first, &f.first
	}
	last := f.first.before
	entry.before, entry.after = last, &f.first
	last.after, f.first.before = entry, entry
	f.n++
	return entry
}

// leave removes a request, whose handler has returned and whose record is written.
func (f *inFlight) leave(entry *pending) {
	f.mu.Lock()
	defer f.mu.Unlock()
	entry.before.after, entry.after.before = entry.after, entry.before
	if f.n--; f.n == 0 && f.drained != nil {
		close(f.drained)
		f.drained = nil
	}
}

// len returns how many there are.
func (f *inFlight) len() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return int64(f.n)
}

// wait returns when there are none, or after the longest time. One goroutine calls it.
func (f *inFlight) wait(longest time.Duration) {
	f.mu.Lock()
	drained := make(chan struct{})
	if f.n == 0 {
		close(drained)
	} else {
		f.drained = drained
	}
	f.mu.Unlock()
	select {
	case <-drained:
	case <-time.After(longest):
	}
}

// close lets no more in, and returns those that are still there.
func (f *inFlight) close() []*pending {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	var left []*pending
	if f.first.after != nil {
		for entry := f.first.after; entry != &f.first; entry = entry.after {
			left = append(left, entry)
		}
	}
	return left
}

package daemon

import (
	"net/http"
	"sync"
	"time"
)

// inFlight are the requests that are being answered, in order of arrival. When a server ends,
// it waits for them, and records those that do not end in time. The zero inFlight is empty
// and ready.
type inFlight struct {
	mu      sync.Mutex
	first   pending // before the oldest one; the list is a ring
	n       int
	closed  bool
	drained chan struct{} // is closed once there are none; nil unless somebody waits
}

// A pending request is one of them, with the generation that answers it.
type pending struct {
	*http.Request
	began      time.Time
	generation *generation

	before, after *pending
}

// enter adds a request that g answers. It returns nil after close.
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

// leave removes a request whose handler has returned and whose record is written.
func (f *inFlight) leave(entry *pending) {
	f.mu.Lock()
	defer f.mu.Unlock()
	entry.before.after, entry.after.before = entry.after, entry.before
	if f.n--; f.n == 0 && f.drained != nil {
		close(f.drained)
		f.drained = nil
	}
}

// len returns the number of requests.
func (f *inFlight) len() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return int64(f.n)
}

// wait returns when there are no requests, or after the longest time. Only one goroutine may
// call it.
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

// close admits no more requests, and returns the remaining ones.
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

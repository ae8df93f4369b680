package s3

import (
	"container/list"
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// streams bounds the number of open bodies: each holds a connection. A stream rests
// while its reader requests nothing. If all slots are taken, the stream that has rested
// longest is closed for the next one, and its body requests the remaining bytes when
// its reader returns. So readers that are slow, or never return, keep nobody else
// waiting.
type streams struct {
	limit int

	mu      sync.Mutex
	open    int         // slots taken
	resting restingList // longest-resting first
	callers list.List   // of chan struct{}, waiting for a slot; closed to pass one on

	watchdogs sync.Pool // of *watchdog
}

// A stream is the open body of one GetObject.
type stream struct {
	io.ReadCloser
	cancel context.CancelFunc // ends the request; nil if Close does, also during a Read
	watch  *watchdog
	// stalled is set when the watchdog has ended the request.
	stalled atomic.Bool

	rests          bool // it is in streams.resting, and not being read
	previous, next *stream
}

// stop ends the request, and a Read that waits.
func (st *stream) stop() {
	if st.cancel != nil {
		st.cancel()
		return
	}
	st.Close()
}

// close ends the request. The stream must not be in use.
func (st *stream) close() {
	st.watch.release()
	st.stop()
	st.Close()
}

// enter takes a slot. It fails with vfs.ErrUnavailable if none becomes free within
// wait, which happens only if the service keeps all streams waiting.
func (s *streams) enter(ctx context.Context, wait time.Duration) error {
	s.mu.Lock()
	if s.open < s.limit {
		s.open++
		s.mu.Unlock()
		return nil
	}
	if first := s.resting.first; first != nil {
		// The caller gets its slot.
		s.resting.remove(first)
		s.mu.Unlock()
		first.close()
		return nil
	}
	slot := make(chan struct{})
	self := s.callers.PushBack(slot)
	s.mu.Unlock()

	timer := time.NewTimer(wait)
	defer timer.Stop()
	var err error
	select {
	case <-slot:
		return nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-timer.C:
		err = fmt.Errorf("%w: %d bodies are being read from S3", vfs.ErrUnavailable, s.limit)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-slot: // it came just now
		s.pass()
	default:
		s.callers.Remove(self)
	}
	return err
}

// leave releases a slot.
func (s *streams) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pass()
}

// rest records that the reader of st requests nothing now. If a caller waits for a
// slot, st is closed at once.
func (s *streams) rest(st *stream) {
	s.mu.Lock()
	wanted := s.callers.Len() > 0
	if !wanted {
		s.resting.add(st)
	}
	s.mu.Unlock()
	if wanted {
		st.close()
		s.leave()
	}
}

// wake records that st is about to be read again. It reports false if st was closed and
// its slot passed on.
func (s *streams) wake(st *stream) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !st.rests {
		return false
	}
	s.resting.remove(st)
	return true
}

// pass passes a slot to the first waiting caller. The caller of pass holds mu.
func (s *streams) pass() {
	first := s.callers.Front()
	if first == nil {
		s.open--
		return
	}
	close(s.callers.Remove(first).(chan struct{}))
}

// A restingList is a doubly linked list through its streams, so that resting between two
// reads allocates nothing.
type restingList struct{ first, last *stream }

func (l *restingList) add(st *stream) {
	st.rests, st.previous = true, l.last
	if l.last == nil {
		l.first = st
	} else {
		l.last.next = st
	}
	l.last = st
}

func (l *restingList) remove(st *stream) {
	if st.previous == nil {
		l.first = st.next
	} else {
		st.previous.next = st.next
	}
	if st.next == nil {
		l.last = st.previous
	} else {
		st.next.previous = st.previous
	}
	st.rests, st.previous, st.next = false, nil, nil
}

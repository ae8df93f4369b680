package s3

import (
	"container/list"
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// streams bounds how many bodies are open at a time: each holds a connection. A
// stream rests while its reader asks for nothing. Where all slots are taken, the
// stream that has rested longest is closed for the next one, and its body asks for
// the remaining bytes when its reader comes back. So readers that are slow, or
// never come back, keep nobody else waiting.
type streams struct {
	limit int

	mu      sync.Mutex
	open    int       // slots taken
	resting list.List // of *stream, the one that has rested longest first
	callers list.List // of chan struct{}, which wait for a slot; closed with one
}

// A stream is the open body of one GetObject.
type stream struct {
	io.ReadCloser
	live   context.Context // the request's own
	cancel context.CancelCauseFunc
	watch  *time.Timer // ends the request if a read takes too long

	rests *list.Element // of streams.resting; nil while it is being read
}

// enter takes a slot. It fails with vfs.ErrUnavailable where none becomes free
// within wait, which takes a service that keeps all streams waiting.
func (s *streams) enter(ctx context.Context, wait time.Duration) error {
	s.mu.Lock()
	if s.open < s.limit {
		s.open++
		s.mu.Unlock()
		return nil
	}
	if first := s.resting.Front(); first != nil {
		evicted := s.evict(first.Value.(*stream))
		s.mu.Unlock()
		evicted.close()
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
	case <-slot: // it came in this very moment
		s.pass()
	default:
		s.callers.Remove(self)
	}
	return err
}

// leave gives a slot back.
func (s *streams) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pass()
}

// rest says that the reader of st asks for nothing now. If somebody waits for a
// slot, st is closed at once.
func (s *streams) rest(st *stream) {
	s.mu.Lock()
	st.rests = s.resting.PushBack(st)
	if s.callers.Len() == 0 {
		s.mu.Unlock()
		return
	}
	s.evict(st)
	s.mu.Unlock()
	st.close()
	s.leave()
}

// wake says that st is to be read again. It reports false if st was closed and its
// slot is taken.
func (s *streams) wake(st *stream) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st.rests == nil {
		return false
	}
	s.resting.Remove(st.rests)
	st.rests = nil
	return true
}

// evict takes st off the list. Its slot is the caller's, who holds mu and then
// closes st.
func (s *streams) evict(st *stream) *stream {
	s.resting.Remove(st.rests)
	st.rests = nil
	return st
}

// pass hands a slot to the first caller who waits. The caller holds mu.
func (s *streams) pass() {
	first := s.callers.Front()
	if first == nil {
		s.open--
		return
	}
	close(s.callers.Remove(first).(chan struct{}))
}

func (st *stream) close() {
	st.watch.Stop()
	st.cancel(nil)
	st.Close()
}

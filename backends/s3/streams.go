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

// streams bounds the number of open bodies: each holds a connection. A stream rests
// while its reader requests nothing. If all slots are taken, the stream that has rested
// longest is closed for the next one, and its body requests the remaining bytes when
// its reader returns. So readers that are slow, or never return, keep nobody else
// waiting.
type streams struct {
	limit int

	mu      sync.Mutex
	open    int       // slots taken
	resting list.List // of *stream, longest-resting first
	callers list.List // of chan struct{}, waiting for a slot; closed to pass one on
}

// A stream is the open body of one GetObject.
type stream struct {
	io.ReadCloser
	live   context.Context // the request's own
	cancel context.CancelCauseFunc
	watch  *time.Timer // ends the request if a read takes too long

	rests *list.Element // of streams.resting; nil while it is being read
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

// wake records that st is about to be read again. It reports false if st was closed and
// its slot passed on.
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

// evict removes st from the list. The caller, who holds mu, gets its slot and then
// closes st.
func (s *streams) evict(st *stream) *stream {
	s.resting.Remove(st.rests)
	st.rests = nil
	return st
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

func (st *stream) close() {
	st.watch.Stop()
	st.cancel(nil)
	st.Close()
}

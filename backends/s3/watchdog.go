package s3

import (
	"sync"
	"time"
)

// A watchdog ends the request of a stream if a read takes too long.
type watchdog struct {
	pool   *sync.Pool
	idle   time.Duration
	timer  *time.Timer
	stream *stream
	fired  bool
}

// watch returns a watchdog for st. Its timer is not running.
func (s *streams) watch(st *stream, idle time.Duration) *watchdog {
	w, ok := s.watchdogs.Get().(*watchdog)
	if !ok {
		w = &watchdog{pool: &s.watchdogs, idle: idle}
		w.timer = time.AfterFunc(idle, w.stall)
		w.timer.Stop()
	}
	w.stream = st
	return w
}

func (w *watchdog) stall() {
	w.stream.stalled.Store(true)
	w.stream.stop()
}

// begin and end enclose a read.
func (w *watchdog) begin() { w.timer.Reset(w.idle) }
func (w *watchdog) end()   { w.fired = !w.timer.Stop() || w.fired }

// release returns w to its pool, except if stall may still be running.
func (w *watchdog) release() {
	if !w.fired {
		w.stream = nil
		w.pool.Put(w)
	}
}

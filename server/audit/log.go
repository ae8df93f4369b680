package audit

import (
	"bytes"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// LogOptions are the options of [NewLog]. The zero value writes JSON.
type LogOptions struct {
	// Text writes lines for people instead of JSON.
	Text bool
	// Buffer bounds the bytes that wait to be written; 0 is 1 MiB.
	Buffer int
}

// A Log is a [Recorder] that writes one line for each attempt. The JSON keys are the fields
// of [Attempt]: time, request_id, remote, method, raw, name, principal, verdict, reason,
// rule, backend, status, bytes, aborted, duration_ms and, if the request had a body,
// received; for a COPY or MOVE, to; through a share, share; if a cache answered, cache; for
// one object of a request with several, part; for an archive, archive.
//
// Record only adds the line to a buffer. A goroutine of the Log writes the buffer, after 50
// milliseconds at the latest. If the writer is too slow and the buffer is full, lines are
// dropped and counted, so a full disk does not stop the service. The zero Log drops
// everything.
type Log struct {
	w       io.Writer
	append  func([]byte, *Attempt) []byte
	limit   int
	dropped atomic.Uint64

	mu     sync.Mutex
	buf    []byte // lines to be written
	closed bool
	wake   chan struct{} // has an item if buf is half full, or closed is set

	timer *time.Timer // runs from the first line in buf
	done  chan struct{}
	torn  bool  // the writer has taken a part of a line
	err   error // the first error of the writer, to be read after done
}

const (
	flushInterval = 50 * time.Millisecond
	defaultBuffer = 1 << 20
)

var lineBuffers = sync.Pool{New: func() any { return new([]byte) }}

// NewLog returns a Log that writes to w, one or more whole lines per Write. Call Close at
// the end, and close w after that. NewLog panics if w is nil.
func NewLog(w io.Writer, opts LogOptions) *Log {
	if w == nil {
		panic("audit.NewLog: the writer is nil")
	}
	l := &Log{
		w:      w,
		append: appendJSON,
		limit:  opts.Buffer,
		wake:   make(chan struct{}, 1),
		timer:  time.NewTimer(time.Hour),
		done:   make(chan struct{}),
	}
	l.timer.Stop()
	if opts.Text {
		l.append = appendText
	}
	if l.limit <= 0 {
		l.limit = defaultBuffer
	}
	go l.run()
	return l
}

// Record adds a line for a. It never waits for the writer.
func (l *Log) Record(a *Attempt) {
	if l.append == nil {
		l.dropped.Add(1)
		return
	}
	line := lineBuffers.Get().(*[]byte)
	*line = l.append((*line)[:0], a)
	l.add(*line)
	lineBuffers.Put(line)
}

func (l *Log) add(line []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || len(l.buf)+len(line) > l.limit {
		l.dropped.Add(1)
		return
	}
	if len(l.buf) == 0 {
		l.timer.Reset(flushInterval)
	}
	l.buf = append(l.buf, line...)
	if len(l.buf) > l.limit/2 {
		l.wakeUp()
	}
}

// wakeUp makes the goroutine write now.
func (l *Log) wakeUp() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Dropped returns the number of lines that were lost because the buffer was full, the
// writer failed, or the Log was closed.
func (l *Log) Dropped() uint64 { return l.dropped.Load() }

// Close writes the buffer, stops the goroutine, and returns the first error of the writer.
// Later records are dropped.
func (l *Log) Close() error {
	if l.done == nil {
		return nil
	}
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.wakeUp()
	<-l.done
	return l.err
}

func (l *Log) run() {
	defer close(l.done)
	defer l.timer.Stop()
	var spare []byte
	for {
		select {
		case <-l.timer.C:
		case <-l.wake:
		}
		l.mu.Lock()
		batch, closed := l.buf, l.closed
		l.buf = spare[:0]
		l.mu.Unlock()
		if len(batch) > 0 {
			l.write(batch)
		}
		if closed {
			return
		}
		spare = batch
	}
}

// write writes whole lines. If the writer took only a part of a line before, a line feed
// comes first.
func (l *Log) write(batch []byte) {
	n, err := 0, error(nil)
	if l.torn {
		_, err = l.w.Write([]byte("\n"))
		l.torn = err != nil
	}
	if err == nil {
		n, err = l.w.Write(batch)
		l.torn = n > 0 && n < len(batch) && batch[n-1] != '\n'
	}
	if err != nil {
		l.dropped.Add(uint64(bytes.Count(batch[n:], []byte("\n"))))
		if l.err == nil {
			l.err = err
		}
	}
}

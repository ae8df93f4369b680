package main

import (
	"fmt"
	"io"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// redrawEvery is how often a progress line changes.
const redrawEvery = 250 * time.Millisecond

// A progress shows on a terminal how far a command has come: one line that is
// drawn again and again, below the lines that are said meanwhile. Elsewhere it
// only says lines. It is safe for concurrent use.
type progress struct {
	objects, bytes atomic.Int64 // copied so far
	equal          atomic.Int64 // found to be there already

	now   func() time.Time
	began time.Time

	mu    sync.Mutex // of what is written
	w     io.Writer
	drawn bool // the line stands on the terminal

	quit, ended chan struct{}
}

// startProgress draws the line on w with each tick. Whoever starts it stops it,
// and the ticks after that. Without ticks it draws nothing.
func startProgress(w io.Writer, ticks <-chan time.Time, now func() time.Time) *progress {
	p := &progress{w: w, now: now, began: now(), quit: make(chan struct{}), ended: make(chan struct{})}
	go func() {
		defer close(p.ended)
		for {
			select {
			case <-ticks:
				p.draw()
			case <-p.quit:
				return
			}
		}
	}()
	return p
}

// showProgress starts a progress on standard error. stop takes its line away and
// may be called more than once.
func (s streams) showProgress() (p *progress, stop func()) {
	var ticks <-chan time.Time
	end := func() {}
	if isTerminal(s.stderr) {
		ticker := time.NewTicker(redrawEvery)
		ticks, end = ticker.C, ticker.Stop
	}
	p = startProgress(s.stderr, ticks, time.Now)
	return p, sync.OnceFunc(func() { end(); p.stop() })
}

// say writes a line, and leaves the progress line below it.
func (p *progress) say(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	fmt.Fprintf(p.w, format+"\n", args...)
}

// stop ends the drawing and takes the line away.
func (p *progress) stop() {
	close(p.quit)
	<-p.ended
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
}

func (p *progress) draw() {
	objects, bytes := p.objects.Load(), p.bytes.Load()
	line := count(int(objects), "object") + ", " + byteCount(bytes)
	if elapsed := p.now().Sub(p.began); elapsed > 0 {
		line += ", " + byteCount(int64(float64(bytes)/elapsed.Seconds())) + "/s"
	}
	if n := p.equal.Load(); n > 0 {
		line += "; " + strconv.FormatInt(n, 10) + " equal"
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	fmt.Fprint(p.w, line)
	p.drawn = true
}

// clear takes the line away. The caller holds mu.
func (p *progress) clear() {
	if p.drawn {
		fmt.Fprint(p.w, "\r\x1b[K")
		p.drawn = false
	}
}

package cli

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

// A Progress shows the progress of a command on a terminal: one line that is redrawn below
// the lines that Say writes. If standard error is not a terminal, there is no such line.
// A Progress is safe for concurrent use.
type Progress struct {
	Objects, Bytes atomic.Int64 // copied so far
	Equal          atomic.Int64 // skipped: the target has them

	now   func() time.Time
	began time.Time

	mu    sync.Mutex // serializes writes
	w     io.Writer
	drawn bool // the line is on the terminal

	quit, ended chan struct{}
}

// startProgress draws the line on w at each tick. The caller stops it, and then the ticks.
// Nil ticks draw nothing.
func startProgress(w io.Writer, ticks <-chan time.Time, now func() time.Time) *Progress {
	p := &Progress{w: w, now: now, began: now(), quit: make(chan struct{}), ended: make(chan struct{})}
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

// ShowProgress starts a Progress on standard error. stop removes its line and may be called
// more than once.
func (s Streams) ShowProgress() (p *Progress, stop func()) {
	var ticks <-chan time.Time
	end := func() {}
	if IsTerminal(s.Err) {
		ticker := time.NewTicker(redrawEvery)
		ticks, end = ticker.C, ticker.Stop
	}
	p = startProgress(s.Err, ticks, time.Now)
	return p, sync.OnceFunc(func() { end(); p.stop() })
}

// Say writes a line above the progress line.
func (p *Progress) Say(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	fmt.Fprintf(p.w, format+"\n", args...)
}

// stop ends the drawing and removes the line.
func (p *Progress) stop() {
	close(p.quit)
	<-p.ended
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
}

func (p *Progress) draw() {
	objects, bytes := p.Objects.Load(), p.Bytes.Load()
	line := Count(int(objects), "object") + ", " + ByteCount(bytes)
	if elapsed := p.now().Sub(p.began); elapsed > 0 {
		line += ", " + ByteCount(int64(float64(bytes)/elapsed.Seconds())) + "/s"
	}
	if n := p.Equal.Load(); n > 0 {
		line += "; " + strconv.FormatInt(n, 10) + " equal"
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	fmt.Fprint(p.w, line)
	p.drawn = true
}

// clear removes the line. The caller holds mu.
func (p *Progress) clear() {
	if p.drawn {
		fmt.Fprint(p.w, "\r\x1b[K")
		p.drawn = false
	}
}

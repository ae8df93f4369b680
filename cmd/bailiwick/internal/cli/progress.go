package cli

import (
	"fmt"
	"io"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
)

// How often progress is shown.
const (
	redrawEvery = 250 * time.Millisecond // on a terminal
	lineEvery   = 10 * time.Second       // elsewhere
)

// The modes of progress.
const (
	ProgressAuto  = "auto"  // redraw a line on a terminal, else write lines
	ProgressLine  = "line"  // write a line every 10 seconds
	ProgressNever = "never" // show nothing
)

// AddProgress adds the flag --progress, whose value is one of the modes.
func AddProgress(cmd *cobra.Command, mode *Choice) {
	*mode = Choice{ProgressAuto, []string{ProgressNever, ProgressLine, ProgressAuto}}
	cmd.Flags().Var(mode, "progress", "progress on standard error: never, line (a line every 10 seconds), or auto (a redrawn line on a terminal, else like line)")
	CompleteWords(cmd, "progress", mode.Words)
}

// A Total is how much there is to copy.
type Total struct{ Objects, Bytes int64 }

// A Progress shows the progress of a command on standard error: the amount copied and the
// total, the rate of the last seconds, and the time left. On a terminal, one line is redrawn
// below the lines that Say writes. A Progress is safe for concurrent use.
type Progress struct {
	Objects, Bytes atomic.Int64 // copied so far
	Equal          atomic.Int64 // objects that the target has
	Others         atomic.Int64 // objects that were refused or failed
	PassedBytes    atomic.Int64 // the bytes of objects that were not copied

	now    func() time.Time
	redraw bool // the line is removed before something else is written

	count func() (Total, bool) // nil if the total cannot be known
	total atomic.Pointer[Total]

	mu    sync.Mutex // serializes writes
	w     io.Writer
	drawn bool     // the line is on the terminal
	rates []sample // of the last seconds, oldest first

	quit    chan struct{}
	running sync.WaitGroup
}

// A sample is how many bytes were copied at a time.
type sample struct {
	at    time.Time
	bytes int64
}

// rateWindow is how far back the rate looks.
const rateWindow = 10 * time.Second

// startProgress shows the line on w at each tick. The caller stops it, and then the ticks.
// Nil ticks show nothing.
func startProgress(w io.Writer, ticks <-chan time.Time, now func() time.Time, redraw bool, count func() (Total, bool)) *Progress {
	p := &Progress{w: w, now: now, redraw: redraw, count: count, quit: make(chan struct{})}
	p.rates = []sample{{now(), 0}}
	p.running.Go(func() {
		for {
			select {
			case <-ticks:
				p.beginCount()
				p.draw()
			case <-p.quit:
				return
			}
		}
	})
	return p
}

// ShowProgress starts a Progress on standard error. count finds out the total; it is called
// once, when the first line is shown, so that a short run never counts. stop removes the
// line, waits for count and may be called more than once.
func (s Streams) ShowProgress(mode string, count func() (Total, bool)) (p *Progress, stop func()) {
	var ticks <-chan time.Time
	end := func() {}
	redraw := mode == ProgressAuto && IsTerminal(s.Err)
	if mode != ProgressNever {
		every := lineEvery
		if redraw {
			every = redrawEvery
		}
		ticker := time.NewTicker(every)
		ticks, end = ticker.C, ticker.Stop
	}
	p = startProgress(s.Err, ticks, time.Now, redraw, count)
	return p, sync.OnceFunc(func() { end(); p.stop() })
}

// beginCount starts to count, once.
func (p *Progress) beginCount() {
	count := p.count
	if p.count = nil; count == nil {
		return
	}
	p.running.Go(func() {
		if total, ok := count(); ok {
			p.total.Store(&total)
		}
	})
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
	p.running.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
}

func (p *Progress) draw() {
	p.mu.Lock()
	defer p.mu.Unlock()
	line := p.line()
	p.clear()
	if !p.redraw {
		line += "\n"
	}
	fmt.Fprint(p.w, line)
	p.drawn = p.redraw
}

// line returns the text of the line: "3 of 12 objects, 1.2 MB of 4.0 MB, 0.5 MB/s, 6s
// left; 2 equal". The caller holds mu.
func (p *Progress) line() string {
	objects, bytes, equal := p.Objects.Load(), p.Bytes.Load(), p.Equal.Load()
	rate := p.rate(bytes)
	line, left := "", ""
	if total := p.total.Load(); total != nil {
		done, doneBytes := objects+equal+p.Others.Load(), bytes+p.PassedBytes.Load()
		// The source can grow meanwhile.
		line = fmt.Sprintf("%d of %s, %s of %s", done, Count(int(max(total.Objects, done)), "object"), ByteCount(doneBytes), ByteCount(max(total.Bytes, doneBytes)))
		if rest := float64(total.Bytes - doneBytes); rest > 0 && rate > 0 {
			left = ", " + roughly(rest/rate) + " left"
		}
	} else {
		line = Count(int(objects), "object") + ", " + ByteCount(bytes)
	}
	if rate >= 0 {
		line += ", " + ByteCount(int64(rate)) + "/s"
	}
	line += left
	if equal > 0 {
		line += "; " + strconv.FormatInt(equal, 10) + " equal"
	}
	return line
}

// rate returns the bytes per second over rateWindow, -1 if no time has passed.
func (p *Progress) rate(bytes int64) float64 {
	now := p.now()
	for len(p.rates) > 1 && now.Sub(p.rates[1].at) >= rateWindow {
		p.rates = p.rates[1:]
	}
	first := p.rates[0]
	p.rates = append(p.rates, sample{now, bytes})
	elapsed := now.Sub(first.at).Seconds()
	if elapsed <= 0 {
		return -1
	}
	return float64(bytes-first.bytes) / elapsed
}

// roughly returns a rounded duration for people: "6s", "3m20s", "2h5m", "4d2h".
func roughly(seconds float64) string {
	const day = 24 * 60
	minutes := int64(seconds / 60)
	switch {
	case seconds >= 100*day*60:
		return "over 100d"
	case minutes >= day:
		return fmt.Sprintf("%dd%dh", minutes/day, minutes%day/60)
	case minutes >= 60:
		return fmt.Sprintf("%dh%dm", minutes/60, minutes%60)
	case minutes > 0:
		return fmt.Sprintf("%dm%ds", minutes, int64(seconds)%60)
	}
	return fmt.Sprintf("%ds", max(1, int64(seconds)))
}

// clear removes the line. The caller holds mu.
func (p *Progress) clear() {
	if p.drawn {
		fmt.Fprint(p.w, "\r\x1b[K")
		p.drawn = false
	}
}

package cli

import (
	"bytes"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A screen is a terminal that reports each write.
type screen struct {
	mu    sync.Mutex
	text  bytes.Buffer
	wrote chan struct{}
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	s.text.Write(p)
	s.mu.Unlock()
	s.wrote <- struct{}{}
	return len(p), nil
}

// The line is drawn at a tick and not before, is removed for lines written by Say, and is
// removed at the end.
func TestProgress(t *testing.T) {
	began := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	at := began
	now := func() time.Time { return at }
	ticks := make(chan time.Time)
	out := &screen{wrote: make(chan struct{}, 100)}
	p := startProgress(out, ticks, now, true, nil)
	p.Objects.Add(12)
	p.Bytes.Add(3_400_000)
	p.Equal.Add(3)
	at = began.Add(2 * time.Second)
	ticks <- at
	<-out.wrote
	p.Say("a line")
	p.stop()
	const want = "12 objects, 3.4 MB, 1.7 MB/s; 3 equal" + "\r\x1b[K" + "a line\n"
	if got := out.text.String(); got != want {
		t.Errorf("the terminal shows %q, want %q", got, want)
	}

	out.text.Reset()
	p = startProgress(out, ticks, now, true, nil)
	ticks <- at // no time has passed since the start, so there is no rate
	<-out.wrote
	ticks <- at
	p.stop()
	const again = "0 objects, 0 bytes" + "\r\x1b[K" + "0 objects, 0 bytes" + "\r\x1b[K"
	if got := out.text.String(); got != again {
		t.Errorf("the terminal shows %q, want %q", got, again)
	}

	out.text.Reset()
	p = startProgress(out, nil, now, false, nil)
	p.Say("a line")
	p.stop()
	if got := out.text.String(); got != "a line\n" {
		t.Errorf("without ticks, the output is %q", got)
	}
}

// Once the total is known, the line shows it and the time left at the current rate. If the
// output is not a terminal, each line stays.
func TestProgressTotal(t *testing.T) { synctest.Test(t, testProgressTotal) }

func testProgressTotal(t *testing.T) {
	at := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	ticks := make(chan time.Time)
	out := &screen{wrote: make(chan struct{}, 100)}
	counted := 0
	p := startProgress(out, ticks, func() time.Time { return at }, false, func() (Total, bool) {
		counted++
		return Total{Objects: 10, Bytes: 100_000_000}, true
	})
	tick := func(after time.Duration, bytes int64) {
		p.Bytes.Add(bytes)
		at = at.Add(after)
		ticks <- at
		<-out.wrote
	}
	tick(10*time.Second, 20_000_000)
	synctest.Wait() // until the total is counted
	p.Objects.Add(2)
	p.Equal.Add(1)
	p.Others.Add(1)
	p.PassedBytes.Add(10_000_000)
	tick(10*time.Second, 10_000_000) // the rate is that of the last 10 seconds
	p.Objects.Add(20)
	tick(10*time.Second, 100_000_000)
	p.stop()
	lines := strings.Split(out.text.String(), "\n")
	want := []string{
		"4 of 10 objects, 40.0 MB of 100.0 MB, 1.0 MB/s, 1m0s left; 1 equal",
		"24 of 24 objects, 140.0 MB of 140.0 MB, 10.0 MB/s; 1 equal",
		"",
	}
	if len(lines) != 4 || !slices.Equal(lines[1:], want) {
		t.Errorf("the lines are %q, want %q after the first", lines, want)
	}
	if counted != 1 {
		t.Errorf("the total was counted %d times", counted)
	}
	for seconds, want := range map[float64]string{0.1: "1s", 59: "59s", 61: "1m1s", 3700: "1h1m", 90_000: "1d1h", 1e9: "over 100d"} {
		if got := roughly(seconds); got != want {
			t.Errorf("%v seconds are %q, want %q", seconds, got, want)
		}
	}
}

func TestByteCount(t *testing.T) {
	for _, c := range []struct {
		n    int64
		want string
	}{
		{0, "0 bytes"}, {1, "1 byte"}, {999, "999 bytes"}, {1000, "1.0 kB"}, {1050, "1.1 kB"},
		{999_949, "999.9 kB"}, {999_950, "1.0 MB"}, {3_400_000, "3.4 MB"},
		{5e9, "5.0 GB"}, {7e12, "7.0 TB"}, {1 << 62, "4611686.0 TB"},
	} {
		if got := ByteCount(c.n); got != c.want {
			t.Errorf("%d bytes are %q, want %q", c.n, got, c.want)
		}
	}
}

package cli

import (
	"bytes"
	"sync"
	"testing"
	"time"
)

// A screen is a terminal that shows when it was written to.
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

// The line is drawn with a tick and no sooner, gives way to lines that are said,
// and is gone at the end.
func TestProgress(t *testing.T) {
	began := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	at := began
	now := func() time.Time { return at }
	ticks := make(chan time.Time)
	out := &screen{wrote: make(chan struct{}, 100)}
	p := startProgress(out, ticks, now)
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
		t.Errorf("on the terminal is %q, want %q", got, want)
	}

	out.text.Reset()
	p = startProgress(out, ticks, now)
	ticks <- at // in the moment of the start there is no rate
	<-out.wrote
	ticks <- at
	p.stop()
	const again = "0 objects, 0 bytes" + "\r\x1b[K" + "0 objects, 0 bytes" + "\r\x1b[K"
	if got := out.text.String(); got != again {
		t.Errorf("on the terminal is %q, want %q", got, again)
	}

	out.text.Reset()
	p = startProgress(out, nil, now)
	p.Say("a line")
	p.stop()
	if got := out.text.String(); got != "a line\n" {
		t.Errorf("without ticks there is %q", got)
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

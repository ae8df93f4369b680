package audit_test

import (
	"bytes"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// keys are the keys of a record, in order.
var keys = []string{"time", "request_id", "remote", "method", "raw", "name", "principal", "verdict", "reason", "rule", "backend", "status", "bytes", "aborted", "duration_ms"}

type line struct {
	Time      time.Time `json:"time"`
	RequestID uuid.UUID `json:"request_id"`
	Remote    string
	Method    string
	Raw       string
	Name      string
	Principal string
	Verdict   string
	Reason    string
	Rule      string
	Backend   string
	Status    int
	Bytes     int64
	Aborted   bool
	Duration  float64 `json:"duration_ms"`
}

// A lockedBuffer can be read while a Log writes to it.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// A line is written soon without any further call, and Close leaves no goroutine behind.
func TestLogWritesInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out lockedBuffer
		log := audit.NewLog(&out, audit.LogOptions{Text: true})
		log.Record(&audit.Attempt{Method: "GET", Raw: "/a\x1b[2J\r\n", Status: 404, Verdict: audit.Refused, Reason: reason.NameControl})
		synctest.Wait()
		if out.String() != "" {
			t.Error("Record wrote the line itself")
		}
		time.Sleep(time.Second) // on the fake clock
		synctest.Wait()
		if got := out.String(); !strings.HasSuffix(got, `GET /a\u001b[2J\u000d\u000a 404 0B 0.000ms refused name.control`+"\n") {
			t.Errorf("%q", got)
		}
		if err := log.Close(); err != nil {
			t.Error(err)
		}
		log.Record(&audit.Attempt{})
		if log.Dropped() != 1 {
			t.Errorf("%d dropped after Close", log.Dropped())
		}
	})
	if err := goleak.Find(goleak.IgnoreCurrent()); err != nil {
		t.Error(err)
	}
}

// A stuckWriter blocks until it is released.
type stuckWriter struct {
	entered chan struct{}
	release chan struct{}
	once    sync.Once
	bytes.Buffer
}

func (w *stuckWriter) Write(p []byte) (int, error) {
	w.once.Do(func() { close(w.entered) })
	<-w.release
	return w.Buffer.Write(p)
}

// A writer that blocks does not block Record: lines that do not fit into the buffer are
// dropped and counted.
func TestLogNeverBlocks(t *testing.T) {
	w := &stuckWriter{entered: make(chan struct{}), release: make(chan struct{})}
	log := audit.NewLog(w, audit.LogOptions{Buffer: 4096})
	log.Record(&audit.Attempt{Raw: "/first"})
	<-w.entered
	const n = 1000
	for range n {
		log.Record(&audit.Attempt{Raw: "/a"})
	}
	dropped := log.Dropped()
	close(w.release)
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	written := uint64(strings.Count(w.String(), "\n"))
	if dropped == 0 || written+dropped != n+1 || log.Dropped() != dropped {
		t.Errorf("%d written and %d dropped of %d", written, dropped, n+1)
	}
}

type badWriter struct{}

func (badWriter) Write([]byte) (int, error) { return 0, errors.New("no space") }

func TestLogCountsWhatTheWriterLost(t *testing.T) {
	log := audit.NewLog(badWriter{}, audit.LogOptions{})
	log.Record(&audit.Attempt{})
	if err := log.Close(); err == nil || log.Dropped() != 1 {
		t.Errorf("%v, %d dropped", err, log.Dropped())
	}
	if err := log.Close(); err == nil {
		t.Error("the second Close forgot the error")
	}
}

// Each record is one line of valid JSON, from which the printable values can be read back.
func FuzzRecord(f *testing.F) {
	f.Add("/a\r\nb", "GET", "1.2.3.4", "rule")
	f.Add("\x1b[31m\u2028\u202e\x00\x7f\u0085", "\"\\", "\xff\xfe", "\U000e0001")
	f.Add(strings.Repeat("\u2028", 1<<13), strings.Repeat("\x00", 1<<13), strings.Repeat("é", 1<<13), strings.Repeat("\"", 1<<14))
	f.Fuzz(func(t *testing.T, raw, method, remote, rule string) {
		var out bytes.Buffer
		log := audit.NewLog(&out, audit.LogOptions{})
		log.Record(&audit.Attempt{Raw: raw, Method: method, Remote: remote, Rule: rule, Principal: raw, Reason: vfs.Reason(rule)})
		log.Close()
		l := checkLine(t, out.String())
		if want := strings.ToValidUTF8(raw, "\ufffd"); len(raw) < 1000 && utf8.ValidString(raw) && l.Raw != want {
			t.Fatalf("%q became %q", raw, l.Raw)
		}
	})
}

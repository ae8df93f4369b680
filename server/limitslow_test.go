package server_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bailiwick-fs/bailiwick/backends/disk"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A pipeListener accepts in-memory connections, whose deadlines use the clock of a synctest
// bubble.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error   { close(l.done); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1)} }

func (l *pipeListener) dial() net.Conn {
	client, server := net.Pipe()
	l.conns <- server
	return client
}

const slowBytes = 10 << 20

// slowBackends returns backends with one object: as an *os.File, and as another kind of
// body.
func slowBackends(t *testing.T) map[string]vfs.Backend {
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "large"), make([]byte, slowBytes), 0o600); err != nil {
		t.Fatal(err)
	}
	b, err := disk.New(root, disk.Options{SkipSelfTest: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return map[string]vfs.Backend{"file": b, "body": jailFS(map[string]string{"large": strings.Repeat("\x00", slowBytes)})}
}

// A client that stops reading a body is disconnected within about a minute, whatever
// MinRate is. Its slot is then free, and others are served meanwhile. A client that keeps
// the rate gets the whole body, however long that takes.
func TestSlowReaders(t *testing.T) {
	for name, backend := range slowBackends(t) {
		for _, rate := range []int64{1 << 10, 64 << 10, 100 << 20} {
			t.Run(fmt.Sprintf("%s, %d a second", name, rate), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { slowReader(t, backend, rate) })
			})
		}
	}
}

func slowReader(t *testing.T, backend vfs.Backend, rate int64) {
	rec := &recorder{}
	j := jailOver(t, backend, allow("**"))
	h := server.Limit(server.New(j, server.Config{MinRate: rate, Recorder: rec, Logger: quiet}), server.Limits{InFlight: server.NewSlots(2), Recorder: rec, Logger: quiet})
	l := &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
	s := &http.Server{Handler: h, WriteTimeout: time.Minute}
	served := make(chan error)
	go func() { served <- s.Serve(l) }()

	begin := time.Now()
	idle := l.dial()
	header := askLarge(t, idle)
	if header.StatusCode != 200 || header.ContentLength != slowBytes {
		t.Fatalf("%d, %d bytes", header.StatusCode, header.ContentLength)
	}
	steady := l.dial()
	got := int64(0)
	res := askLarge(t, steady)
	step := make([]byte, max(rate*2, 4<<10))
	for range 40 {
		n, err := io.ReadFull(res.Body, step)
		got += int64(n)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) && got == slowBytes {
			break
		}
		if err != nil {
			t.Fatalf("a client that keeps the rate lost its body after %d bytes in %v: %v", got, time.Since(begin), err)
		}
		time.Sleep(time.Second)
	}
	if rest, err := io.Copy(io.Discard, res.Body); err != nil || got+rest != slowBytes {
		t.Errorf("the rest: %d of %d bytes, %v", got+rest, int64(slowBytes), err)
	}
	steady.Close()

	limit := 30*time.Second + max(30, time.Duration(32<<10/rate))*time.Second + time.Second
	for _, a := range rec.wait(t, 2) {
		if !a.Aborted {
			continue
		}
		if a.Duration > limit || a.Reason != audit.ReasonCanceled {
			t.Errorf("the idle client was disconnected after %v, %s", a.Duration, a.Reason)
		}
	}
	again := l.dial()
	if res := askLarge(t, again); res.StatusCode != 200 {
		t.Errorf("afterwards: %d", res.StatusCode)
	}
	again.Close()
	idle.Close()
	s.Close()
	<-served
	synctest.Wait()
}

// The control: without MinRate, a client that reads nothing stays connected.
func TestSlowReadersControl(t *testing.T) {
	backend := slowBackends(t)["body"]
	synctest.Test(t, func(t *testing.T) {
		rec := &recorder{}
		l := &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
		s := &http.Server{Handler: server.New(jailOver(t, backend, allow("**")), server.Config{Recorder: rec, Logger: quiet})}
		served := make(chan error)
		go func() { served <- s.Serve(l) }()
		idle := l.dial()
		askLarge(t, idle)
		time.Sleep(24 * time.Hour)
		rec.mu.Lock()
		if len(rec.list) != 0 {
			t.Error("the idle client was disconnected")
		}
		rec.mu.Unlock()
		idle.Close()
		s.Close()
		<-served
		synctest.Wait()
	})
}

// askLarge requests the large object and reads only the header.
func askLarge(t *testing.T, c net.Conn) *http.Response {
	t.Helper()
	go io.WriteString(c, "GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
	res, err := http.ReadResponse(bufio.NewReaderSize(c, 16), nil)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

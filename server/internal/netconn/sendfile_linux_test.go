package netconn

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A countedSocket counts plain writes, which neither sendfile nor writev is.
type countedSocket struct {
	*net.TCPConn
	writes int
}

func (s *countedSocket) Write(p []byte) (int, error) {
	s.writes++
	return s.TCPConn.Write(p)
}

func dial(t *testing.T) (client *net.TCPConn, c *Conn, s *countedSocket) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	s = &countedSocket{TCPConn: accepted.(*net.TCPConn)}
	raw, err := s.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	c = newConn(s, raw)
	t.Cleanup(func() { conn.Close(); c.Close() })
	return conn.(*net.TCPConn), c, s
}

func file(t *testing.T, data []byte) *os.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// receive returns what the client receives until the connection is closed.
func receive(client net.Conn) chan []byte {
	all := make(chan []byte)
	go func() {
		data, _ := io.ReadAll(client)
		all <- data
	}()
	return all
}

// What is held back leaves with the next write, with the file, or with Release, in this
// order and once.
func TestHold(t *testing.T) {
	header, body := []byte("header "), bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	for _, c := range []struct {
		name   string
		send   func(c *Conn) error
		want   string
		writes int
	}{
		{"file", func(c *Conn) error {
			n, err := c.ReadFrom(io.LimitReader(file(t, body), int64(len(body))))
			if n != int64(len(body)) {
				t.Errorf("%d bytes", n)
			}
			return err
		}, string(body), 0},
		{"part of a file", func(c *Conn) error {
			f := file(t, body)
			f.Seek(5, io.SeekStart)
			_, err := c.ReadFrom(io.LimitReader(f, 1000))
			return err
		}, string(body[5:1005]), 0},
		{"a file that is shorter", func(c *Conn) error {
			n, err := c.ReadFrom(io.LimitReader(file(t, body[:1000]), 5000))
			if n != 1000 {
				t.Errorf("%d bytes", n)
			}
			return err
		}, string(body[:1000]), 0},
		{"an empty file", func(c *Conn) error {
			_, err := c.ReadFrom(io.LimitReader(file(t, nil), 10))
			return err
		}, "", 0},
		{"nothing of a file", func(c *Conn) error {
			_, err := c.ReadFrom(io.LimitReader(file(t, body), 0))
			return err
		}, "", 0},
		{"another reader", func(c *Conn) error {
			_, err := c.ReadFrom(io.LimitReader(strings.NewReader("text"), 10))
			return err
		}, "text", 0},
		{"memory", func(c *Conn) error {
			n, err := c.Write(body)
			if n != len(body) {
				t.Errorf("%d bytes", n)
			}
			return err
		}, string(body), 0},
		{"nothing", func(*Conn) error { return nil }, "", 0},
	} {
		client, conn, socket := dial(t)
		all := receive(client)
		conn.Hold(nil)
		if n, err := conn.Write(header); n != len(header) || err != nil || socket.writes != 0 {
			t.Fatalf("%s: %d, %v, %d writes", c.name, n, err, socket.writes)
		}
		if err := c.send(conn); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		conn.Release()
		if _, err := conn.Write([]byte(" more")); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		conn.Close()
		if got, want := string(<-all), string(header)+c.want+" more"; got != want {
			t.Errorf("%s: received %d bytes, want %d", c.name, len(got), len(want))
		}
		if socket.writes != c.writes+1 {
			t.Errorf("%s: %d writes", c.name, socket.writes)
		}
	}
}

// Only the first write after Hold is held back, and only a small one.
func TestHoldIsBounded(t *testing.T) {
	client, conn, socket := dial(t)
	all := receive(client)
	conn.Hold(nil)
	conn.Write(make([]byte, 5000))
	if socket.writes != 1 {
		t.Error("a large write was held back")
	}
	conn.Write([]byte("x"))
	conn.Release()
	conn.Close()
	if n := len(<-all); n != 5001 || socket.writes != 2 {
		t.Errorf("%d bytes in %d writes", n, socket.writes)
	}
}

// A patience is a Pace that gives the client a time for each part.
type patience struct {
	part int64
	wait time.Duration
	sent int64
	ends int64
}

func (p *patience) Next(left int64) (int64, time.Duration) {
	p.sent = p.ends - left
	return min(p.part, left), p.wait
}

// A client that reads nothing loses the connection once its time for a part has passed; one
// that reads gets more time, as often as it takes.
func TestPace(t *testing.T) {
	body := bytes.Repeat([]byte("0123456789abcdef"), 1<<20)
	client, conn, _ := dial(t)
	pace := &patience{part: 1000, wait: time.Millisecond, ends: int64(len(body))}
	conn.Hold(pace)
	n, err := conn.ReadFrom(io.LimitReader(file(t, body), int64(len(body))))
	conn.Release()
	if !errors.Is(err, os.ErrDeadlineExceeded) || n == int64(len(body)) {
		t.Errorf("%d bytes to a client that reads nothing, %v", n, err)
	}
	client.Close()

	client, conn, _ = dial(t)
	all := receive(client)
	pace = &patience{part: 1000, wait: time.Hour, ends: int64(len(body))}
	conn.Hold(pace)
	if n, err := conn.ReadFrom(io.LimitReader(file(t, body), int64(len(body)))); n != int64(len(body)) || err != nil {
		t.Errorf("%d bytes, %v", n, err)
	}
	conn.Release()
	conn.Close()
	if got := <-all; !bytes.Equal(got, body) {
		t.Errorf("received %d bytes", len(got))
	}
}

// A deadline of the socket that expires too early does not interrupt a file.
func TestFileOutlastsSocketDeadline(t *testing.T) {
	body := bytes.Repeat([]byte("0123456789abcdef"), 1<<20)
	client, conn, socket := dial(t)
	// The socket's deadline is one that an earlier response left behind.
	conn.SetWriteDeadline(time.Now().Add(time.Hour))
	conn.Write([]byte("x"))
	conn.writes.armed = time.Now().Add(5 * time.Millisecond)
	socket.SetWriteDeadline(conn.writes.armed)
	done := make(chan error)
	go func() {
		_, err := conn.ReadFrom(io.LimitReader(file(t, body), int64(len(body))))
		done <- err
	}()
	for {
		conn.writes.mu.Lock()
		armed := conn.writes.armed
		conn.writes.mu.Unlock()
		if time.Until(armed) > time.Minute {
			break // it expired, and was set again
		}
		time.Sleep(time.Millisecond)
	}
	all := receive(client)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if got := <-all; len(got) != len(body)+1 {
		t.Errorf("received %d bytes", len(got))
	}
}

package netconn

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// A pipeSocket is an in-memory connection as a socket, whose deadlines use the clock of a
// synctest bubble. It counts how often they are set.
type pipeSocket struct {
	net.Conn
	set int
}

func (p *pipeSocket) SetReadDeadline(t time.Time) error {
	p.set++
	return p.Conn.SetReadDeadline(t)
}

func (p *pipeSocket) SetWriteDeadline(t time.Time) error {
	p.set++
	return p.Conn.SetWriteDeadline(t)
}

func (p *pipeSocket) ReadFrom(r io.Reader) (int64, error)   { return io.Copy(p.Conn, r) }
func (p *pipeSocket) CloseWrite() error                     { return p.Conn.Close() }
func (p *pipeSocket) SyscallConn() (syscall.RawConn, error) { return nil, errors.ErrUnsupported }

// Every read ends when that of a plain connection ends, and in the same way, whenever its
// deadline is set and whenever data arrives.
func TestDeadlinesOfReads(t *testing.T) {
	for seed := range uint64(300) {
		var plain, lazy []string
		synctest.Test(t, func(t *testing.T) {
			client, server := net.Pipe()
			plain = readScript(seed, client, server)
		})
		synctest.Test(t, func(t *testing.T) {
			client, server := net.Pipe()
			lazy = readScript(seed, client, newConn(&pipeSocket{Conn: server}, nil))
		})
		if fmt.Sprint(plain) != fmt.Sprint(lazy) {
			t.Fatalf("seed %d:\n%q\n%q", seed, plain, lazy)
		}
	}
}

// readScript reads from server while another goroutine sets deadlines and sends bytes, at
// times that depend on seed, and returns how each read ended and when.
func readScript(seed uint64, client, server net.Conn) (log []string) {
	defer client.Close()
	begin := time.Now()
	rnd := rand.New(rand.NewPCG(seed, 1))
	done := make(chan struct{})
	sent := make(chan []byte, 20)
	go func() {
		for p := range sent {
			client.Write(p)
		}
	}()
	go func() {
		defer close(done)
		defer close(sent)
		rnd := rand.New(rand.NewPCG(seed, 2))
		for range 20 {
			// Whole seconds; deadlines expire and reads begin at others.
			time.Sleep(time.Duration(rnd.IntN(9)) * time.Second)
			switch rnd.IntN(5) {
			case 0:
				server.SetReadDeadline(time.Time{})
			case 1:
				server.SetReadDeadline(time.Unix(1, 0))
			case 2:
				server.SetDeadline(time.Now().Add(time.Duration(rnd.IntN(20)) * time.Second).Add(time.Millisecond))
			default:
				sent <- []byte{'x'}
			}
		}
		server.SetReadDeadline(time.Time{})
		time.Sleep(time.Minute)
		client.Close()
	}()
	for {
		n, err := server.Read(make([]byte, 4))
		log = append(log, fmt.Sprintf("%d %v after %v", n, errors.Is(err, os.ErrDeadlineExceeded), time.Since(begin)))
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			<-done
			return log
		}
		wait := time.Duration(rnd.IntN(5)) * time.Second
		if err != nil {
			wait += time.Second // it may have expired for good
		}
		time.Sleep(wait + 7*time.Millisecond)
	}
}

// A write that is interrupted by a deadline that was extended meanwhile goes on where it
// was, and one whose deadline expires ends.
func TestDeadlinesOfWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		c := newConn(&pipeSocket{Conn: server}, nil)
		c.SetWriteDeadline(time.Now().Add(10 * time.Second))
		go func() {
			for range 5 {
				time.Sleep(6 * time.Second)
				c.SetWriteDeadline(time.Now().Add(10 * time.Second))
				io.ReadFull(client, make([]byte, 1000))
			}
		}()
		begin := time.Now()
		c.Hold(nil)
		if n, err := c.Write(make([]byte, 100)); n != 100 || err != nil {
			t.Fatal(n, err)
		}
		n, err := c.Write(make([]byte, 10_000))
		if n != 4900 || !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(begin) != 40*time.Second {
			t.Errorf("%d, %v, after %v", n, err, time.Since(begin))
		}
		c.Release()
		client.Close()
		synctest.Wait()
	})
}

// The deadlines that net/http sets for a request do not reach the socket.
func TestDeadlinesRarelyReachTheSocket(t *testing.T) {
	client, server := net.Pipe()
	defer client.Close()
	s := &pipeSocket{Conn: server}
	c := newConn(s, nil)
	go io.Copy(client, client)
	buf := make([]byte, 100)
	for range 1000 {
		c.SetWriteDeadline(time.Now().Add(time.Minute))
		c.Write(buf)
		c.SetWriteDeadline(time.Time{})
		c.SetReadDeadline(time.Now().Add(time.Hour))
		if _, err := io.ReadFull(c, buf); err != nil {
			t.Fatal(err)
		}
		c.SetReadDeadline(time.Now().Add(time.Minute))
		c.SetReadDeadline(time.Time{})
	}
	if s.set > 4 {
		t.Errorf("the deadlines of the socket were set %d times", s.set)
	}
}

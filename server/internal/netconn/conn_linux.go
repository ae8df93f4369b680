package netconn

import (
	"io"
	"net"
	"sync"
	"syscall"
	"time"
)

// NewListener returns a listener over l whose connections are Conns, if they are sockets of
// the system.
func NewListener(l net.Listener) net.Listener { return listener{l} }

type listener struct{ net.Listener }

func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	s, ok := c.(socket)
	if !ok {
		return c, nil
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return c, nil
	}
	return newConn(s, raw), nil
}

// A socket is a connection with a descriptor, such as a *net.TCPConn.
type socket interface {
	net.Conn
	io.ReaderFrom
	syscall.Conn
	CloseWrite() error
}

// A Conn is a connection of the listener. It is safe for concurrent use, as a net.Conn is,
// but for Hold and Release: the writer of the response calls them.
type Conn struct {
	socket socket
	raw    syscall.RawConn
	reads  deadline
	writes deadline

	// writing is held by calls that write, and guards what follows.
	writing sync.Mutex
	holding bool
	held    *[heldBytes]byte // nil if nothing is held back
	heldLen int
	pace    Pace
}

// heldBytes is the size of the largest write that is held back: the buffer of net/http.
const heldBytes = 4 << 10

var heldBuffers = sync.Pool{New: func() any { return new([heldBytes]byte) }}

func newConn(s socket, raw syscall.RawConn) *Conn {
	c := &Conn{socket: s, raw: raw}
	c.reads.arm, c.writes.arm = s.SetReadDeadline, s.SetWriteDeadline
	return c
}

// Hold holds back the next write, if it is small, until there is more to send with it, and
// sets the pace of files that are sent; nil leaves the write deadline alone. The caller
// must call Release, and must not wait for the client between the two.
func (c *Conn) Hold(pace Pace) {
	c.writing.Lock()
	c.holding, c.pace = true, pace
	c.writing.Unlock()
}

// Release ends Hold and sends what is still held back. The next write fails if that fails.
func (c *Conn) Release() {
	c.writing.Lock()
	defer c.writing.Unlock()
	c.holding, c.pace = false, nil
	if c.held != nil {
		c.send(nil)
	}
}

func (c *Conn) Read(p []byte) (int, error) {
	for {
		cuts, err := c.reads.begin()
		if err != nil {
			return 0, err
		}
		n, err := c.socket.Read(p)
		if !c.reads.end(cuts, err) || n > 0 {
			return n, err
		}
	}
}

func (c *Conn) Write(p []byte) (int, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	if c.holding {
		c.holding = false
		if len(p) <= heldBytes {
			c.held = heldBuffers.Get().(*[heldBytes]byte)
			c.heldLen = copy(c.held[:], p)
			return len(p), nil
		}
	}
	return c.send(p)
}

// send writes what is held back, and p. It returns the number of bytes of p.
func (c *Conn) send(p []byte) (int, error) {
	if c.held == nil {
		return c.sendOnly(p)
	}
	defer c.dropHeld()
	bufs := net.Buffers{c.held[:c.heldLen], p}
	if len(p) == 0 {
		bufs = bufs[:1]
	}
	n := -int64(c.heldLen)
	for {
		cuts, err := c.writes.begin()
		if err != nil {
			return int(max(n, 0)), err
		}
		m, err := bufs.WriteTo(c.socket)
		n += m
		if !c.writes.end(cuts, err) {
			return int(max(n, 0)), err
		}
	}
}

func (c *Conn) sendOnly(p []byte) (n int, err error) {
	for {
		cuts, err := c.writes.begin()
		if err != nil {
			return n, err
		}
		m, err := c.socket.Write(p[n:])
		n += m
		if !c.writes.end(cuts, err) {
			return n, err
		}
	}
}

func (c *Conn) dropHeld() {
	heldBuffers.Put(c.held)
	c.held = nil
}

// ReadFrom sends a file by sendfile, if src is one inside an [io.LimitedReader] and the
// system has that call.
func (c *Conn) ReadFrom(src io.Reader) (int64, error) {
	n, err, sent := c.sendFile(src)
	if sent {
		return n, err
	}
	// The rest of src may depend on what others write to the connection, so writing is
	// not held. Data of src would be lost if a deadline expired too early.
	c.writes.follow()
	defer c.writes.unfollow()
	return c.socket.ReadFrom(src)
}

// SyscallConn returns the socket's own. Its Read and Write obey only deadlines that are set
// afterwards.
func (c *Conn) SyscallConn() (syscall.RawConn, error) {
	c.reads.follow()
	c.writes.follow()
	return c.socket.SyscallConn()
}

func (c *Conn) SetReadDeadline(t time.Time) error  { return c.reads.set(t) }
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.writes.set(t) }

func (c *Conn) SetDeadline(t time.Time) error {
	if err := c.reads.set(t); err != nil {
		return err
	}
	return c.writes.set(t)
}

func (c *Conn) LocalAddr() net.Addr  { return c.socket.LocalAddr() }
func (c *Conn) RemoteAddr() net.Addr { return c.socket.RemoteAddr() }
func (c *Conn) CloseWrite() error    { return c.socket.CloseWrite() }

// Close closes the connection. What is held back is lost.
func (c *Conn) Close() error { return c.socket.Close() }

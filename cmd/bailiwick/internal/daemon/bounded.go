package daemon

import (
	"net"
	"sync"
)

// bounded returns listeners with at most max open connections between them; one
// further on each waits to be served, and others in the system's queue. 0 is any
// number.
func bounded(listeners []net.Listener, max int) []net.Listener {
	if max <= 0 {
		return listeners
	}
	slots := make(chan struct{}, max)
	all := make([]net.Listener, len(listeners))
	for i, l := range listeners {
		all[i] = &boundedListener{Listener: l, slots: slots, closed: make(chan struct{})}
	}
	return all
}

type boundedListener struct {
	net.Listener
	slots  chan struct{} // has an item for each open connection
	once   sync.Once
	closed chan struct{}
}

func (l *boundedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	// Not before: a listener that nobody connects to would keep a place.
	select {
	case l.slots <- struct{}{}:
	case <-l.closed:
		c.Close()
		return nil, net.ErrClosed
	}
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return &countedConn{Conn: c, free: l.free()}, nil
	}
	return &countedTCP{TCPConn: tcp, free: l.free()}, nil
}

func (l *boundedListener) free() func() { return sync.OnceFunc(func() { <-l.slots }) }

func (l *boundedListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// A countedTCP gives its place free when it is closed. It has all methods of a
// TCPConn, ReadFrom among them, without which files would not go out by sendfile.
type countedTCP struct {
	*net.TCPConn
	free func()
}

func (c *countedTCP) Close() error {
	defer c.free()
	return c.TCPConn.Close()
}

type countedConn struct {
	net.Conn
	free func()
}

func (c *countedConn) Close() error {
	defer c.free()
	return c.Conn.Close()
}

package daemon

import (
	"net"
	"sync"
)

// bounded returns listeners that together have at most max open connections. One more
// connection per listener is accepted and waits; the others wait in the system's queue. A max
// of 0 means no limit.
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
	// Taking the slot before Accept would let an idle listener keep one.
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

// A countedTCP releases its slot when it is closed. It embeds TCPConn to keep all methods,
// above all ReadFrom, by which files are sent with sendfile.
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

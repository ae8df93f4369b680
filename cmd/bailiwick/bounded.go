package main

import (
	"net"
	"sync"
)

// bounded returns a listener with at most max open connections; further ones wait in
// the system's queue. 0 is any number.
func bounded(l net.Listener, max int) net.Listener {
	if max <= 0 {
		return l
	}
	return &boundedListener{Listener: l, slots: make(chan struct{}, max), closed: make(chan struct{})}
}

type boundedListener struct {
	net.Listener
	slots  chan struct{} // has an item for each open connection
	once   sync.Once
	closed chan struct{}
}

func (l *boundedListener) Accept() (net.Conn, error) {
	select {
	case l.slots <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.slots
		return nil, err
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

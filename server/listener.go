package server

import (
	"context"
	"net"

	"github.com/bailiwick-fs/bailiwick/server/internal/netconn"
)

// NewListener returns a listener over l for an [http.Server] whose ConnContext is
// [ConnContext]. The handlers of this package then send a file with fewer system calls: its
// header in one go with its beginning, and its rest by sendfile without a call for each
// piece that MinRate gives a slow client time for. The responses are the same.
//
// On systems other than Linux, and for connections that are not sockets, it changes
// nothing, and neither does it for TLS, HTTP/2 and other handlers. The connections are not a
// *net.TCPConn; they have the methods of [net.Conn], ReadFrom, CloseWrite and SyscallConn.
func NewListener(l net.Listener) net.Listener { return netconn.NewListener(l) }

// ConnContext adds a connection of [NewListener] to the contexts of its requests.
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	if conn, ok := c.(*netconn.Conn); ok {
		return context.WithValue(ctx, connKey{}, conn)
	}
	return ctx
}

type connKey struct{}

// connOf returns the connection of a request, nil if it is not one of NewListener or if other
// requests may use it at the same time.
func connOf(ctx context.Context, protoMajor int) *netconn.Conn {
	if protoMajor != 1 {
		return nil
	}
	conn, _ := ctx.Value(connKey{}).(*netconn.Conn)
	return conn
}

// Package clients distinguishes the clients of a server by address, and limits their
// rates.
package clients

import (
	"net"
	"net/http"
	"net/netip"
)

// Key returns the key of a client: an IPv4 address, or an IPv6 /64 network, which is
// what one subscriber gets. All invalid addresses, such as a Unix socket's, have the
// same key.
func Key(addr netip.Addr) netip.Prefix {
	addr = addr.Unmap().WithZone("")
	bits := 32
	if addr.Is6() {
		bits = 64
	}
	key, _ := addr.Prefix(bits)
	return key
}

// Of returns the address of the client that sent r, as failures, rates and slots are counted by
// it: that of RemoteAddr, in which server.Limit puts the client of a trusted proxy.
func Of(r *http.Request) netip.Addr { return ParseHost(r.RemoteAddr) }

// OverUnix reports whether r came over a Unix socket. Its clients have no address.
func OverUnix(r *http.Request) bool {
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	return local != nil && local.Network() == "unix"
}

// ParseHost returns the address in a RemoteAddr, "ADDRESS:PORT", or the zero Addr.
func ParseHost(remoteAddr string) netip.Addr {
	if ap, err := netip.ParseAddrPort(remoteAddr); err == nil {
		return ap.Addr()
	}
	addr, _ := netip.ParseAddr(remoteAddr)
	return addr
}

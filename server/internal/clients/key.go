// Package clients tells the clients of a server apart, by address, and says how
// often each may come.
package clients

import "net/netip"

// Key returns what counts as one client: an IPv4 address, or an IPv6 network of 64
// bits, which is what one subscriber has. All addresses that are none, such as a
// Unix socket's, are one.
func Key(addr netip.Addr) netip.Prefix {
	addr = addr.Unmap().WithZone("")
	bits := 32
	if addr.Is6() {
		bits = 64
	}
	key, _ := addr.Prefix(bits)
	return key
}

// ParseHost returns the address in a RemoteAddr, "ADDRESS:PORT", or the zero Addr.
func ParseHost(remoteAddr string) netip.Addr {
	if ap, err := netip.ParseAddrPort(remoteAddr); err == nil {
		return ap.Addr()
	}
	addr, _ := netip.ParseAddr(remoteAddr)
	return addr
}

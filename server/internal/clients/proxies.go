package clients

import (
	"net/netip"
	"strings"
)

// Proxies are the networks whose hosts may say for whom they ask.
type Proxies []netip.Prefix

// Trusts reports whether addr is one of them.
func (p Proxies) Trusts(addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	for _, network := range p {
		if network.Contains(addr) {
			return true
		}
	}
	return false
}

// Client returns who asks: the peer itself, unless it is trusted; then the last
// address in the X-Forwarded-For lines that is not. What stands before that one
// was written by a client, and is worth nothing (CVE-2020-28483). An entry that is
// no address ends the search: the last trusted host is then the client.
func (p Proxies) Client(peer netip.Addr, forwardedFor []string) netip.Addr {
	if !p.Trusts(peer) {
		return peer
	}
	client := peer
	for i := len(forwardedFor) - 1; i >= 0; i-- {
		for rest, line := "", forwardedFor[i]; line != ""; line = rest {
			entry := line
			if rest = ""; strings.Contains(line, ",") {
				at := strings.LastIndexByte(line, ',')
				rest, entry = line[:at], line[at+1:]
			}
			addr := parseForwarded(strings.Trim(entry, " \t"))
			if !addr.IsValid() {
				return client
			}
			client = addr
			if !p.Trusts(addr) {
				return client
			}
		}
	}
	return client
}

// parseForwarded takes what proxies write: an address, with a port or without,
// an IPv6 one in brackets or without. A zone is left out: it means something on the
// proxy alone, and can be any text.
func parseForwarded(s string) netip.Addr {
	addr, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]"))
	if err != nil {
		addr = ParseHost(s)
	}
	return addr.WithZone("")
}

package clients

import (
	"net/netip"
	"strings"
)

// Proxies are the networks from which X-Forwarded-For is trusted.
type Proxies []netip.Prefix

// Trusts reports whether addr is in one of the networks.
func (p Proxies) Trusts(addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	for _, network := range p {
		if network.Contains(addr) {
			return true
		}
	}
	return false
}

// ClientBehind returns the address of the client of a trusted peer: the last address in the
// X-Forwarded-For lines that is not trusted. Entries before that one come from a client and
// can be forged (CVE-2020-28483). A malformed entry ends the search, and the last trusted
// address is the client.
func (p Proxies) ClientBehind(peer netip.Addr, forwardedFor []string) netip.Addr {
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

// parseForwarded parses an entry: an address with or without a port, for IPv6 with or
// without brackets. It drops a zone, which has a meaning only on the proxy and can be
// any text.
func parseForwarded(s string) netip.Addr {
	addr, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]"))
	if err != nil {
		addr = ParseHost(s)
	}
	return addr.WithZone("")
}

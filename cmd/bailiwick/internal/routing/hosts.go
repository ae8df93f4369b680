package routing

import (
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
)

// Hosts decides for each listener which hosts the server responds to.
//
// It prevents DNS rebinding. A server that only listens on a loopback address cannot be
// reached by other machines, but it can be reached by their web pages in a local
// browser. If the name of evil.example's server resolves to 127.0.0.1 on the browser's
// second lookup, the page has the same origin as the local server, and can read and
// write whatever the user could. But the browser still sends the name in the Host
// header.
type Hosts struct {
	listed bool // hosts were configured
	names  map[string]bool
}

// HostsOf returns the Hosts of a configuration: the listed hosts, those of its mounts,
// and those that it obtains certificates for.
func HostsOf(cfg *config.Config) *Hosts {
	known := slices.Clone(cfg.Hosts)
	for i := range cfg.Mounts {
		if host := cfg.Mounts[i].Host; host != "" {
			known = append(known, host)
		}
	}
	if cfg.TLS != nil && cfg.TLS.ACME != nil {
		known = append(known, cfg.TLS.ACME.Domains...)
	}
	h := &Hosts{listed: len(cfg.Hosts) > 0, names: map[string]bool{}}
	for _, host := range known {
		h.names[string(host)] = true
	}
	return h
}

// Answers reports whether to respond to a request with this Host header on a listener
// with this address. On a loopback address, the host must be a name of this machine or a
// known host. On other addresses, any host is accepted unless some are listed. A request
// without a Host is for the listener's address. An unknown address counts as loopback.
func (h *Hosts) Answers(header string, listener net.Addr) bool {
	at, local := loopback(listener)
	if !local && !h.listed {
		return true
	}
	host := at.String()
	if header != "" || !local {
		host = HostOf(header)
	}
	return h.names[host] || local && (own[host] || host == at.String())
}

// AnswersLocal is like Answers for listeners that are not public: except on loopback
// addresses, they accept any host, because the listed hosts are those of the public
// listeners.
func (h *Hosts) AnswersLocal(header string, listener net.Addr) bool {
	_, local := loopback(listener)
	return !local || h.Answers(header, listener)
}

// AnswersAt reports whether Answers accepts the host for any of the listen addresses.
// Names among them are not resolved, and therefore do not count as loopback.
func (h *Hosts) AnswersAt(header string, listen []config.Address) bool {
	return slices.ContainsFunc(listen, func(address config.Address) bool {
		host, _, err := net.SplitHostPort(string(address))
		if err != nil {
			return false
		}
		if strings.EqualFold(host, "localhost") {
			host = "127.0.0.1"
		}
		return h.Answers(header, &net.TCPAddr{IP: net.ParseIP(host)})
	})
}

// own are the names of the local machine.
var own = map[string]bool{"localhost": true, "127.0.0.1": true, "::1": true}

// loopback reports whether a listener can be reached only from this machine, and its
// address. A Unix socket does not count: browsers cannot connect to one.
func loopback(listener net.Addr) (at netip.Addr, local bool) {
	switch a := listener.(type) {
	case nil:
		return netip.Addr{}, true
	case *net.TCPAddr:
		at = a.AddrPort().Addr().Unmap()
		return at, at.IsLoopback()
	}
	return netip.Addr{}, false
}

// HostOf returns the host of a Host header in the form of config.Host, "" if there is
// none.
func HostOf(header string) string {
	host, port, hasPort := header, "", false
	if strings.HasPrefix(header, "[") {
		end := strings.IndexByte(header, ']')
		if end < 0 {
			return ""
		}
		if host = header[1:end]; !strings.Contains(host, ":") {
			return "" // only IPv6 addresses have brackets
		}
		if port, hasPort = strings.CutPrefix(header[end+1:], ":"); !hasPort && port != "" {
			return ""
		}
	} else if host, port, hasPort = strings.Cut(header, ":"); hasPort && strings.Contains(port, ":") {
		return ""
	}
	if strings.Trim(port, "0123456789") != "" {
		return ""
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if ip, err := netip.ParseAddr(host); err == nil && ip.Zone() == "" {
		return ip.Unmap().String()
	}
	return host
}

package routing

import (
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
)

// Hosts decides which hosts are answered, by listener.
//
// A server that listens on this machine alone is out of reach for others, but not for
// their pages: a page of evil.example whose name resolves to 127.0.0.1 the second time a
// browser asks (DNS rebinding) is of the same origin as whatever answers there, and reads
// and writes as its user could. What the browser cannot hide is the name that it asked
// for.
type Hosts struct {
	listed bool // hosts were configured
	names  map[string]bool
}

// HostsOf returns the Hosts of a configuration: those listed, those of its mounts, and
// those that it fetches certificates for.
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

// Answers reports whether a request with this Host header is answered that came by a
// listener at this address. On a loopback address that takes a name of this machine or a
// known host; elsewhere any host will do unless some are listed. A request without a Host
// is for the address that it came to. An address that is not known counts as loopback.
func (h *Hosts) Answers(header string, listener net.Addr) bool {
	at, local := loopback(listener)
	if !local && !h.listed {
		return true
	}
	host := at.String()
	if header != "" || !local {
		host = hostOf(header)
	}
	return h.names[host] || local && (own[host] || host == at.String())
}

// AnswersLocal is Answers for listeners that are not for the public: away from loopback
// addresses the hosts that are listed are not theirs, so any will do.
func (h *Hosts) AnswersLocal(header string, listener net.Addr) bool {
	_, local := loopback(listener)
	return !local || h.Answers(header, listener)
}

// AnswersAt reports whether Answers does for any of the addresses to listen on. A name
// among them is not looked up, and so not taken for one of this machine.
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

// own are the names by which each machine knows itself.
var own = map[string]bool{"localhost": true, "127.0.0.1": true, "::1": true}

// loopback reports whether only this machine can reach a listener, and its address. A
// Unix socket is not meant: no browser reaches one.
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

// hostOf returns the host of a Host header as config.Host has it, "" for a header that
// names none.
func hostOf(header string) string {
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

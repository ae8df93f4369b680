package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// An Address is HOST:PORT.
type Address string

// A Host is a host name in lower case or an IP address, without a port.
type Host string

// A URL begins with https://, or with http:// if it is on this machine.
type URL string

func parseAddress(s string) (any, error) {
	_, port, err := net.SplitHostPort(s)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return nil, fmt.Errorf("%s is not an address; write HOST:PORT such as 127.0.0.1:8080, or :8080 for all interfaces", printable(s))
	}
	return Address(s), nil
}

var hostName = regexp.MustCompile(`^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$`)

func parseHost(s string) (any, error) {
	host := strings.ToLower(s)
	if ip, err := netip.ParseAddr(host); err == nil && ip.Zone() == "" {
		return Host(ip.Unmap().String()), nil
	}
	if len(host) > 253 || !hostName.MatchString(host) {
		return nil, fmt.Errorf("%s is not a host name; write a name such as files.example.org, without a port or a *", printable(s))
	}
	return Host(host), nil
}

func parseURL(s string) (any, error) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil || u.Fragment != "" {
		return nil, errors.New("write https:// and a host")
	}
	// Over plain HTTP, an attacker on the network could supply forged keys.
	if ip, err := netip.ParseAddr(u.Hostname()); u.Scheme == "http" && u.Hostname() != "localhost" && (err != nil || !ip.IsLoopback()) {
		return nil, errors.New("write https://; http:// is accepted for this machine only")
	}
	return URL(s), nil
}

// A Proxy is a network of trusted proxies. The zero Proxy is written unix, and stands for the
// peers of Unix sockets.
type Proxy struct{ netip.Prefix }

func (p Proxy) String() string {
	if !p.IsValid() {
		return unixProxies
	}
	return p.Prefix.String()
}

const unixProxies = "unix"

// Proxies returns the networks of trusted proxies, and whether the peers of Unix sockets are
// some, too.
func (c *Config) Proxies() (networks []netip.Prefix, unix bool) {
	for _, p := range c.TrustedProxies {
		if p.IsValid() {
			networks = append(networks, p.Prefix)
		} else {
			unix = true
		}
	}
	return networks, unix
}

func parseProxy(s string) (any, error) {
	if s == unixProxies {
		return Proxy{}, nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		if ip, err := netip.ParseAddr(s); err == nil && ip.Zone() == "" {
			return nil, fmt.Errorf("write a network, such as %s/%d for this address only", ip, ip.BitLen())
		}
		return nil, fmt.Errorf("%s is not a network; write one such as 10.0.0.0/8, or unix", printable(s))
	}
	switch {
	case p.Masked() != p:
		return nil, fmt.Errorf("the network of %s is %s; write that, or %s/%d for this address only", p, p.Masked(), p.Addr(), p.Addr().BitLen())
	case p.Bits() == 0:
		return nil, errors.New("it matches every client, so any client could forge its address; list only the proxies' networks")
	}
	return Proxy{p}, nil
}

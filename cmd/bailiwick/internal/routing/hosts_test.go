package routing_test

import (
	"net"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/routing"
)

func TestHosts(t *testing.T) {
	tcp := func(ip string) net.Addr { return &net.TCPAddr{IP: net.ParseIP(ip), Port: 8080} }
	unix := &net.UnixAddr{Name: "/run/s", Net: "unix"}
	const none, mounted, listed = "", "docs.example", "files.example.org ::2"
	for _, c := range []struct {
		listener net.Addr
		hosts    string // the listed hosts
		header   string
		want     bool
	}{
		{tcp("127.0.0.1"), none, "localhost", true},
		{tcp("127.0.0.1"), none, "LocalHost:8080", true},
		{tcp("127.0.0.1"), none, "localhost.", true},
		{tcp("127.0.0.1"), none, "localhost.:8080", true},
		{tcp("127.0.0.1"), none, "localhost:", true},
		{tcp("127.0.0.1"), none, "127.0.0.1", true},
		{tcp("127.0.0.1"), none, "127.0.0.1:1", true},
		{tcp("127.0.0.1"), none, "[::1]", true},
		{tcp("127.0.0.1"), none, "[::1]:8080", true},
		{tcp("127.0.0.1"), none, "[0:0:0:0:0:0:0:1]", true},
		{tcp("127.0.0.1"), none, "[::ffff:127.0.0.1]", true},
		{tcp("::1"), none, "localhost:8080", true},
		{tcp("127.0.0.1"), none, "", true}, // without a Host, the request is for the listener's address
		{nil, none, "localhost", true},
		{tcp("127.9.8.7"), none, "127.9.8.7:8080", true}, // the address that the listener is bound to
		{tcp("127.0.0.1"), none, "127.9.8.7", false},
		{tcp("127.0.0.1"), none, "docs.example:8080", true}, // the host of a mount
		{tcp("127.0.0.1"), none, "Docs.Example.", true},
		{tcp("127.0.0.1"), none, "acme.example", true}, // a host with an automatic certificate
		{tcp("127.0.0.1"), listed, "files.example.org", true},
		{tcp("127.0.0.1"), listed, "localhost", true},
		{tcp("127.0.0.1"), listed, "[::2]:80", true},

		{tcp("127.0.0.1"), none, "evil.example", false},
		{tcp("127.0.0.1"), none, "evil.example:8080", false},
		{nil, none, "evil.example", false},
		{tcp("::1"), none, "evil.example", false},
		{tcp("127.0.0.1"), none, "localhost.evil.example", false},
		{tcp("127.0.0.1"), none, "evil.example.localhost", false},
		{tcp("127.0.0.1"), none, "127.0.0.1.evil.example", false},
		{tcp("127.0.0.1"), none, "127.0.0.1.nip.io", false},
		{tcp("127.0.0.1"), none, "xdocs.example", false},
		{tcp("127.0.0.1"), none, "a.docs.example", false},
		{tcp("127.0.0.1"), none, "localhost..", false},
		{tcp("127.0.0.1"), none, "localhost@evil.example", false},
		{tcp("127.0.0.1"), none, "evil.example@localhost", false},
		{tcp("127.0.0.1"), none, "localhost:80:evil.example", false},
		{tcp("127.0.0.1"), none, "localhost:evil", false},
		{tcp("127.0.0.1"), none, "localhost,evil.example", false},
		{tcp("127.0.0.1"), none, "::1", false},
		{tcp("127.0.0.1"), none, "[::1", false},
		{tcp("127.0.0.1"), none, "[::1]x", false},
		{tcp("127.0.0.1"), none, "[localhost]", false},
		{tcp("127.0.0.1"), none, "[::1%25lo]", false},
		{tcp("127.0.0.1"), none, "127.1", false},
		{tcp("127.0.0.1"), none, "0.0.0.0", false},
		{tcp("127.0.0.1"), none, "[::]", false},
		{tcp("127.0.0.1"), none, "10.0.0.1", false},
		{tcp("127.0.0.1"), none, ":8080", false},
		{tcp("127.0.0.1"), listed, "evil.example", false},

		{tcp("0.0.0.0"), none, "evil.example", true},
		{tcp("::"), none, "evil.example", true},
		{tcp("192.0.2.1"), none, "evil.example", true},
		{tcp("192.0.2.1"), none, "", true},
		{unix, none, "evil.example", true},
		{tcp("0.0.0.0"), listed, "files.example.org:443", true},
		{tcp("0.0.0.0"), listed, "docs.example", true},
		{tcp("0.0.0.0"), listed, "evil.example", false},
		{tcp("0.0.0.0"), listed, "localhost", false},
		{tcp("0.0.0.0"), listed, "127.0.0.1", false},
		{tcp("0.0.0.0"), listed, "", false},
		{unix, listed, "evil.example", false},
	} {
		cfg := &config.Config{Mounts: []config.Mount{{Path: "/"}, {Path: "/d", Host: mounted}}}
		cfg.TLS = &config.TLS{ACME: &config.ACME{Domains: []config.Host{"acme.example"}}}
		for host := range strings.FieldsSeq(c.hosts) {
			cfg.Hosts = append(cfg.Hosts, config.Host(host))
		}
		h := routing.HostsOf(cfg)
		if got := h.Answers(c.header, c.listener); got != c.want {
			t.Errorf("%v with hosts %q: Host %q: %v, want %v", c.listener, c.hosts, c.header, got, c.want)
		}
		// A local listener is restricted only on loopback addresses.
		at, isTCP := c.listener.(*net.TCPAddr)
		want := c.want || c.listener != nil && (!isTCP || !at.IP.IsLoopback())
		if got := h.AnswersLocal(c.header, c.listener); got != want {
			t.Errorf("%v with hosts %q: Host %q on a local listener: %v, want %v", c.listener, c.hosts, c.header, got, want)
		}
		if isTCP && c.header != "" {
			if got := h.AnswersAt(c.header, []config.Address{config.Address(at.String())}); got != c.want {
				t.Errorf("%v with hosts %q: Host %q: AnswersAt is %v", c.listener, c.hosts, c.header, got)
			}
		}
	}
}

// FuzzHosts checks that, on a loopback address, every accepted header names a known
// host.
func FuzzHosts(f *testing.F) {
	for _, header := range []string{"localhost", "[::1]:80", "127.0.0.1.", "evil.example", "[::1]evil", "a:b:c", "localhost:80", ""} {
		f.Add(header)
	}
	h := routing.HostsOf(&config.Config{Hosts: []config.Host{"files.example.org"}})
	f.Fuzz(func(t *testing.T, header string) {
		if header == "" || !h.Answers(header, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}) {
			return
		}
		host, _, err := net.SplitHostPort(header)
		if err != nil {
			host = strings.Trim(header, "[]")
		}
		host = strings.ToLower(strings.TrimSuffix(host, "."))
		if ip := net.ParseIP(host); host != "localhost" && host != "files.example.org" && !(ip != nil && (ip.Equal(net.IPv6loopback) || ip.Equal(net.IPv4(127, 0, 0, 1)))) {
			t.Errorf("%q is accepted", header)
		}
	})
}

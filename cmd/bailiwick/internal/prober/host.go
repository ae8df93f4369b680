package prober

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
)

// A Host is the server to attack. Its name was resolved once: a name that is made to stand
// for another address meanwhile leads nowhere else.
type Host struct {
	URL   string       // with the path under which the directory is served
	addrs []netip.Addr // what its name stands for
	named string       // HOST:PORT, the only one that Dial accepts
}

// A Resolver looks up the addresses of a name; [net.DefaultResolver] is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Resolve parses a URL and looks its host up. Errors are usage errors. Without anyHost all of
// its addresses have to be loopback or private: whoever attacks another host needs to be
// entitled to it, and to say so.
func Resolve(ctx context.Context, r Resolver, raw, prefix string, anyHost bool) (*Host, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return nil, cli.Usagef("%s is not a URL; write http://HOST:PORT/PATH", cli.Printable(redacted(raw)))
	case u.User != nil:
		return nil, cli.Usagef("omit the user from the URL; write --header 'Authorization: …'")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, cli.Usagef("omit the query and the fragment from the URL")
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	path := strings.TrimRight(u.EscapedPath(), "/")
	if prefix = strings.Trim(prefix, "/"); prefix != "" {
		path += (&url.URL{Path: "/" + prefix}).EscapedPath()
	}
	h := &Host{URL: u.Scheme + "://" + u.Host + path + "/", named: net.JoinHostPort(u.Hostname(), port)}
	if addr, err := netip.ParseAddr(u.Hostname()); err == nil {
		h.addrs = []netip.Addr{addr.Unmap()}
	} else if h.addrs, err = r.LookupNetIP(ctx, "ip", u.Hostname()); err != nil || len(h.addrs) == 0 {
		return nil, cli.Usagef("the host %s has no address: %s", cli.Printable(u.Hostname()), cli.OneLine(cmpErr(err)))
	}
	for i, addr := range h.addrs {
		h.addrs[i] = addr.Unmap()
		if !anyHost && !h.addrs[i].IsLoopback() && !h.addrs[i].IsPrivate() {
			return nil, cli.Usagef("%s (%s) is no loopback or private address; if you are entitled to attack that host, say so with --yes-i-may",
				cli.Printable(u.Hostname()), addr)
		}
	}
	return h, nil
}

func cmpErr(err error) error {
	if err == nil {
		return errors.New("none was found")
	}
	return err
}

// redacted returns a URL without its password, for messages.
func redacted(s string) string {
	if u, err := url.Parse(s); err == nil {
		return u.Redacted()
	}
	return s
}

// Dial connects to the host at the addresses that Resolve found, in their order. It refuses
// every other host.
func (h *Host) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if addr != h.named {
		return nil, fmt.Errorf("%s was not named", addr)
	}
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, ip := range h.addrs {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, net.JoinHostPort(ip.String(), port))
		if err == nil {
			return conn, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

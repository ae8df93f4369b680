package prober_test

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/prober"
)

// answers is a resolver that gives the next list of addresses each time.
type answers [][]string

func (a *answers) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	var addrs []netip.Addr
	if len(*a) > 0 {
		for _, s := range (*a)[0] {
			addrs = append(addrs, netip.MustParseAddr(s))
		}
		*a = (*a)[1:]
	}
	return addrs, nil
}

func TestResolve(t *testing.T) {
	for _, c := range []struct {
		url, prefix string
		addrs       []string
		anyHost     bool
		want, err   string
	}{
		{"http://h:1", "", []string{"127.0.0.1"}, false, "http://h:1/", ""},
		{"http://h:1/", "files", []string{"10.0.0.1"}, false, "http://h:1/files/", ""},
		{"https://h/a%20b/", "/c d/", []string{"fd00::1", "::1"}, false, "https://h/a%20b/c%20d/", ""},
		{"http://192.168.1.1/x", "", nil, false, "http://192.168.1.1/x/", ""},
		{"http://[::1]:8080", "", nil, false, "http://[::1]:8080/", ""},
		{"http://h", "", []string{"192.0.2.1"}, true, "http://h/", ""},
		{"http://h", "", []string{"192.0.2.1"}, false, "", "--yes-i-may"},
		// One public address among private ones.
		{"http://h", "", []string{"127.0.0.1", "192.0.2.1"}, false, "", "--yes-i-may"},
		{"http://h", "", []string{"::ffff:192.0.2.1"}, false, "", "--yes-i-may"},
		{"http://h", "", []string{"::ffff:127.0.0.1"}, false, "http://h/", ""},
		{"http://h", "", []string{"0.0.0.0"}, false, "", "--yes-i-may"},
		{"http://h", "", []string{"169.254.169.254"}, false, "", "--yes-i-may"},
		{"http://h", "", nil, true, "", "no address"},
		{"http://h/#x", "", []string{"127.0.0.1"}, true, "", "fragment"},
		{"http://u@h/", "", []string{"127.0.0.1"}, true, "", "user"},
		{"//h/", "", []string{"127.0.0.1"}, true, "", "not a URL"},
	} {
		h, err := prober.Resolve(t.Context(), &answers{c.addrs}, c.url, c.prefix, c.anyHost)
		if c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) || c.err == "" && (err != nil || h.URL != c.want) {
			t.Errorf("%s %q: %+v, %v", c.url, c.addrs, h, err)
		}
	}
}

// A name that stands for another address later is asked at its first one, and no other name
// is asked at all.
func TestDial(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	// Nobody listens at the first address.
	names := &answers{{"127.0.0.2", "127.0.0.1"}, {"192.0.2.1"}}
	h, err := prober.Resolve(t.Context(), names, "http://files.example:"+port, "", false)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		conn, err := h.Dial(t.Context(), "tcp", "files.example:"+port)
		if err != nil {
			t.Fatal(err)
		}
		if got := conn.RemoteAddr().String(); got != l.Addr().String() {
			t.Errorf("connected to %s", got)
		}
		conn.Close()
	}
	if len(*names) != 1 {
		t.Error("the name was looked up again")
	}
	for _, addr := range []string{"other.example:" + port, "files.example:1", l.Addr().String()} {
		if conn, err := h.Dial(t.Context(), "tcp", addr); err == nil {
			conn.Close()
			t.Errorf("connected to %s", addr)
		}
	}
}

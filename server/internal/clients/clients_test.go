package clients_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/server/internal/clients"
)

func TestClient(t *testing.T) {
	proxies := clients.Proxies{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8"), netip.MustParsePrefix("127.0.0.1/32")}
	tests := []struct {
		peer, want string
		lines      []string
	}{
		{"10.1.1.1", "10.1.1.1", nil},
		{"10.1.1.1", "198.51.100.7", []string{"198.51.100.7"}},
		{"::ffff:10.1.1.1", "198.51.100.7", []string{"198.51.100.7"}},
		{"10.1.1.1", "198.51.100.7", []string{"1.1.1.1, 127.0.0.1,198.51.100.7 , 10.2.2.2"}},
		{"10.1.1.1", "198.51.100.7", []string{"1.1.1.1", "198.51.100.7", "10.2.2.2, fd00::1"}},
		{"10.1.1.1", "10.2.2.2", []string{"198.51.100.7, nonsense, 10.2.2.2"}},
		{"10.1.1.1", "10.1.1.1", []string{"198.51.100.7,"}},
		{"10.1.1.1", "10.3.3.3", []string{"10.3.3.3, 10.2.2.2"}},
		{"10.1.1.1", "2001:db8::1", []string{"[2001:db8::1]:4711"}},
		{"10.1.1.1", "2001:db8::1", []string{"[2001:db8::1]"}},
		{"10.1.1.1", "2001:db8::1", []string{"2001:db8::1"}},
		{"10.1.1.1", "198.51.100.7", []string{"198.51.100.7:80"}},
		{"10.1.1.1", "10.1.1.1", []string{"unix:"}},
	}
	for _, tt := range tests {
		if got := proxies.ClientBehind(netip.MustParseAddr(tt.peer), tt.lines); got != netip.MustParseAddr(tt.want) {
			t.Errorf("from %s with %q: %s, want %s", tt.peer, tt.lines, got, tt.want)
		}
	}
}

func TestKey(t *testing.T) {
	for s, want := range map[string]string{
		"192.0.2.1": "192.0.2.1/32", "::ffff:192.0.2.1": "192.0.2.1/32",
		"2001:db8:1:2:3::4": "2001:db8:1:2::/64", "fe80::1%eth0": "fe80::/64",
	} {
		if got := clients.Key(netip.MustParseAddr(s)); got.String() != want {
			t.Errorf("%s: %s, want %s", s, got, want)
		}
	}
	if clients.Key(clients.ParseHost("@")) != clients.Key(netip.Addr{}) || clients.ParseHost("[::1]:80") != netip.IPv6Loopback() {
		t.Error("invalid addresses")
	}
}

func TestRates(t *testing.T) {
	now := time.Unix(0, 0)
	r := clients.NewRates(10, 20, 1000, func() time.Time { return now })
	alice, bob := clients.Key(netip.MustParseAddr("192.0.2.1")), clients.Key(netip.MustParseAddr("192.0.2.2"))
	take := func(who netip.Prefix) (n int, after time.Duration) {
		for {
			after, ok := r.Allow(who)
			if !ok {
				return n, after
			}
			if n++; n > 1000 {
				t.Fatal("there is no limit")
			}
		}
	}
	if n, after := take(alice); n != 20 || after <= 0 || after > 100*time.Millisecond {
		t.Errorf("in a burst: %d, retry after %v", n, after)
	}
	if n, _ := take(bob); n != 20 {
		t.Errorf("another client: %d", n)
	}
	total := 0
	for range 50 {
		now = now.Add(200 * time.Millisecond)
		n, _ := take(alice)
		total += n
	}
	if total != 100 {
		t.Errorf("in ten seconds: %d, want 100", total)
	}
	now = now.Add(time.Hour)
	if n, _ := take(alice); n != 20 {
		t.Errorf("after a rest: %d", n)
	}
	// A flood from many addresses must not use unlimited memory, and must not make the
	// limit of a single flooding client ineffective.
	for i := range 100_000 {
		r.Allow(clients.Key(netip.MustParseAddr(fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255))))
	}
	minute := clients.NewRates(1, 60, 1000, func() time.Time { return now })
	for i := range 61 {
		if _, ok := minute.Allow(bob); ok != (i < 60) {
			t.Errorf("request %d of a burst at 60 per minute: %t", i+1, ok)
		}
		if i == 30 {
			now = now.Add(3 * time.Second) // not enough to be forgotten
			minute.Allow(bob)
			minute.Allow(bob)
			minute.Allow(bob)
		}
	}
	slow := clients.NewRates(0.5, 0, 10, func() time.Time { return now })
	if _, ok := slow.Allow(alice); !ok {
		t.Error("a rate of half a request per second allows nothing")
	}
}

package clients_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/server/internal/clients"
)

// Entries before the last address that is not a proxy's come from a client and must have
// no effect.
func FuzzForwardedFor(f *testing.F) {
	proxies := clients.Proxies{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for _, line := range []string{
		"", ",", "198.51.100.7", "198.51.100.7, 10.2.2.2", "[2001:db8::1]:80", "[::1", "::1]", "10.1.1.1:x", "unknown", "_hidden", "198.51.100.7,,10.2.2.2",
		"\t198.51.100.7 ", "::ffff:10.1.1.1", "::ffff:198.51.100.7", "fe80::1%eth0", "fe80::1%\x1b[31m", "1.2.3", "010.1.1.1", "0x7f.1", "10.1.1.1\n198.51.100.7", `"198.51.100.7"`, "for=198.51.100.7",
	} {
		f.Add(line, "10.1.1.1")
		f.Add("203.0.113.9,"+line, "fd00::1")
		f.Add(line, "192.0.2.1")
	}
	f.Fuzz(func(t *testing.T, line, peerText string) {
		peer, err := netip.ParseAddr(peerText)
		if err != nil {
			return
		}
		if !proxies.Trusts(peer) {
			return
		}
		got := proxies.ClientBehind(peer, []string{line})
		if !got.IsValid() {
			t.Fatalf("%q from %s: no address", line, peer)
		}
		if got != peer && got.Zone() != "" {
			t.Fatalf("%q from %s: %s has a zone, which has a meaning only on another host", line, peer, got)
		}
		if got != peer && !strings.Contains(line, got.String()) && !strings.ContainsAny(line, ":") {
			t.Fatalf("%q from %s: %s does not occur in it", line, peer, got)
		}
		// If the last entry is not a proxy's, the rest is ignored, in one line or several.
		honest := netip.MustParseAddr("203.0.113.9")
		for _, lines := range [][]string{{line + ",203.0.113.9"}, {line, "203.0.113.9"}, {line, "203.0.113.9, 10.9.9.9", "fd00::2"}} {
			if got := proxies.ClientBehind(peer, lines); got != honest {
				t.Fatalf("%q from %s: %s", lines, peer, got)
			}
		}
		// An additional first entry has an effect only if all others are proxies.
		if !proxies.Trusts(got) {
			if again := proxies.ClientBehind(peer, []string{"203.0.113.9", line}); again != got {
				t.Fatalf("%q from %s: %s, but with another line before it %s", line, peer, got, again)
			}
		}
		if key := clients.Key(got); !key.IsValid() || key.Addr().Zone() != "" {
			t.Fatalf("%q from %s: the key is %s", line, peer, key)
		}
	})
}

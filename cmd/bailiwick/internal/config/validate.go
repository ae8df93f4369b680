package config

import (
	"maps"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/overlap"
	"github.com/bailiwick-fs/bailiwick/server/auth/oidc"
)

// validate finds contradictions between values that are each valid.
func (c *Config) validate(d *decoder) {
	v := &validator{Config: c, d: d}
	v.addresses()
	v.tls()
	v.users()
	v.shares()
	v.limits()
	v.mounts()
	v.caches()
}

type validator struct {
	*Config
	d      *decoder
	survey overlap.Survey
}

// fail records an error about key at its place, or at the place of the nearest enclosing
// key.
func (v *validator) fail(key, format string, args ...any) {
	v.d.failAt(v.positionOf(key), key, format, args...)
}

func (v *validator) positionOf(key string) position {
	for at := key; ; {
		if p, ok := v.positions[at]; ok {
			return p
		}
		i := max(strings.LastIndexAny(at, ".["), 0)
		if at = at[:i]; at == "" {
			return v.positions[""]
		}
	}
}

func (v *validator) addresses() {
	for i, addr := range v.Listen {
		key := index("listen", i)
		if addr == "" {
			continue
		}
		for _, other := range v.Listen[:i] {
			if other != "" && conflict(addr, other) {
				v.fail(key, "%s and %s are the same address; keep one", other, addr)
			}
		}
		if v.Admin != "" && conflict(addr, v.Admin) {
			v.fail("admin", "it must differ from the public address %s; write another one, such as 127.0.0.1:9090", addr)
		}
	}
}

// conflict reports whether two listeners would conflict.
func conflict(a, b Address) bool {
	hostA, portA, _ := net.SplitHostPort(string(a))
	hostB, portB, _ := net.SplitHostPort(string(b))
	numberA, _ := strconv.ParseUint(portA, 10, 16)
	numberB, _ := strconv.ParseUint(portB, 10, 16)
	if numberA != numberB || numberA == 0 {
		return false
	}
	ipA, ipB := ipOf(hostA), ipOf(hostB)
	return ipA == ipB && (ipA.IsValid() || strings.EqualFold(hostA, hostB)) || ipA.IsUnspecified() || ipB.IsUnspecified()
}

func ipOf(host string) netip.Addr {
	switch strings.ToLower(host) {
	case "":
		return netip.IPv4Unspecified()
	case "localhost":
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	ip, _ := netip.ParseAddr(host)
	return ip.Unmap()
}

func (v *validator) tls() {
	t := v.TLS
	if t == nil {
		return
	}
	files := t.Cert != "" || t.Key != ""
	switch {
	case t.ACME != nil && files:
		v.fail(v.byFlag("tls", "tls.cert", "tls.key", "tls.acme.domains", "tls.acme"), "cert and key are a certificate from files, acme obtains one; leave out either")
	case t.ACME == nil && !files:
		v.fail("tls", "add cert and key, or acme with its domains")
	case t.Cert == "" && files:
		v.fail("tls", "key is set without cert; add the file of the certificate%s", flagFor(v.positionOf("tls"), "tls.cert"))
	case t.Key == "" && files:
		v.fail("tls", "cert is set without key; add the file of its key%s", flagFor(v.positionOf("tls"), "tls.key"))
	}
	if t.ACME == nil {
		return
	}
	for i, domain := range t.ACME.Domains {
		key := index("tls.acme.domains", i)
		if domain == "" {
			continue
		}
		if _, err := netip.ParseAddr(string(domain)); err == nil || !strings.Contains(string(domain), ".") {
			v.fail(key, "certificates are issued for names such as files.example.org, not for %s", domain)
		}
		if slices.Contains(t.ACME.Domains[:i], domain) {
			v.fail(key, "%s is listed twice; keep one", domain)
		}
	}
}

// byFlag returns the first of the keys below that came from a flag or variable, else
// key. Of two values that exclude each other, the flag is the newer one and more likely
// the mistake.
func (v *validator) byFlag(key string, below ...string) string {
	for _, k := range below {
		if p, ok := v.positions[k]; ok && p.origin != "" {
			return k
		}
	}
	return key
}

// there reports whether key has a valid value, from any origin.
func (v *validator) there(key string) bool {
	_, ok := v.positions[key]
	return ok && !v.d.bad[key]
}

func (v *validator) users() {
	if v.Users.ClientCertificates != nil && v.TLS == nil {
		flags := ""
		if v.positionOf("users.client_certificates").origin != "" {
			flags = " (--tls-cert, or --acme-host)"
		}
		v.fail("users.client_certificates", "client certificates require TLS; add tls%s", flags)
	}
	if o := v.Users.OIDC; o != nil && o.Issuer != "" && o.Audience != "" {
		if _, err := oidc.New(oidc.Config{Issuer: string(o.Issuer), Audience: o.Audience}); err != nil {
			v.fail("users.oidc.issuer", "%s", strings.TrimPrefix(err.Error(), "issuer: "))
		}
	}
	v.sessions()
	v.namespaces()
	for _, group := range slices.Sorted(maps.Keys(v.Groups)) {
		seen := map[string]bool{}
		for i, name := range v.Groups[group] {
			if name != "" && seen[name] {
				v.fail(index("groups."+group, i), "%s is listed twice; keep one", printable(name))
			}
			seen[name] = true
		}
	}
}

// sessions validates how people sign in with a browser.
func (v *validator) sessions() {
	s, o := v.Users.Sessions, v.Users.OIDC
	if o != nil && o.ClientID != "" && s == nil && !v.d.bad["users.sessions"] {
		v.fail("users.oidc.client_id", "it is for signing in with a browser, which needs sessions; add users.sessions with their keys%s", flagFor(v.positionOf("users.oidc.client_id"), "users.sessions.keys"))
	}
	if o != nil && o.ClientSecretFile != "" && o.ClientID == "" && !v.d.bad["users.oidc.client_id"] {
		v.fail("users.oidc.client_secret_file", "there is no client_id that the secret belongs to; add it%s", flagFor(v.positionOf("users.oidc.client_secret_file"), "users.oidc.client_id"))
	}
	if s == nil {
		return
	}
	if v.Users.Htpasswd == "" && (o == nil || o.ClientID == "") && !v.d.bad["users.htpasswd"] && !v.d.bad["users.oidc"] && !v.d.bad["users.oidc.client_id"] {
		v.fail("users.sessions", "there is no way to sign in; add users.htpasswd, or users.oidc with a client_id")
	}
	for _, t := range []struct {
		key   string
		value time.Duration
	}{{"users.sessions.max_age", s.MaxAge}, {"users.sessions.idle", s.Idle}} {
		if t.value < time.Minute && v.there(t.key) {
			v.fail(t.key, "people would have to sign in all the time; write 1m or more")
		}
	}
}

func (v *validator) limits() {
	l := v.Limits
	for _, limit := range []struct {
		key      string
		tooSmall bool
		least    string
	}{
		{"limits.header_size", l.HeaderSize < 1<<10, "it is too small for browsers; write 1KiB or more"},
		{"limits.header_timeout", l.HeaderTimeout == 0, "nothing can be received in zero time; write a duration such as 10s"},
		{"limits.idle_timeout", l.IdleTimeout == 0, "each connection would close at once; write a duration such as 2m"},
		{"limits.upload_time", l.UploadTime == 0, "nothing can be received in zero time; write a duration such as 1h"},
		{"limits.archives", l.Archives == 0, "no archive could be sent; write a whole number of 1 or more"},
		{"limits.archive_entries", l.ArchiveEntries == 0, "each archive would be empty; write a whole number of 1 or more"},
		{"limits.uploads", l.Uploads == 0, "no upload could start; write a whole number of 1 or more"},
	} {
		if limit.tooSmall && v.there(limit.key) {
			v.fail(limit.key, "%s", limit.least)
		}
	}
}

func index(key string, i int) string { return key + "[" + strconv.Itoa(i) + "]" }

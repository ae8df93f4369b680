// Package review looks for what is valid in a configuration and probably not meant, such as a
// rule that matches nothing, and counts the names that the configuration exposes, and to
// whom. The start of a server and config check report the same, since both get it here.
package review

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
	"github.com/bailiwick-fs/bailiwick/server/access"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A Mount is what a review needs to know of a mount beside its configuration.
type Mount struct {
	Names  *vfs.Jail    // the mount's names without access rules; nil if the source is not scanned
	Access *access.List // nil if the mount is open to anyone
}

// A Review is the result.
type Review struct {
	Exposure Exposure
	Warnings config.Errors
}

// scanBudget limits how long a review scans sources. A source that takes longer is too large
// to be counted, and gets no warnings about its rules.
const scanBudget = time.Second

// Of reviews cfg, which was checked. The mounts are those of cfg, in order. The addresses are
// those of the listeners.
func Of(ctx context.Context, cfg *config.Config, mounts []Mount, addresses []string) *Review {
	r := &reviewer{cfg: cfg, review: &Review{}, warned: map[config.Error]bool{}}
	ctx, cancel := context.WithTimeout(ctx, scanBudget)
	defer cancel()
	for i := range mounts {
		r.mount(ctx, i, mounts[i])
	}
	r.caches()
	r.users()
	r.clearText(addresses)
	r.unixSockets(addresses)
	return r.review
}

// A reviewer collects the warnings of one review.
type reviewer struct {
	cfg    *config.Config
	review *Review
	warned map[config.Error]bool
}

// warn adds a warning about the value of key, once.
func (r *reviewer) warn(key, format string, args ...any) {
	w := r.cfg.ErrorAt(key, format, args...)
	if !r.warned[*w] {
		r.warned[*w] = true
		r.review.Warnings = append(r.review.Warnings, w)
	}
}

// mount reviews the i-th mount.
func (r *reviewer) mount(ctx context.Context, i int, m Mount) {
	cfg, key := &r.cfg.Mounts[i], item("mounts", i)
	if cfg.Uploads == nil && m.Names != nil {
		r.scan(ctx, cfg, key, m)
	}
	if cfg.List && cfg.Access != nil && !slices.ContainsFunc(cfg.Access, func(rule config.Rule) bool { return slices.Contains(rule.Can, vfs.OpList) }) {
		example := "{who: authenticated, can: [read, list]}"
		if r.fromFlag(key + ".list") {
			example = "--access 'authenticated can read,list'"
		}
		r.warn(key+".list", "no access rule grants list, so nobody gets a listing; add list to a rule, such as %s", example)
	}
	for j, rule := range cfg.Rules() {
		group, ok := rule.Group()
		if members, defined := r.cfg.Groups[group]; ok && defined && len(members) == 0 {
			r.warn(item(key+".access", j)+".who", "the group %s has no members", group)
		}
	}
}

// users warns of users that are missing: of access rules and groups for users that no file
// has, of access rules for users without any source of users, and of users without access
// rules.
func (r *reviewer) users() {
	u := &r.cfg.Users
	known := u.Htpasswd != "" || u.Tokens != "" || u.OIDC != nil || u.ClientCertificates != nil
	if r.cfg.UsersOfNothing() {
		r.warn("users", "no mount has access rules, so nobody has to log in; add access to a mount")
	}
	for _, w := range r.cfg.UnknownUsers() {
		r.warn(w.Key, "%s", w.Text)
	}
	for i := range r.cfg.Mounts {
		// A link can act for any user.
		if !known && r.cfg.Links == nil && slices.ContainsFunc(r.cfg.Mounts[i].Access, func(rule config.Rule) bool { return rule.Who != "anyone" }) {
			r.warn(item("mounts", i)+".access", "there is no source of users, so only the rules for anyone grant anything; add htpasswd, tokens, oidc or client_certificates")
		}
	}
}

// clearText warns of credentials that cross a network without TLS. Behind trusted proxies,
// TLS ends at the proxy.
func (r *reviewer) clearText(addresses []string) {
	u := &r.cfg.Users
	if r.cfg.TLS != nil || len(r.cfg.TrustedProxies) > 0 || u.Htpasswd == "" && u.Tokens == "" && u.OIDC == nil {
		return
	}
	for i, address := range addresses {
		if !onNetwork(address) {
			continue
		}
		flags := ""
		key := "listen"
		if i < len(r.cfg.Listen) {
			key = item("listen", i)
		}
		if r.fromFlag(key) {
			flags = " (--tls-cert, or --acme-host)"
		}
		r.warn(key, "passwords and tokens cross the network in clear text on %s; add tls%s, or listen on a loopback address behind a proxy", address, flags)
	}
}

// unixSockets warns of Unix sockets whose clients cannot be told apart.
func (r *reviewer) unixSockets(addresses []string) {
	u := &r.cfg.Users
	if _, unix := r.cfg.Proxies(); unix || u.Htpasswd == "" && u.Tokens == "" && u.OIDC == nil {
		return
	}
	for _, address := range addresses {
		if _, _, err := net.SplitHostPort(address); err != nil {
			r.warn("trusted_proxies", "all clients of the Unix socket %s count as one, and as without TLS, so wrong passwords of one stop the others; add unix, and let the proxy there set X-Forwarded-For and X-Forwarded-Proto", cli.Printable(address))
		}
	}
}

// onNetwork reports whether other machines can reach the address of a listener. A name is not
// resolved, and therefore does not count.
func onNetwork(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false // a Unix socket
	}
	if host == "" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && !ip.Unmap().IsLoopback()
}

// fromFlag reports whether the value of key came from a flag, a variable or an argument.
func (r *reviewer) fromFlag(key string) bool {
	return !(&config.Error{Where: r.cfg.At(key)}).InFile()
}

// item returns the key of an item of a list.
func item(key string, i int) string { return key + "[" + strconv.Itoa(i) + "]" }

package config

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/bailiwick-fs/bailiwick/server/auth"
)

// A Suffix says what stands behind the names of users that one way of logging in vouches
// for: a text as auth.CheckSuffix has it, or one of these words.
type Suffix string

// The words of a Suffix.
const (
	SuffixAuto Suffix = "auto" // one where users also log in by other ways, else none
	SuffixNone Suffix = "none" // names are plain
)

// certificateSuffix is that of client certificates, where they need one.
const certificateSuffix = "cert"

func parseSuffix(s string) (any, error) {
	if s == "" {
		return nil, fmt.Errorf("it is empty; write one such as id.example.org, or %s for plain names", SuffixNone)
	}
	if err := auth.CheckSuffix(s); err != nil {
		return nil, fmt.Errorf("%s is no suffix: %w", printable(s), err)
	}
	return Suffix(s), nil
}

// local reports whether files name users. Passwords and tokens are one way of logging in
// here: whoever maintains the files gives out their names.
func (u *Users) local() bool { return u.Htpasswd != "" || u.Tokens != "" }

// mixed reports whether users log in by several ways, so that a name alone does not say
// who somebody is.
func (u *Users) mixed() bool {
	ways := 0
	for _, known := range []bool{u.local(), u.OIDC != nil, u.ClientCertificates != nil} {
		if known {
			ways++
		}
	}
	return ways > 1
}

// OIDCSuffix returns what stands, behind an "@", at the end of the names of users of
// OpenID Connect; "" if these are plain.
func (u *Users) OIDCSuffix() string {
	if u.OIDC == nil {
		return ""
	}
	return u.suffix(u.OIDC.Suffix, hostSuffix(u.OIDC.Issuer))
}

// CertificateSuffix returns what stands, behind an "@", at the end of the names of users
// with client certificates; "" if these are plain.
func (u *Users) CertificateSuffix() string {
	if u.ClientCertificates == nil {
		return ""
	}
	return u.suffix(u.ClientCertificates.Suffix, certificateSuffix)
}

func (u *Users) suffix(s Suffix, auto string) string {
	switch {
	case s == SuffixNone, s == SuffixAuto && !u.mixed():
		return ""
	case s == SuffixAuto:
		return auto
	}
	return string(s)
}

// hostSuffix is the issuer's host, as far as it can stand in a name.
func hostSuffix(issuer URL) string {
	u, err := url.Parse(string(issuer))
	if err != nil {
		return ""
	}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	return strings.Trim(strings.ReplaceAll(host, ":", "-"), "-") // an IPv6 address
}

// Suffixes returns those of other namespaces than that of local users, without which two
// people could have one name.
func (u *Users) Suffixes() []string {
	var list []string
	for _, s := range []string{u.OIDCSuffix(), u.CertificateSuffix()} {
		if s != "" {
			list = append(list, s)
		}
	}
	return list
}

// namespaces refuses ways of logging in whose names could be two people's.
func (v *validator) namespaces() {
	u := &v.Users
	const oidcKey, certKey = "users.oidc.suffix", "users.client_certificates.suffix"
	if !u.mixed() || v.d.bad["users.oidc"] || v.d.bad["users.client_certificates"] || v.d.bad[oidcKey] || v.d.bad[certKey] {
		return
	}
	oidc, cert := u.OIDCSuffix(), u.CertificateSuffix()
	plain := u.local()
	if u.OIDC != nil {
		switch {
		case oidc == "" && u.OIDC.Suffix == SuffixAuto:
			if u.OIDC.Issuer != "" && !v.d.bad["users.oidc.issuer"] {
				v.fail("users.oidc.issuer", "its host cannot stand in the names of users; add a suffix%s", flagFor(v.place("users.oidc.issuer"), oidcKey))
			}
			return
		case oidc != "" && auth.CheckSuffix(oidc) != nil:
			v.fail("users.oidc.issuer", "its host cannot stand in the names of users; add a suffix%s", flagFor(v.place("users.oidc.issuer"), oidcKey))
			return
		case oidc == "" && plain:
			v.fail(oidcKey, "whoever chooses a user's name at the provider could become the user of a file who is called so; write a suffix such as %s, or leave it out", hostSuffix(u.OIDC.Issuer))
		}
		plain = plain || oidc == ""
	}
	if u.ClientCertificates != nil && cert == "" && plain {
		v.fail(certKey, "the name in a certificate could be that of another user; write a suffix such as %s, or leave it out", certificateSuffix)
	}
	if oidc != "" && strings.EqualFold(oidc, cert) {
		key := v.byFlag(certKey, oidcKey, certKey)
		v.fail(key, "users of OpenID Connect and those with certificates would share their names; give the one or the other another suffix")
	}
}

// A mention is a user that the configuration names.
type mention struct{ key, name string }

// mentions returns the users that groups and access rules name, in order.
func (c *Config) mentions() []mention {
	var list []mention
	for _, group := range slices.Sorted(maps.Keys(c.Groups)) {
		for i, name := range c.Groups[group] {
			list = append(list, mention{index("groups."+group, i), name})
		}
	}
	for i := range c.Mounts {
		for j, rule := range c.Mounts[i].Access {
			if name, ok := strings.CutPrefix(string(rule.Who), "user:"); ok {
				list = append(list, mention{index(index("mounts", i)+".access", j) + ".who", name})
			}
		}
	}
	return list
}

// Replaces says that c replaces a running configuration. Users that it already names
// are not refused for having gone from the users files: removing one there must not keep
// the files from being read.
func (c *Config) Replaces(running *Config) {
	if slices.Equal(c.Users.Suffixes(), running.Users.Suffixes()) && c.Users.local() == running.Users.local() {
		c.tolerated = map[string]bool{}
		for _, m := range running.mentions() {
			c.tolerated[m.name] = true
		}
	}
}

// Strangers returns the users that groups and access rules name where names have suffixes,
// and who can be nobody: they have no suffix, and no file has their name. local are the
// names in files.
func (c *Config) Strangers(local []string) []string {
	var names []string
	for _, m := range c.strangers(local) {
		if !slices.Contains(names, m.name) {
			names = append(names, m.name)
		}
	}
	return names
}

func (c *Config) strangers(local []string) []mention {
	u := &c.Users
	if !u.mixed() {
		return nil
	}
	suffixes := u.Suffixes()
	if !u.local() && (u.OIDC != nil && u.OIDCSuffix() == "" || u.ClientCertificates != nil && u.CertificateSuffix() == "") {
		return nil // plain names are those of a place that is not here to be asked
	}
	var list []mention
	for _, m := range c.mentions() {
		there := slices.Contains(local, m.name) || slices.ContainsFunc(suffixes, func(s string) bool { return strings.HasSuffix(m.name, "@"+s) })
		if m.name != "" && !there {
			list = append(list, m)
		}
	}
	return list
}

// strange refuses rules and groups that were written when names had no suffix, or for a
// user who does not exist: they would let in nobody, or somebody else.
func (k *checker) strange(local []string) {
	for _, m := range k.strangers(local) {
		if k.tolerated[m.name] {
			continue
		}
		name := printable(m.name)
		var called []string
		if s := k.Users.OIDCSuffix(); s != "" {
			called = append(called, name+"@"+s+" (OpenID Connect)")
		}
		if s := k.Users.CertificateSuffix(); s != "" {
			called = append(called, name+"@"+s+" (certificate)")
		}
		others := strings.Join(called, " or ")
		if k.Users.local() {
			k.addAt(m.key, "nobody is called %s: no file of users has that name, and others are called %s; write the whole name, or add the user to a file", name, others)
		} else {
			k.addAt(m.key, "nobody is called %s: users are called %s; write the whole name", name, others)
		}
	}
}

// certificateClaims are the keys of the claims of certificates.
var certificateClaims = []string{"email", "dns", "uri", "ou", "o"}

// claim refuses a claim that a token may have as well as a certificate: whoever can choose
// what the one says would get what is meant for the other.
func (v *validator) claim(who, key string) {
	claim, ok := strings.CutPrefix(who, "claim:")
	name, value, _ := strings.Cut(claim, "=")
	u := &v.Users
	if !ok || u.OIDC == nil || u.ClientCertificates == nil || !slices.Contains(certificateClaims, name) || v.d.bad[key] {
		return
	}
	var forms []string
	for _, s := range u.Suffixes() {
		forms = append(forms, printable("claim:"+name+"@"+s+"="+value))
	}
	v.fail(key, "a token may say this of its user as well as a certificate; write %s", strings.Join(forms, " or "))
}

package config

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/bailiwick-fs/bailiwick/server/access"
	"github.com/bailiwick-fs/bailiwick/server/auth"
)

// A Suffix configures the suffix of user names from one authentication method: a text
// that auth.CheckSuffix accepts, or one of the words below.
type Suffix string

// The special values of a Suffix.
const (
	SuffixAuto Suffix = "auto" // a suffix if users can also log in by other methods, else none
	SuffixNone Suffix = "none" // names are plain
)

// certificateSuffix is the automatic suffix of client certificate users.
const certificateSuffix = "cert"

func parseSuffix(s string) (any, error) {
	if s == "" {
		return nil, fmt.Errorf("it is empty; write one such as id.example.org, or %s for plain names", SuffixNone)
	}
	if err := auth.CheckSuffix(s); err != nil {
		return nil, fmt.Errorf("%s is not a valid suffix: %w", printable(s), err)
	}
	return Suffix(s), nil
}

// local reports whether users are defined in files. Passwords and tokens count as one
// method: whoever maintains the files assigns the names in both.
func (u *Users) local() bool { return u.Htpasswd != "" || u.Tokens != "" }

// mixed reports whether there are several authentication methods, so that a plain name
// is ambiguous.
func (u *Users) mixed() bool {
	ways := 0
	for _, known := range []bool{u.local(), u.OIDC != nil, u.ClientCertificates != nil} {
		if known {
			ways++
		}
	}
	return ways > 1
}

// OIDCSuffix returns the suffix of OpenID Connect users' names, without the "@"; "" if
// their names are plain.
func (u *Users) OIDCSuffix() string {
	if u.OIDC == nil {
		return ""
	}
	return u.suffix(u.OIDC.Suffix, hostSuffix(u.OIDC.Issuer))
}

// CertificateSuffix returns the suffix of client certificate users' names, without the
// "@"; "" if their names are plain.
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

// hostSuffix returns the issuer's host in a form that is valid in a name, if possible.
func hostSuffix(issuer URL) string {
	u, err := url.Parse(string(issuer))
	if err != nil {
		return ""
	}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	return strings.Trim(strings.ReplaceAll(host, ":", "-"), "-") // an IPv6 address
}

// Suffixes returns the suffixes of all namespaces other than the local users'. They keep
// two people from having the same name.
func (u *Users) Suffixes() []string {
	var list []string
	for _, s := range []string{u.OIDCSuffix(), u.CertificateSuffix()} {
		if s != "" {
			list = append(list, s)
		}
	}
	return list
}

// namespaces refuses combinations of authentication methods in which two people could
// have the same name.
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
				v.fail("users.oidc.issuer", "its host cannot be a suffix of user names; add a suffix%s", flagFor(v.positionOf("users.oidc.issuer"), oidcKey))
			}
			return
		case oidc != "" && auth.CheckSuffix(oidc) != nil:
			v.fail("users.oidc.issuer", "its host cannot be a suffix of user names; add a suffix%s", flagFor(v.positionOf("users.oidc.issuer"), oidcKey))
			return
		case oidc == "" && plain:
			v.fail(oidcKey, "a user of the provider could choose the name of a user in a file and get that user's access; write a suffix such as %s, or leave it out", hostSuffix(u.OIDC.Issuer))
		}
		plain = plain || oidc == ""
	}
	if u.ClientCertificates != nil && cert == "" && plain {
		v.fail(certKey, "the name in a certificate could be another user's name; write a suffix such as %s, or leave it out", certificateSuffix)
	}
	if oidc != "" && strings.EqualFold(oidc, cert) {
		key := v.byFlag(certKey, oidcKey, certKey)
		v.fail(key, "users of OpenID Connect and of certificates would have the same suffix; change one of them")
	}
}

// A mention is a user that the configuration refers to.
type mention struct{ key, name string }

// mentions returns the users in groups and access rules, in order.
func (c *Config) mentions() []mention {
	var list []mention
	for _, group := range slices.Sorted(maps.Keys(c.Groups)) {
		for i, name := range c.Groups[group] {
			list = append(list, mention{index("groups."+group, i), name})
		}
	}
	for i := range c.Mounts {
		for j, rule := range c.Mounts[i].Rules() {
			if name, ok := rule.User(); ok {
				list = append(list, mention{index(index("mounts", i)+".access", j) + ".who", name})
			}
		}
	}
	return list
}

// Replaces marks c as the replacement of a running configuration. Users that the running
// one already mentions are then accepted although the user files no longer define them:
// removing a user from a file must not prevent a reload.
func (c *Config) Replaces(running *Config) {
	if slices.Equal(c.Users.Suffixes(), running.Users.Suffixes()) && c.Users.local() == running.Users.local() {
		c.tolerated = map[string]bool{}
		for _, m := range running.mentions() {
			c.tolerated[m.name] = true
		}
	}
}

// An UnknownUser is a user that the configuration refers to and that no source has.
type UnknownUser struct {
	Key  string // of the configuration
	Text string
}

// UnknownUsers returns the users in groups and access rules that no source of users has, as
// far as that is known: the users in files are those that Check read, and those of a provider
// or a certificate authority are not known here.
func (c *Config) UnknownUsers() []UnknownUser {
	u := &c.Users
	var list []mention
	switch {
	case u.mixed():
		list = c.strangers(c.local)
	case u.local():
		known := setOf(c.local)
		list = slices.DeleteFunc(c.mentions(), func(m mention) bool { return known[m.name] })
	}
	var unknown []UnknownUser
	for i, m := range list {
		text := "no source of users has the user " + printable(m.name)
		if i < maxSuggestions {
			text += didYouMean(m.name, c.local)
		}
		unknown = append(unknown, UnknownUser{m.key, text})
	}
	return unknown
}

// maxSuggestions limits for how many unknown users a similar name is searched among all
// users. A wrong file of users makes all names unknown.
const maxSuggestions = 100

func setOf(names []string) map[string]bool {
	set := make(map[string]bool, len(names))
	for _, name := range names {
		set[name] = true
	}
	return set
}

func didYouMean(name string, known []string) string {
	if near := suggestion(name, known); near != "" {
		return "; " + strings.Trim(near, " ()")
	}
	return ""
}

// strangers returns the users in groups and access rules that cannot exist, if names have
// suffixes: they have no suffix, and no file defines them. local are the names in the files.
func (c *Config) strangers(local []string) []mention {
	u := &c.Users
	if !u.mixed() {
		return nil
	}
	suffixes := u.Suffixes()
	if !u.local() && (u.OIDC != nil && u.OIDCSuffix() == "" || u.ClientCertificates != nil && u.CertificateSuffix() == "") {
		return nil // plain names belong to a remote service, whose users are not known here
	}
	var list []mention
	known := setOf(local)
	for _, m := range c.mentions() {
		there := known[m.name] || slices.ContainsFunc(suffixes, func(s string) bool { return strings.HasSuffix(m.name, "@"+s) })
		if m.name != "" && !there {
			list = append(list, m)
		}
	}
	return list
}

// strange refuses rules and groups for users that do not exist, or that were written
// when names had no suffix: they would give access to nobody or to somebody else.
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
			k.addAt(m.key, "there is no user %s: no user file has this name, and other names have a suffix, as in %s; write the full name, or add the user to a file", name, others)
		} else {
			k.addAt(m.key, "there is no user %s: names have a suffix, as in %s; write the full name", name, others)
		}
	}
}

// certificateClaims are the claims that certificates have.
var certificateClaims = []string{"email", "dns", "uri", "ou", "o"}

// claim refuses a claim that both tokens and certificates can carry: whoever controls
// its value in one would get the access meant for the other.
func (v *validator) claim(r access.Rule, key string) {
	name, value, ok := r.Claim()
	u := &v.Users
	if !ok || u.OIDC == nil || u.ClientCertificates == nil || !slices.Contains(certificateClaims, name) || v.d.bad[key] {
		return
	}
	var forms []string
	for _, s := range u.Suffixes() {
		forms = append(forms, printable("claim:"+name+"@"+s+"="+value))
	}
	v.fail(key, "both tokens and certificates can carry this claim; write %s", strings.Join(forms, " or "))
}

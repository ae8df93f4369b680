package config

import "time"

// shares validates the catalog of shares, and that somebody could use it.
func (v *validator) shares() {
	s := v.Shares
	if s == nil {
		return
	}
	v.catalog("shares", s.Catalog, s.CatalogFile,
		"shares need a database; add a catalog, such as sqlite:/var/lib/bailiwick/shares.db"+flagFor(v.positionOf("shares"), "shares.catalog"))
	if time.Duration(s.MaxAge) < time.Minute && v.there("shares.max_age") {
		v.fail("shares.max_age", "a share would end before anyone opens it; write a time such as 30d")
	}
	u := &v.Users
	if u.Htpasswd == "" && u.Tokens == "" && u.OIDC == nil && u.ClientCertificates == nil && !v.d.bad["users"] {
		v.fail("shares", "only users who have logged in can share, and there are none; add users%s", flagFor(v.positionOf("shares"), "users.htpasswd"))
	}
}

// mayShare validates a rule of m that grants share, at key.
func (v *validator) mayShare(m *Mount, key string) {
	switch {
	case m.Uploads != nil:
		v.fail(key, "uploads cannot be shared: whoever may read one has its link; leave it out")
	case v.Shares == nil && !v.d.bad["shares"]:
		v.fail(key, "there is no catalog of shares; add shares with a catalog, or leave it out%s", flagFor(v.positionOf(key), "shares.catalog"))
	}
}

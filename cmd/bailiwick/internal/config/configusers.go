package config

import "time"

// Users configures authentication.
type Users struct {
	// A file of NAME:BCRYPT lines for user names and passwords (Basic), created with
	// bailiwick users add.
	Htpasswd Path `yaml:"htpasswd" example:"/etc/bailiwick/users"`

	// A file of NAME:SHA256-OF-TOKEN lines for static tokens (Bearer). Hashes are
	// lower-case hexadecimal.
	Tokens Path `yaml:"tokens" example:"/etc/bailiwick/tokens"`

	// Accepts tokens of an OpenID Connect provider (Bearer).
	OIDC *OIDC `yaml:"oidc"`

	// Accepts TLS client certificates. Requires tls.
	ClientCertificates *ClientCertificates `yaml:"client_certificates"`

	// Lets people sign in with a browser, on a page, by htpasswd or by oidc.client_id. They
	// stay signed in by a cookie. Without it, browsers prompt for a password.
	Sessions *Sessions `yaml:"sessions"`
}

// Sessions configures how long people stay signed in.
type Sessions struct {
	// A file of KEYID:BASE64 lines, created with bailiwick keys new. The first key seals new
	// sessions; every key opens those that it sealed. Servers that share it share sessions.
	Keys Path `yaml:"keys" required:"name the file of the keys; to make one: bailiwick keys new FILE" example:"/etc/bailiwick/session-keys"`

	// How long after signing in a user must sign in again.
	MaxAge time.Duration `yaml:"max_age" default:"12h" example:"24h"`

	// How long a session lasts without a renewal. Most requests renew it.
	Idle time.Duration `yaml:"idle" default:"2h" example:"30m"`
}

// OIDC configures the OpenID Connect provider and the claims to check.
type OIDC struct {
	// The provider's https URL, exactly as in the tokens' iss claim.
	Issuer URL `yaml:"issuer" required:"name the provider, such as https://id.example.org" example:"https://id.example.org"`

	// The audience that tokens must have (aud).
	Audience string `yaml:"audience" required:"name the audience of tokens; a token issued for another service must not give access to this one" example:"bailiwick"`

	// The ID of this server at the provider, for signing in with a browser. Requires
	// users.sessions. Register https://HOST/.bailiwick/login/callback there as the redirect
	// URI. Names, groups and claims are those of the ID token.
	ClientID string `yaml:"client_id" example:"bailiwick"`

	// A file that holds the secret of client_id on a single line. Without it, the client is
	// a public one.
	ClientSecretFile Path `yaml:"client_secret_file" example:"/run/secrets/oidc"`

	// The claim that holds the user's name.
	UserClaim string `yaml:"user_claim" default:"sub" example:"preferred_username"`

	// The claim that lists the user's groups. Without it, tokens carry no groups. A token
	// cannot add a user to a group that is defined in groups.
	GroupsClaim string `yaml:"groups_claim" example:"groups"`

	// Appended with an @ to the names of these users, so that they cannot be confused with
	// users of another method: alice@id.example.org is not the alice of a file. auto: the
	// issuer's host if users can also log in by htpasswd, tokens or client_certificates,
	// otherwise no suffix. none: no suffix, which is refused if a name could then belong
	// to two users. Rules, groups, {user} and links use the full name.
	Suffix Suffix `yaml:"suffix" default:"auto" example:"id.example.org"`
}

// ClientCertificates configures which client certificates are accepted.
type ClientCertificates struct {
	// PEM file with the certificate authorities that sign client certificates.
	CA Path `yaml:"ca" required:"name the file of the certificate authority" example:"/etc/bailiwick/ca.pem"`

	// Appended with an @ to the names of these users, like users.oidc.suffix. auto: cert
	// if users can also log in by htpasswd, tokens or oidc, otherwise no suffix.
	Suffix Suffix `yaml:"suffix" default:"auto" example:"cert"`
}

// Links configures the keys of signed links.
type Links struct {
	// A file of KEYID:BASE64 lines. The first key signs new links; every key verifies.
	Keys Path `yaml:"keys" required:"name the file of the keys" example:"/etc/bailiwick/link-keys"`
}

// Shares configures the shares that users make.
type Shares struct {
	// The database of shares: sqlite:PATH, or postgres://USER:PASSWORD@HOST/DATABASE to
	// share it between servers. It may be that of uploads.
	Catalog Catalog `yaml:"catalog" example:"sqlite:/var/lib/bailiwick/shares.db"`

	// A file that holds the catalog's address on a single line, to keep a password out of
	// the configuration.
	CatalogFile Path `yaml:"catalog_file" example:"/run/secrets/catalog"`

	// The longest time for which a share can be made.
	MaxAge Age `yaml:"max_age" default:"30d" example:"90d"`

	// How many bytes one file request takes in all. Its issuer may say how many files and how
	// large each.
	MaxReceived Size `yaml:"max_received" default:"10GiB" example:"100GiB"`
}

package auth

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"strings"

	"github.com/bailiwick-fs/bailiwick/server/internal/clients"
)

// Passwords checks a user name and password. Its error matches ErrCredentials, or
// ErrUnavailable if it cannot tell. It must take as long for an unknown name as for a
// wrong password.
type Passwords interface {
	CheckPassword(ctx context.Context, name, password string) (Principal, error)
}

// Tokens checks a bearer token. Its error matches ErrCredentials, or ErrUnavailable if
// it cannot tell.
type Tokens interface {
	CheckToken(ctx context.Context, token string) (Principal, error)
}

// Certificates checks a client certificate. ok is false if the client sent none. The
// error matches ErrCredentials.
type Certificates interface {
	CheckCertificate(state *tls.ConnectionState) (p Principal, ok bool, err error)
}

// A ChainConfig configures the kinds of credentials that a [Chain] supports. A nil field
// disables its kind.
type ChainConfig struct {
	Passwords    Passwords    // Authorization: Basic
	Tokens       Tokens       // Authorization: Bearer
	Signed       Tokens       // Authorization: Bearer with a token of three parts: a JWT
	Certificates Certificates // of the TLS connection

	// SignedSuffix and CertificatesSuffix are appended, after an "@", to the names in
	// signed tokens and certificates, so that alice@id.example.org is not alice. With ""
	// those names stay plain. Passwords and Tokens share the plain names, because whoever
	// maintains them assigns both. At most one of the three namespaces may be plain; see
	// [NewChain].
	SignedSuffix, CertificatesSuffix string

	// Failures limits how often a client, known by the host of RemoteAddr, may fail. nil means
	// NewFailures with its defaults. Passing the old Failures to a new Chain keeps the counts.
	//
	// Behind a proxy, RemoteAddr is the proxy's for every client, so one client that guesses
	// passwords would lock out all of them. Wrap the server's handler in server.Limit with
	// TrustedProxies, which replaces it by the client's, or replace it yourself.
	Failures *Failures

	// Realm is the realm that browsers show in their password prompt; "" means
	// "bailiwick".
	Realm string
}

// A Chain is an [Authenticator] that passes each request's credentials to the checker of
// their kind. It is immutable; a new configuration needs a new Chain.
//
// The following credentials are wrong: malformed ones, kinds that the Chain does not
// support, several Authorization headers, credentials for a [Reserved] name, and a
// header and a certificate that name different principals. If header and certificate
// agree, the principal is the header's, with its groups and claims. They agree if the
// names without suffixes are equal.
//
// No credentials are accepted for a plain name that belongs to a namespace with a
// suffix, or looks like it. In a namespace with a suffix, each claim of a principal is
// also available as KEY@SUFFIX, which no other namespace can set.
//
// If Signed is set, a token of the form a.b.c is never looked up in Tokens.
//
// The zero Chain supports no credentials and refuses all. A nil *Chain returns
// ErrUnavailable for every request.
type Chain struct {
	cfg        ChainConfig
	challenges []string

	local, signed, certificates namespace
}

var _ Authenticator = (*Chain)(nil)

// NewChain returns a Chain for cfg. It panics if two namespaces could contain the same
// name: two enabled kinds have plain names or the same suffix, or a suffix fails
// [CheckSuffix]. It also panics if cfg.Failures was not made by NewFailures.
func NewChain(cfg ChainConfig) *Chain {
	local, signed, certificates, err := cfg.namespaces()
	if err != nil {
		panic("auth.NewChain: " + err.Error())
	}
	if cfg.Failures != nil && cfg.Failures.clients == nil {
		panic("auth.NewChain: Failures was not made by NewFailures")
	}
	if cfg.Failures == nil {
		cfg.Failures = NewFailures(FailureLimits{})
	}
	if cfg.Realm == "" {
		cfg.Realm = "bailiwick"
	}
	c := &Chain{cfg: cfg, local: local, signed: signed, certificates: certificates}
	realm := `realm="` + quotable.Replace(cfg.Realm) + `"`
	if cfg.Passwords != nil {
		c.challenges = append(c.challenges, "Basic "+realm+`, charset="UTF-8"`)
	}
	if cfg.Tokens != nil || cfg.Signed != nil {
		c.challenges = append(c.challenges, "Bearer "+realm)
	}
	return c
}

var quotable = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\r", "", "\n", "")

// Challenges returns a challenge for each of Basic and Bearer that is enabled.
func (c *Chain) Challenges() []string {
	if c == nil {
		return nil
	}
	return append([]string(nil), c.challenges...)
}

// Authenticate implements [Authenticator]. A client that failed too often gets
// ErrThrottled before its credentials are checked, even if they are right: otherwise the
// limit would distinguish right guesses from wrong ones. Requests from the same address
// without credentials, or with only a certificate, are not affected.
func (c *Chain) Authenticate(r *http.Request) (Principal, bool, error) {
	if c == nil {
		return Principal{}, false, ErrUnavailable
	}
	var shown Principal
	var hasShown bool
	if c.cfg.Certificates != nil && r.TLS != nil {
		var err error
		if shown, hasShown, err = c.cfg.Certificates.CheckCertificate(r.TLS); err != nil {
			return Principal{}, false, judged(err)
		}
	}
	bare := shown.Name
	if hasShown {
		var err error
		if shown, err = c.certificates.qualify(shown); err != nil {
			return Principal{}, false, err
		}
	}
	h, given, err := parseHeader(r.Header["Authorization"])
	switch {
	case err != nil:
		return Principal{}, false, err
	case !given:
		return shown, hasShown, nil
	}
	p, name, err := c.judge(r, h)
	switch {
	case err != nil:
		return Principal{}, false, err
	case hasShown && bare != name:
		return Principal{}, false, ErrCredentials
	}
	return p, true, nil
}

// QualifySigned returns p with the full name and the claims that Authenticate gives to the
// bearer of a signed token. It is for principals that the issuer of these tokens has
// authenticated by other means, such as a browser. The error is ErrCredentials if p cannot have
// such a name, or if c has no Signed.
func (c *Chain) QualifySigned(p Principal) (Principal, error) {
	if c == nil || c.cfg.Signed == nil {
		return Principal{}, ErrCredentials
	}
	return c.signed.qualify(p)
}

// judge calls the checker for h, within the client's failure limit. It returns the
// principal and its name without a suffix.
func (c *Chain) judge(r *http.Request, h header) (p Principal, name string, err error) {
	signed := h.scheme == bearer && c.cfg.Signed != nil && looksSigned(h.token)
	known := signed || h.scheme == basic && c.cfg.Passwords != nil || h.scheme == bearer && c.cfg.Tokens != nil
	if !known {
		return Principal{}, "", ErrCredentials
	}
	// A signature cannot be guessed. Tokens that wait for an unresponsive issuer must not
	// block passwords from the same address.
	attempt, err := c.cfg.Failures.begin(r.Context(), clients.Of(r), !signed)
	if err != nil {
		return Principal{}, "", err
	}
	failed := true // if the checker panics
	defer func() { attempt.settle(failed) }()
	space := c.local
	switch {
	case h.scheme == basic:
		p, err = c.cfg.Passwords.CheckPassword(r.Context(), h.name, h.password)
	case signed:
		p, err = c.cfg.Signed.CheckToken(r.Context(), h.token)
		space = c.signed
	default:
		p, err = c.cfg.Tokens.CheckToken(r.Context(), h.token)
	}
	name = p.Name
	if err == nil {
		p, err = space.qualify(p)
	}
	if err != nil {
		err = judged(err)
		failed = counts(err)
		return Principal{}, "", err
	}
	failed = false
	return p, name, nil
}

// judged maps a checker's error to one that Authenticate promises.
func judged(err error) error {
	if errors.Is(err, ErrCredentials) || errors.Is(err, ErrUnavailable) {
		return err
	}
	return ErrUnavailable
}

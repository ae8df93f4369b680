package auth

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"net/netip"
	"strings"

	"github.com/bailiwick-fs/bailiwick/server/internal/clients"
)

// Passwords judges a name with its password. Its error matches ErrCredentials,
// or ErrUnavailable where it cannot tell. It must take as long for a name that
// it does not know as for a wrong password.
type Passwords interface {
	CheckPassword(ctx context.Context, name, password string) (Principal, error)
}

// Tokens judges a bearer token. Its error matches ErrCredentials, or
// ErrUnavailable where it cannot tell.
type Tokens interface {
	CheckToken(ctx context.Context, token string) (Principal, error)
}

// Certificates judges the certificate that a client showed. ok is false where it
// showed none; the error matches ErrCredentials.
type Certificates interface {
	CheckCertificate(state *tls.ConnectionState) (p Principal, ok bool, err error)
}

// A ChainConfig says which kinds of credentials a [Chain] knows. A kind that is
// nil is not known.
type ChainConfig struct {
	Passwords    Passwords    // Authorization: Basic
	Tokens       Tokens       // Authorization: Bearer
	Signed       Tokens       // Authorization: Bearer with a token of three parts: a JWT
	Certificates Certificates // the connection's

	// SignedSuffix and CertificatesSuffix stand, after an "@", behind the names that signed
	// tokens and certificates vouch for, so that alice@id.example.org is not alice. "" leaves
	// those names plain. Passwords and Tokens share the plain names: whoever maintains these
	// gives them out. At most one of the three namespaces may be plain; see [NewChain].
	SignedSuffix, CertificatesSuffix string

	// Failures limits how often a client may fail; nil is NewFailures with its
	// defaults. Handing the old one to a new Chain keeps its counts.
	Failures *Failures

	// Client returns the address that failures are counted under; nil is the
	// host of RemoteAddr. Behind a proxy that is the proxy for every client, and
	// whoever guesses passwords would shut out all of them.
	Client func(*http.Request) netip.Addr

	// Realm is what browsers show beside the question for a password; "" is
	// "bailiwick".
	Realm string
}

// A Chain is an [Authenticator] that asks the judge of the kind of credentials
// that a request has. It does not change; a new configuration is a new Chain.
//
// Credentials that cannot be read are wrong, and so are those of a kind that the
// Chain does not know, several Authorization headers, those for a [Reserved] name, and
// a header and a certificate that name two principals. Where those two agree, the
// header's principal is returned, with its groups and claims. They agree where the names
// are the same without the suffixes.
//
// No credentials are good for a plain name that is, or looks like, one of a namespace with a
// suffix. In a namespace with a suffix, each claim of a principal is also there as KEY@SUFFIX,
// and nothing else can make such a claim.
//
// With Signed a token of the shape a.b.c is never looked up in Tokens.
//
// The zero Chain knows no kind of credentials, so all are wrong. To a nil *Chain nobody can be
// judged.
type Chain struct {
	cfg        ChainConfig
	challenges []string

	local, signed, certificates namespace
}

var _ Authenticator = (*Chain)(nil)

// NewChain returns a Chain of the kinds in cfg. It panics where two namespaces could have a
// name in common: two kinds that are known have plain names, or one suffix, or a suffix does
// not pass [CheckSuffix]. It panics, too, where cfg.Failures are not made by NewFailures.
func NewChain(cfg ChainConfig) *Chain {
	local, signed, certificates, err := cfg.namespaces()
	if err != nil {
		panic("auth.NewChain: " + err.Error())
	}
	if cfg.Failures != nil && cfg.Failures.clients == nil {
		panic("auth.NewChain: Failures is not made by NewFailures")
	}
	if cfg.Failures == nil {
		cfg.Failures = NewFailures(FailureLimits{})
	}
	if cfg.Client == nil {
		cfg.Client = func(r *http.Request) netip.Addr { return clients.ParseHost(r.RemoteAddr) }
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

// Challenges returns a challenge for Basic and one for Bearer, as far as they
// are known.
func (c *Chain) Challenges() []string {
	if c == nil {
		return nil
	}
	return append([]string(nil), c.challenges...)
}

// Authenticate implements [Authenticator]. A client that has failed too often is
// told ErrThrottled before its credentials are looked at, right ones included:
// else the limit would tell right guesses from wrong ones. Requests of the same
// address without credentials, or with a certificate alone, go on as before.
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

// judge asks the one judge of h's kind, within the client's limit of failures. It returns the
// principal, and its name without a suffix.
func (c *Chain) judge(r *http.Request, h header) (p Principal, name string, err error) {
	signed := h.scheme == bearer && c.cfg.Signed != nil && looksSigned(h.token)
	known := signed || h.scheme == basic && c.cfg.Passwords != nil || h.scheme == bearer && c.cfg.Tokens != nil
	if !known {
		return Principal{}, "", ErrCredentials
	}
	// A signature is not guessed. What waits for an issuer that does not answer
	// must not hold up the passwords of the same address.
	turn, err := c.cfg.Failures.begin(r.Context(), c.cfg.Client(r), !signed)
	if err != nil {
		return Principal{}, "", err
	}
	failed := true // as long as a judge that panics has not said otherwise
	defer func() { turn.settle(failed) }()
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
		failed = errors.Is(err, ErrCredentials) && !errors.Is(err, ErrExpired)
		return Principal{}, "", err
	}
	failed = false
	return p, name, nil
}

// judged returns a judge's error as one that Authenticate promises.
func judged(err error) error {
	if errors.Is(err, ErrCredentials) || errors.Is(err, ErrUnavailable) {
		return err
	}
	return ErrUnavailable
}

// Package oidc judges bearer tokens that an OpenID Connect provider signed.
package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	gooidc "github.com/coreos/go-oidc/v3/oidc"
	jose "github.com/go-jose/go-jose/v4"

	"github.com/bailiwick-fs/bailiwick/server/auth"
)

// MaxTokenBytes bounds a token. Providers with many groups make some KiB.
const MaxTokenBytes = 8 << 10

// leeway is by how much the provider's clock and ours may differ.
const leeway = time.Minute

// algorithms that a token may be signed with. All have a public and a private
// key: with HS256 the public key, which everybody has, would do as the secret.
var algorithms = []string{
	gooidc.RS256, gooidc.RS384, gooidc.RS512, gooidc.PS256, gooidc.PS384, gooidc.PS512,
	gooidc.ES256, gooidc.ES384, gooidc.ES512, gooidc.EdDSA,
}

// types of JWT that say who somebody is, as the header names them. A provider
// signs others with the same key for the same audience: a logout token is one.
var types = []string{"jwt", "at+jwt", "application/at+jwt"}

// A Config is a provider, and how its tokens are read.
type Config struct {
	Issuer      string // as tokens have it, to the byte: https, or http on this machine's loopback
	Audience    string // one of those that the token must be for
	UserClaim   string // the principal's name; "" is "sub"
	GroupsClaim string // a string or a list of them; "" is none

	// Algorithms narrows what a token may be signed with: of RS256, RS384,
	// RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA; nil is all.
	Algorithms []string

	// Previous, where it is of the same issuer, lends its keys, so that a reload
	// needs no answer from the issuer.
	Previous *Provider

	// Report is told, one line at a time, why the issuer could not be asked. It
	// is called from any goroutine, and holds up who waits for an answer; nil
	// tells nobody.
	Report func(error)

	Transport http.RoundTripper // nil is net/http's, without connections kept
	Timeout   time.Duration     // of a request to the issuer; 0 is 5 s
	Now       func() time.Time  // nil is time.Now
}

// A Provider judges tokens by the keys that the issuer publishes. It asks the
// issuer when a token comes, not before, so an issuer that is down keeps no
// server from starting. It is safe for concurrent use. The zero Provider, and nil, take no
// token.
type Provider struct {
	cfg  Config
	keys *keys
}

var _ auth.Tokens = (*Provider)(nil)

// New checks cfg. It does no I/O.
func New(cfg Config) (*Provider, error) {
	if err := checkURL(cfg.Issuer, false); err != nil {
		return nil, fmt.Errorf("issuer: %w", err)
	}
	if cfg.Audience == "" {
		// Else a token that any other service was given would open this one.
		return nil, errors.New("audience: there is none")
	}
	if cfg.UserClaim == "" {
		cfg.UserClaim = "sub"
	}
	if len(cfg.Algorithms) == 0 {
		cfg.Algorithms = algorithms
	}
	for _, a := range cfg.Algorithms {
		if !slices.Contains(algorithms, a) {
			return nil, fmt.Errorf("algorithms: %q is none of %s", a, strings.Join(algorithms, ", "))
		}
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = 5 * time.Second
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	p := &Provider{cfg: cfg}
	if cfg.Previous != nil && cfg.Previous.cfg.Issuer == cfg.Issuer {
		p.keys = cfg.Previous.keys
	} else {
		p.keys = newKeys(cfg)
	}
	p.cfg.Previous = nil // a chain of all reloads would never be freed
	return p, nil
}

// CheckToken implements [auth.Tokens]. ErrUnavailable means that the issuer does
// not answer and none of the keys known so far is the token's.
//
// The token must be signed by a key that the issuer publishes, for that key's
// algorithm, name issuer and audience, and be valid now, give or take a minute.
// Headers that say where to find a key (jku, x5u, jwk, x5c) are not followed.
// Claims of which the provider says that they are not verified, as "email_verified"
// does of "email", are left out, as names and groups, too; so are "email" and
// "phone_number" of which it does not say that they are. The name may be anything that
// prints. It is unique among those of this provider alone: see auth.ChainConfig for how to
// tell it from those of others.
func (p *Provider) CheckToken(ctx context.Context, token string) (auth.Principal, error) {
	if p == nil || p.keys == nil || len(token) > MaxTokenBytes {
		return auth.Principal{}, auth.ErrCredentials
	}
	kid, err := p.header(token)
	if err != nil {
		return auth.Principal{}, err
	}
	set, err := p.keys.find(ctx, kid)
	if err != nil {
		return auth.Principal{}, err
	}
	payload, err := p.verify(ctx, token, set)
	if errors.Is(err, errSignature) && kid == "" {
		if set = p.keys.newer(ctx, set); set != nil {
			payload, err = p.verify(ctx, token, set)
		}
	}
	switch expired := (*gooidc.TokenExpiredError)(nil); {
	case errors.As(err, &expired):
		return auth.Principal{}, auth.ErrExpired
	case err != nil:
		return auth.Principal{}, auth.ErrCredentials
	}
	return p.principal(payload)
}

var errSignature = errors.New("oidc: no key has signed it")

// verify returns the payload of a token that one of the keys in set has signed
// and that is for us and has not expired.
func (p *Provider) verify(ctx context.Context, token string, set []jose.JSONWebKey) ([]byte, error) {
	once := &keySet{set: set}
	verifier := gooidc.NewVerifier(p.cfg.Issuer, once, &gooidc.Config{
		ClientID:             p.cfg.Audience,
		SupportedSigningAlgs: p.cfg.Algorithms,
		Now:                  func() time.Time { return p.cfg.Now().Add(-leeway) },
	})
	if _, err := verifier.Verify(ctx, token); err != nil {
		if once.payload == nil {
			return nil, errSignature
		}
		return nil, err
	}
	return once.payload, nil
}

// header reads what a token says of itself before anything is verified.
func (p *Provider) header(token string) (kid string, err error) {
	jws, err := jose.ParseSignedCompact(token, joseAlgorithms(p.cfg.Algorithms))
	if err != nil || len(jws.Signatures) != 1 {
		return "", auth.ErrCredentials
	}
	h := jws.Signatures[0].Protected
	typ, there := h.ExtraHeaders[jose.HeaderType]
	text, isText := typ.(string)
	if there && (!isText || !slices.Contains(types, strings.ToLower(text))) {
		return "", auth.ErrCredentials
	}
	return h.KeyID, nil
}

// checkURL refuses an address that a token or a key should not come from. With
// path alone a query may stand in it, as in some issuers' key addresses.
func checkURL(raw string, query bool) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || (u.RawQuery != "" && !query):
		return errors.New("not a URL of the form https://HOST/PATH")
	case u.Scheme == "https", u.Scheme == "http" && isLoopback(u.Hostname()):
		return nil
	}
	return errors.New("must begin with https:// (http:// is for this machine's loopback)")
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// A keySet is the keys of one verification, and the payload that one of them
// has signed.
type keySet struct {
	set     []jose.JSONWebKey
	payload []byte
}

var _ gooidc.KeySet = (*keySet)(nil)

// VerifySignature implements go-oidc's KeySet. Its caller has held the algorithm
// against the configured ones.
func (s *keySet) VerifySignature(_ context.Context, token string) ([]byte, error) {
	jws, err := jose.ParseSignedCompact(token, joseAlgorithms(algorithms))
	if err != nil {
		return nil, err
	}
	algorithm := jws.Signatures[0].Protected.Algorithm
	for i := range s.set {
		key := &s.set[i]
		if key.Algorithm != "" && key.Algorithm != algorithm {
			continue
		}
		if payload, err := jws.Verify(key); err == nil {
			s.payload = payload
			return payload, nil
		}
	}
	return nil, errSignature
}

func joseAlgorithms(names []string) []jose.SignatureAlgorithm {
	list := make([]jose.SignatureAlgorithm, len(names))
	for i, name := range names {
		list[i] = jose.SignatureAlgorithm(name)
	}
	return list
}

// jsonObject decodes a payload's claims. Unlike a struct's fields their names
// keep their case: "SUB" is not "sub".
func jsonObject(payload []byte) (map[string]any, error) {
	var claims map[string]any
	err := json.Unmarshal(payload, &claims)
	return claims, err
}

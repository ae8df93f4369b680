// Package oidc checks bearer tokens of an OpenID Connect provider, and signs people in there.
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

// MaxTokenBytes limits a token. Providers with many groups issue tokens of some KiB.
const MaxTokenBytes = 8 << 10

// leeway is the tolerated clock difference to the provider.
const leeway = time.Minute

// algorithms lists the accepted signature algorithms. All of them are asymmetric: with
// HS256, an attacker could use the public key as the shared secret.
var algorithms = []string{
	gooidc.RS256, gooidc.RS384, gooidc.RS512, gooidc.PS256, gooidc.PS384, gooidc.PS512,
	gooidc.ES256, gooidc.ES384, gooidc.ES512, gooidc.EdDSA,
}

// types lists the values of the typ header of JWTs that identify a user. A provider
// signs other types, such as logout tokens, with the same key for the same audience.
var types = []string{"jwt", "at+jwt", "application/at+jwt"}

// A Config configures a provider and how its tokens are interpreted.
type Config struct {
	Issuer      string // exactly as in tokens: https, or http on a loopback address
	Audience    string // must be among the token's audiences
	UserClaim   string // the claim with the principal's name; default "sub"
	GroupsClaim string // the claim with groups, a string or a list; "" for no groups

	// Algorithms restricts the signature algorithms to some of RS256, RS384, RS512, PS256,
	// PS384, PS512, ES256, ES384, ES512, EdDSA; nil allows all of them.
	Algorithms []string

	// Previous is the provider before a reload. If it has the same issuer, its keys are
	// reused, so that a reload does not depend on the issuer.
	Previous *Provider

	// Report, if not nil, is called with each error of a fetch from the issuer, as one
	// line. It is called from any goroutine, and requests that wait for the fetch wait for
	// it too.
	Report func(error)

	Transport http.RoundTripper // default net/http's, without idle connections
	Timeout   time.Duration     // of a request to the issuer; default 5 s
	Now       func() time.Time  // default time.Now
}

// A Provider checks tokens with the issuer's published keys. It contacts the issuer when
// the first token arrives, so that an unreachable issuer does not prevent startup. It is
// safe for concurrent use. The zero Provider and nil accept no token.
type Provider struct {
	cfg  Config
	keys *keys
}

var _ auth.Tokens = (*Provider)(nil)

// New validates cfg. It does no I/O.
func New(cfg Config) (*Provider, error) {
	if err := checkURL(cfg.Issuer, false); err != nil {
		return nil, fmt.Errorf("issuer: %w", err)
	}
	if cfg.Audience == "" {
		// Otherwise a token issued for any other service would be accepted here.
		return nil, errors.New("audience: it is empty")
	}
	if cfg.UserClaim == "" {
		cfg.UserClaim = "sub"
	}
	if len(cfg.Algorithms) == 0 {
		cfg.Algorithms = algorithms
	}
	for _, a := range cfg.Algorithms {
		if !slices.Contains(algorithms, a) {
			return nil, fmt.Errorf("algorithms: %q is not one of %s", a, strings.Join(algorithms, ", "))
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
	p.cfg.Previous = nil // otherwise the providers of all reloads would stay in memory
	return p, nil
}

// CheckToken implements [auth.Tokens]. ErrUnavailable means that the issuer is
// unreachable and none of the known keys is the token's.
//
// The token must be signed with a key that the issuer publishes and with that key's
// algorithm, match issuer and audience, and be valid now, with a tolerance of one
// minute. Headers that tell where to find a key (jku, x5u, jwk, x5c) are ignored. Claims
// that the provider declares unverified, as "email_verified" does for "email", are
// dropped, even as names and groups; "email" and "phone_number" are dropped unless
// declared verified. The name may be any printable text. It is unique only within this
// provider; see auth.ChainConfig for how names of different sources are kept apart.
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

var errSignature = errors.New("oidc: not signed by any of the keys")

// verify returns the payload of a token that is signed with one of the keys in set, has
// our audience and has not expired.
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

// header parses a token's unverified header.
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

// checkURL refuses a URL that is unsuitable as an issuer or as the location of keys. A
// query is allowed only if query is true: some issuers' key URLs have one.
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

// A keySet holds the keys for one verification, and the payload that one of them has
// signed.
type keySet struct {
	set     []jose.JSONWebKey
	payload []byte
}

var _ gooidc.KeySet = (*keySet)(nil)

// VerifySignature implements go-oidc's KeySet. The caller has already checked the
// algorithm against the configured ones.
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

// jsonObject decodes the claims of a payload. Unlike struct fields, their names are
// case-sensitive: "SUB" is not "sub".
func jsonObject(payload []byte) (map[string]any, error) {
	var claims map[string]any
	err := json.Unmarshal(payload, &claims)
	return claims, err
}

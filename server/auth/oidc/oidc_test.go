package oidc_test

import (
	"context"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/server/auth/oidc"
	"github.com/bailiwick-fs/bailiwick/testdata/oidcserver"
)

// A clock is advanced by the test.
type clock struct{ ns atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.ns.Store(time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) now() time.Time          { return time.Unix(0, c.ns.Load()) }
func (c *clock) advance(d time.Duration) { c.ns.Add(int64(d)) }

func newProvider(t *testing.T, cfg oidc.Config) *oidc.Provider {
	t.Helper()
	p, err := oidc.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPrincipal(t *testing.T) {
	s, c := oidcserver.Start(t), newClock()
	p := newProvider(t, oidc.Config{Issuer: s.Issuer, Audience: "bailiwick", GroupsClaim: "groups", Now: c.now})
	claims := s.Claims("alice", c.now())
	maps.Copy(claims, map[string]any{
		"aud": []string{"other", "bailiwick"}, "groups": []any{"editors", 7, "staff"},
		"department": "books", "SUB": "mallory", "admin": true, "nested": map[string]any{"a": "b"},
	})
	got, err := p.CheckToken(t.Context(), s.Token(t, claims))
	if err != nil {
		t.Fatal(err)
	}
	want := auth.Principal{
		Name: "alice", Method: "oidc", Groups: []string{"editors", "staff"},
		Claims: map[string][]string{
			"iss": {s.Issuer}, "aud": {"other", "bailiwick"}, "sub": {"alice"}, "SUB": {"mallory"},
			"groups": {"editors", "staff"}, "department": {"books"},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}

	claims["groups"] = "editors"
	if got, err = p.CheckToken(t.Context(), s.Token(t, claims)); err != nil || !cmp.Equal(got.Groups, []string{"editors"}) {
		t.Errorf("a single group instead of a list: %v, %v", got.Groups, err)
	}
	claims["sub"] = "../alice"
	if got, err = p.CheckToken(t.Context(), s.Token(t, claims)); err != nil || got.Name != "../alice" {
		t.Errorf("a name that is not a path element: %v, %v", got, err)
	}
}

func TestAlgorithms(t *testing.T) {
	s, c := oidcserver.Start(t), newClock()
	var keys []*oidcserver.Key
	for _, a := range []string{"RS256", "PS256", "ES256", "EdDSA"} {
		keys = append(keys, oidcserver.NewKey(t, a, a))
	}
	s.Publish(keys...)
	all := newProvider(t, oidc.Config{Issuer: s.Issuer, Audience: "bailiwick", Now: c.now})
	narrow := newProvider(t, oidc.Config{Issuer: s.Issuer, Audience: "bailiwick", Now: c.now, Algorithms: []string{"ES256"}})
	for _, k := range keys {
		token := k.Sign(t, nil, s.Claims("alice", c.now()))
		if _, err := all.CheckToken(t.Context(), token); err != nil {
			t.Errorf("%s: %v", k.Algorithm, err)
		}
		if _, err := narrow.CheckToken(t.Context(), token); (err == nil) != (k.Algorithm == "ES256") {
			t.Errorf("%s where ES256 alone is allowed: %v", k.Algorithm, err)
		}
		// Without a key id, each key is tried.
		if _, err := all.CheckToken(t.Context(), k.Sign(t, map[string]any{"kid": nil}, s.Claims("alice", c.now()))); err != nil {
			t.Errorf("%s without a key id: %v", k.Algorithm, err)
		}
	}
}

// naive is a verifier that trusts a token's own header. It omits one check and does all
// others.
type naive struct {
	s   *oidcserver.Server
	now time.Time
}

// accepts verifies a token as its own header demands: unsigned, with the public key as
// an HMAC secret, with the key in the header, or, if the attack is in the claims, not at
// all.
func (n naive) accepts(t *testing.T, token string, skip string) bool {
	t.Helper()
	parts := strings.Split(token, ".")
	var header struct{ Alg, Kid string }
	decode(t, parts[0], &header)
	var claims struct {
		Iss, Sub string
		Aud      any
		Exp, Nbf float64
	}
	decode(t, parts[1], &claims)
	switch header.Alg {
	case "none":
	case "HS256":
		mac := hmac.New(sha256.New, publicPEM(t, n.s.Key()))
		mac.Write([]byte(parts[0] + "." + parts[1]))
		if oidcserver.Encode(mac.Sum(nil)) != parts[2] {
			return false
		}
	}
	now := float64(n.now.Unix())
	return claims.Sub != "" &&
		(skip == "iss" || claims.Iss == n.s.Issuer) &&
		(skip == "aud" || claims.Aud == n.s.Audience) &&
		(skip == "exp" || now < claims.Exp) &&
		(skip == "nbf" || claims.Nbf <= now)
}

func decode(t *testing.T, part string, v any) {
	t.Helper()
	data, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, v); err != nil {
		t.Fatal(err)
	}
}

// publicPEM returns a public key, which everybody has, in the form that services pass to
// a library.
func publicPEM(t *testing.T, k *oidcserver.Key) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(k.PublicKey())
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// TestForgedTokens presents forged tokens known from real attacks. Each must pass a
// verifier that omits one check, and the same claims with a proper signature must pass
// ours.
func TestForgedTokens(t *testing.T) {
	s, c := oidcserver.Start(t), newClock()
	var followed atomic.Int32
	mallory := oidcserver.NewKey(t, "RS256", s.Key().ID)
	s.Answer(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/mallory" {
			return false
		}
		followed.Add(1)
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": []any{mallory.Public()}})
		return true
	})
	p := newProvider(t, oidc.Config{Issuer: s.Issuer, Audience: "bailiwick", Now: c.now})
	good := s.Claims("alice", c.now())
	with := func(name string, value any) map[string]any {
		claims := maps.Clone(good)
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
		return claims
	}
	renamed := func(name, other string) map[string]any {
		claims := with(name, nil)
		claims[other] = good[name]
		return claims
	}
	hmacWith := func(secret []byte) func([]byte) []byte {
		return func(data []byte) []byte {
			mac := hmac.New(sha256.New, secret)
			mac.Write(data)
			return mac.Sum(nil)
		}
	}
	unsigned := func([]byte) []byte { return nil }
	kid := s.Key().ID
	modulus := s.Key().PublicKey().(*rsa.PublicKey).N.Bytes()
	tests := []struct {
		name  string
		token string
		skip  string // the check that the naive verifier omits; "-" if this attack cannot fool it
	}{
		{"public key as HMAC secret", oidcserver.Join(t, map[string]any{"alg": "HS256", "kid": kid}, good, hmacWith(publicPEM(t, s.Key()))), ""},
		{"modulus as HMAC secret", oidcserver.Join(t, map[string]any{"alg": "HS256", "kid": kid}, good, hmacWith(modulus)), "-"},
		{"none", oidcserver.Join(t, map[string]any{"alg": "none"}, good, unsigned), ""},
		{"none with a key id", oidcserver.Join(t, map[string]any{"alg": "none", "kid": kid}, good, unsigned), ""},
		{"nOnE", oidcserver.Join(t, map[string]any{"alg": "nOnE", "kid": kid}, good, unsigned), "sig"},
		{"RS256 without a signature", oidcserver.Join(t, map[string]any{"alg": "RS256", "kid": kid}, good, unsigned), "sig"},
		{"signed by another key under a known key id", mallory.Sign(t, nil, good), "sig"},
		{"key in the header", mallory.Sign(t, map[string]any{"jwk": mallory.Public()}, good), "sig"},
		{"jku", mallory.Sign(t, map[string]any{"jku": s.Issuer + "/mallory"}, good), "sig"},
		{"x5u", mallory.Sign(t, map[string]any{"x5u": s.Issuer + "/mallory"}, good), "sig"},
		{"unknown key id", mallory.Sign(t, map[string]any{"kid": "key-2"}, good), "sig"},
		{"key id as a path", mallory.Sign(t, map[string]any{"kid": "../../dev/null"}, good), "sig"},
		{"unknown critical header", s.Key().Sign(t, map[string]any{"crit": []string{"x"}, "x": 1}, good), "sig"},
		{"wrong audience", s.Token(t, with("aud", "other")), "aud"},
		{"no audience", s.Token(t, with("aud", nil)), "aud"},
		{"audience with the same prefix", s.Token(t, with("aud", "bailiwick.example")), "aud"},
		{"wrong issuer", s.Token(t, with("iss", "https://id.example.org")), "iss"},
		{"issuer with a slash", s.Token(t, with("iss", s.Issuer+"/")), "iss"},
		{"no issuer", s.Token(t, with("iss", nil)), "iss"},
		{"expired", s.Token(t, with("exp", c.now().Add(-2*time.Minute).Unix())), "exp"},
		{"never expires", s.Token(t, with("exp", nil)), "exp"},
		{"not valid yet", s.Token(t, with("nbf", c.now().Add(2*time.Minute).Unix())), "nbf"},
		// encoding/json decodes each of these into the struct field, and users may choose
		// their names.
		{"audience in upper case", s.Token(t, renamed("aud", "AUD")), ""},
		{"issuer in upper case", s.Token(t, renamed("iss", "Iss")), ""},
		{"issuer with a long s", s.Token(t, func() map[string]any {
			claims := renamed("iss", "is\u017f")
			claims["iss"] = "https://id.example.org"
			return claims
		}()), ""},
		{"end in upper case", s.Token(t, renamed("exp", "Exp")), ""},
		{"logout token by its type", s.Key().Sign(t, map[string]any{"typ": "logout+jwt"}, good), "typ"},
		{"type that is not a string", s.Key().Sign(t, map[string]any{"typ": 7}, good), "typ"},
		{"logout token by its events", s.Token(t, with("events", map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}})), "typ"},
	}
	if _, err := p.CheckToken(t.Context(), s.Token(t, good)); err != nil {
		t.Fatal(err)
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.skip != "-" && !(naive{s, c.now()}).accepts(t, test.token, test.skip) {
				t.Error("the naive verifier refuses it: the attack does not work")
			}
			got, err := p.CheckToken(t.Context(), test.token)
			if !errors.Is(err, auth.ErrCredentials) || !cmp.Equal(got, auth.Principal{}) {
				t.Errorf("%v, %v", got, err)
			}
			if errors.Is(err, auth.ErrExpired) != (test.skip == "exp") {
				t.Errorf("%v: only genuine tokens may be reported as expired", err)
			}
		})
	}
	if n := followed.Load(); n != 0 {
		t.Errorf("an address in a token got %d requests", n)
	}
	for name, claims := range map[string]map[string]any{
		"just expired":       with("exp", c.now().Add(-30*time.Second).Unix()),
		"valid in a moment":  with("nbf", c.now().Add(30*time.Second).Unix()),
		"valid since before": with("nbf", c.now().Add(-time.Hour).Unix()),
	} {
		if _, err := p.CheckToken(t.Context(), s.Token(t, claims)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestNames refuses claims that give no name, or possibly somebody else's.
func TestNames(t *testing.T) {
	s, c := oidcserver.Start(t), newClock()
	p := newProvider(t, oidc.Config{Issuer: s.Issuer, Audience: "bailiwick", UserClaim: "email", Now: c.now})
	for _, test := range []struct {
		claims map[string]any
		want   string
	}{
		{map[string]any{"email": "a@example.org"}, ""},
		{map[string]any{"email": "a@example.org", "email_verified": true}, "a@example.org"},
		{map[string]any{"email": "a@example.org", "email_verified": "true"}, "a@example.org"},
		{map[string]any{"email": "a@example.org", "email_verified": false}, ""},
		{map[string]any{"email": "a@example.org", "email_verified": "false"}, ""},
		{map[string]any{"email": "a@example.org", "email_verified": 1}, ""},
		{map[string]any{"email": ""}, ""},
		{map[string]any{"email": nil}, ""},
		{map[string]any{"email": []string{"a@example.org"}}, ""},
		{map[string]any{"email": 7}, ""},
		{map[string]any{"Email": "a@example.org"}, ""},
		{map[string]any{"email": "a\nb"}, ""},
		{map[string]any{"email": "a\u0000"}, ""},
		{map[string]any{"email": json.RawMessage(`"\ud800"`)}, ""},
	} {
		claims := s.Claims("alice", c.now())
		maps.Copy(claims, test.claims)
		got, err := p.CheckToken(t.Context(), s.Token(t, claims))
		if got.Name != test.want || (err == nil) != (test.want != "") {
			t.Errorf("%v: %v, %v, want %q", test.claims, got.Name, err, test.want)
		}
	}
}

// TestUnverifiedClaims drops claims that the provider declares unverified: a rule for
// claim:email=… would otherwise give access to whoever entered that address.
func TestUnverifiedClaims(t *testing.T) {
	s, c := oidcserver.Start(t), newClock()
	for _, test := range []struct {
		claims map[string]any
		want   map[string][]string
	}{
		{map[string]any{"email": "a@example.org"}, nil},
		{map[string]any{"email": "a@example.org", "email_verified": nil}, nil},
		{map[string]any{"phone_number": "+1"}, nil},
		{map[string]any{"phone_number": "+1", "phone_number_verified": true}, map[string][]string{"phone_number": {"+1"}}},
		{map[string]any{"email": "a@example.org", "email_verified": true}, map[string][]string{"email": {"a@example.org"}}},
		{map[string]any{"email": "a@example.org", "email_verified": "true"}, map[string][]string{"email": {"a@example.org"}}},
		{map[string]any{"email": "a@example.org", "email_verified": false}, nil},
		{map[string]any{"email": "a@example.org", "email_verified": "false"}, nil},
		{map[string]any{"email": "a@example.org", "email_verified": 1}, nil},
		{map[string]any{"email": "a@example.org", "email_verified": false, "email_verified_verified": false}, nil},
		{map[string]any{"phone_number": "+1", "phone_number_verified": false, "email": "a@example.org", "email_verified": true}, map[string][]string{"email": {"a@example.org"}}},
	} {
		claims := s.Claims("alice", c.now())
		maps.Copy(claims, test.claims)
		p := newProvider(t, oidc.Config{Issuer: s.Issuer, Audience: "bailiwick", GroupsClaim: "email", Now: c.now})
		got, err := p.CheckToken(t.Context(), s.Token(t, claims))
		if err != nil || got.Name != "alice" {
			t.Fatalf("%v: %v, %v", test.claims, got.Name, err)
		}
		for _, key := range []string{"email", "phone_number"} {
			if !slices.Equal(got.Claims[key], test.want[key]) {
				t.Errorf("%v: %s is %q, want %q", test.claims, key, got.Claims[key], test.want[key])
			}
		}
		if !slices.Equal(got.Groups, test.want["email"]) {
			t.Errorf("%v: groups %q", test.claims, got.Groups)
		}
	}
}

func TestOversizedToken(t *testing.T) {
	s, c := oidcserver.Start(t), newClock()
	p := newProvider(t, oidc.Config{Issuer: s.Issuer, Audience: "bailiwick", Now: c.now})
	claims := s.Claims("alice", c.now())
	claims["pad"] = strings.Repeat("x", 1<<10)
	if _, err := p.CheckToken(t.Context(), s.Token(t, claims)); err != nil {
		t.Error(err)
	}
	claims["pad"] = strings.Repeat("x", oidc.MaxTokenBytes)
	if _, err := p.CheckToken(t.Context(), s.Token(t, claims)); !errors.Is(err, auth.ErrCredentials) {
		t.Errorf("%v", err)
	}
}

func TestConfig(t *testing.T) {
	for _, test := range []struct {
		cfg  oidc.Config
		want string
	}{
		{oidc.Config{Issuer: "https://id.example.org", Audience: "b"}, ""},
		{oidc.Config{Issuer: "https://id.example.org/realms/books", Audience: "b"}, ""},
		{oidc.Config{Issuer: "http://127.0.0.1:1", Audience: "b"}, ""},
		{oidc.Config{Issuer: "http://[::1]:1", Audience: "b"}, ""},
		{oidc.Config{Issuer: "http://id.example.org", Audience: "b"}, "issuer: must begin with https://"},
		{oidc.Config{Issuer: "http://127.0.0.1.example.org", Audience: "b"}, "issuer: must begin with https://"},
		{oidc.Config{Issuer: "https://user:pw@id.example.org", Audience: "b"}, "issuer: not a URL"},
		{oidc.Config{Issuer: "https://id.example.org?x", Audience: "b"}, "issuer: not a URL"},
		{oidc.Config{Issuer: "", Audience: "b"}, "issuer: not a URL"},
		{oidc.Config{Issuer: "https://id.example.org"}, "audience"},
		{oidc.Config{Issuer: "https://id.example.org", Audience: "b", Algorithms: []string{"HS256"}}, "HS256"},
		{oidc.Config{Issuer: "https://id.example.org", Audience: "b", Algorithms: []string{"none"}}, "none"},
	} {
		_, err := oidc.New(test.cfg)
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: %v, want %q", test.cfg.Issuer, err, test.want)
		}
	}
}

func TestCanceled(t *testing.T) {
	s, c := oidcserver.Start(t), newClock()
	release, asked := make(chan struct{}), make(chan struct{})
	s.Answer(func(http.ResponseWriter, *http.Request) bool {
		asked <- struct{}{}
		<-release
		s.Answer(nil)
		return false
	})
	p := newProvider(t, oidc.Config{Issuer: s.Issuer, Audience: "bailiwick", Now: c.now})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	token := s.Token(t, s.Claims("alice", c.now()))
	go func() {
		_, err := p.CheckToken(ctx, token)
		done <- err
	}()
	<-asked
	cancel()
	if err := <-done; !errors.Is(err, auth.ErrUnavailable) {
		t.Errorf("%v", err)
	}
	// The fetch continues for the next request.
	close(release)
	if _, err := p.CheckToken(t.Context(), token); err != nil {
		t.Error(err)
	}
	if n := s.Hits(oidcserver.DiscoveryPath); n != 1 {
		t.Errorf("the issuer got %d requests", n)
	}
}

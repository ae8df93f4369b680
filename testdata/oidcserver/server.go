// Package oidcserver runs an OpenID Connect issuer for tests: discovery, a set
// of keys that rotate, and tokens signed by them, right and wrong ones. Only
// tests may import it. It signs with nothing but crypto/*, so that a fault in a
// JOSE library does not cancel itself out.
package oidcserver

import (
	"crypto"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// A Server is a running issuer. It is safe for concurrent use.
type Server struct {
	Issuer   string // http://127.0.0.1:PORT
	Audience string // of Claims

	mu     sync.Mutex
	keys   []*Key
	hits   map[string]int
	answer func(http.ResponseWriter, *http.Request) bool
}

// Start starts an issuer with one RS256 key and stops it when t ends.
func Start(t testing.TB) *Server {
	t.Helper()
	s := &Server{Audience: "bailiwick", hits: make(map[string]int)}
	s.keys = []*Key{NewKey(t, "RS256", "key-1")}
	http := httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(http.Close)
	s.Issuer = http.URL
	return s
}

// Publish makes keys the ones that the issuer publishes and that Token signs
// with the first of.
func (s *Server) Publish(keys ...*Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = keys
}

// Key returns the key that Token signs with.
func (s *Server) Key() *Key {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keys[0]
}

// Answer lets f answer requests in the place of the issuer; where it returns
// false the issuer does. nil ends that.
func (s *Server) Answer(f func(http.ResponseWriter, *http.Request) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = f
}

// Hits returns how often a path was asked for.
func (s *Server) Hits(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hits[path]
}

// The paths that the issuer answers.
const (
	DiscoveryPath = "/.well-known/openid-configuration"
	KeysPath      = "/keys"
)

// Claims returns the claims of a token that is right for an hour from now.
func (s *Server) Claims(subject string, now time.Time) map[string]any {
	return map[string]any{
		"iss": s.Issuer, "aud": s.Audience, "sub": subject,
		"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}
}

// Token returns claims signed by the current key.
func (s *Server) Token(t testing.TB, claims map[string]any) string {
	t.Helper()
	return s.Key().Sign(t, nil, claims)
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.hits[r.URL.Path]++
	answer, keys := s.answer, s.keys
	s.mu.Unlock()
	if answer != nil && answer(w, r) {
		return
	}
	var body any
	switch r.URL.Path {
	case DiscoveryPath:
		body = map[string]any{
			"issuer":                                s.Issuer,
			"jwks_uri":                              s.Issuer + KeysPath,
			"authorization_endpoint":                s.Issuer + "/authorize",
			"token_endpoint":                        s.Issuer + "/token",
			"response_types_supported":              []string{"code"},
			"subject_types_supported":               []string{"public"},
			"id_token_signing_alg_values_supported": []string{"RS256"},
		}
	case KeysPath:
		list := make([]map[string]any, len(keys))
		for i, k := range keys {
			list[i] = k.Public()
		}
		body = map[string]any{"keys": list}
	default:
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body)
}

// A Key signs tokens with one algorithm: RS256, PS256, ES256 or EdDSA.
type Key struct {
	ID        string
	Algorithm string
	Extra     map[string]any // members of the published key, beside its own
	private   crypto.Signer
}

// Package oidcserver runs an OpenID Connect issuer for tests: discovery, a rotating set
// of keys, and tokens signed with them, valid and invalid ones. Only tests may import
// it. It signs with crypto/* alone, so that a bug in a JOSE library cannot cancel itself
// out.
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

// Publish sets the keys that the issuer publishes. Token signs with the first one.
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

// Answer makes f handle requests instead of the issuer. If f returns false, the issuer
// handles the request. nil restores the issuer.
func (s *Server) Answer(f func(http.ResponseWriter, *http.Request) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = f
}

// Hits returns the number of requests for a path.
func (s *Server) Hits(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hits[path]
}

// Paths that the issuer serves.
const (
	DiscoveryPath = "/.well-known/openid-configuration"
	KeysPath      = "/keys"
)

// Claims returns the claims of a token that is valid for an hour from now.
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
	Extra     map[string]any // additional members of the published key
	private   crypto.Signer
}

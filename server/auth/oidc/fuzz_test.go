package oidc_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/server/auth/oidc"
	"github.com/bailiwick-fs/bailiwick/testdata/oidcserver"
)

// FuzzToken modifies genuine and forged tokens: no principal but alice may be returned.
func FuzzToken(f *testing.F) {
	s, c := oidcserver.Start(f), newClock()
	p, err := oidc.New(oidc.Config{Issuer: s.Issuer, Audience: "bailiwick", Now: c.now})
	if err != nil {
		f.Fatal(err)
	}
	claims := s.Claims("alice", c.now())
	good := s.Token(f, claims)
	want, err := p.CheckToken(context.Background(), good)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(oidcserver.Join(f, map[string]any{"alg": "none"}, claims, func([]byte) []byte { return nil }))
	f.Add("a.b.c")
	f.Add(`{"payload":"e30","signatures":[{"protected":"e30","signature":""}]}`)
	f.Fuzz(func(t *testing.T, token string) {
		got, err := p.CheckToken(t.Context(), token)
		switch {
		case err != nil && (!errors.Is(err, auth.ErrCredentials) || !cmp.Equal(got, auth.Principal{})):
			t.Errorf("%v, %v", got, err)
		case err == nil && !cmp.Equal(got, want):
			t.Errorf("%q belongs to %v", token, got)
		}
	})
}

// FuzzKeys fuzzes an issuer's response. Whatever it is, a token signed with another key
// is refused.
func FuzzKeys(f *testing.F) {
	s, c := oidcserver.Start(f), newClock()
	other := oidcserver.NewKey(f, "RS256", "key-1")
	token := other.Sign(f, nil, s.Claims("alice", c.now()))
	for _, set := range []map[string]any{
		{"keys": []any{s.Key().Public()}}, {"keys": []any{map[string]any{"kty": "oct", "k": "c2VjcmV0"}}}, {"keys": 7}, {},
	} {
		data, err := json.Marshal(set)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s.Answer(func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path != oidcserver.KeysPath {
				return false
			}
			_, _ = w.Write(data)
			return true
		})
		p, err := oidc.New(oidc.Config{Issuer: s.Issuer, Audience: "bailiwick", Now: c.now})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := p.CheckToken(t.Context(), token); err == nil || !got.Anyone() {
			t.Errorf("%q accepts %v", data, got)
		}
	})
}

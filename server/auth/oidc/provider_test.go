package oidc_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/server/auth/oidc"
	"github.com/bailiwick-fs/bailiwick/testdata/oidcprovider"
)

// TestRealProvider logs in at a real provider whose keys rotate.
func TestRealProvider(t *testing.T) {
	issuer := oidcprovider.Start(t)
	ahead := time.Duration(0)
	p := newProvider(t, oidc.Config{
		Issuer: issuer.Issuer, Audience: issuer.ClientID, GroupsClaim: "groups",
		Now: func() time.Time { return time.Now().Add(ahead) },
	})
	email := newProvider(t, oidc.Config{Issuer: issuer.Issuer, Audience: issuer.ClientID, UserClaim: "email"})
	other := newProvider(t, oidc.Config{Issuer: issuer.Issuer, Audience: "other"})

	var last string
	algorithms := []string{"RS256", "ES256", "PS256", "EdDSA"}
	if testing.Short() {
		algorithms = algorithms[:2]
	}
	for _, algorithm := range algorithms {
		if algorithm != "RS256" {
			issuer.Rotate(t, algorithm)
			ahead += 11 * time.Second // until the next fetch is allowed
		}
		token := issuer.Login(t, "alice")
		got, err := p.CheckToken(t.Context(), token)
		if err != nil {
			t.Fatalf("%s: %v", algorithm, err)
		}
		if got.Name != "alice" || got.Method != "oidc" || !cmp.Equal(got.Groups, []string{"editors", "staff"}) {
			t.Errorf("%s: %+v", algorithm, got)
		}
		if last == "" {
			if got, err = email.CheckToken(t.Context(), token); err != nil || got.Name != "alice@example.org" {
				t.Errorf("by email: %v, %v", got, err)
			}
			if _, err = other.CheckToken(t.Context(), token); !errors.Is(err, auth.ErrCredentials) {
				t.Errorf("for another audience: %v", err)
			}
		} else if _, err := p.CheckToken(t.Context(), last); !errors.Is(err, auth.ErrCredentials) {
			t.Errorf("a token of a withdrawn key, before %s: %v", algorithm, err)
		}
		last = token
	}
	ahead += 2 * time.Hour
	if _, err := p.CheckToken(t.Context(), last); !errors.Is(err, auth.ErrExpired) {
		t.Errorf("two hours later: %v", err)
	}
}

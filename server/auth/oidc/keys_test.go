package oidc_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/server/auth/oidc"
	"github.com/bailiwick-fs/bailiwick/testdata/oidcserver"
)

func TestRotation(t *testing.T) {
	s, c := oidcserver.Start(t), newClock()
	p := newProvider(t, oidc.Config{Issuer: s.Issuer, Audience: "bailiwick", Now: c.now})
	check := func(k *oidcserver.Key, header map[string]any) error {
		t.Helper()
		_, err := p.CheckToken(t.Context(), k.Sign(t, header, s.Claims("alice", c.now())))
		return err
	}
	old, next := s.Key(), oidcserver.NewKey(t, "ES256", "key-2")
	if err := check(old, nil); err != nil {
		t.Fatal(err)
	}

	s.Publish(next, old)
	if err := check(next, nil); !errors.Is(err, auth.ErrCredentials) {
		t.Errorf("a key id that was not there a moment ago: %v", err)
	}
	c.advance(11 * time.Second)
	if err := check(next, nil); err != nil {
		t.Errorf("a new key: %v", err)
	}
	if err := check(old, nil); err != nil {
		t.Errorf("the old key beside it: %v", err)
	}

	// A withdrawn key stops working after the next fetch, within about an hour: the
	// request that triggers the fetch may still be checked with the old keys.
	s.Publish(next)
	c.advance(61 * time.Minute)
	_ = check(old, nil)
	unknown := oidcserver.NewKey(t, "ES256", "key-3")
	_ = check(unknown, nil) // waits for the fetch
	if err := check(old, nil); !errors.Is(err, auth.ErrCredentials) {
		t.Errorf("a withdrawn key: %v", err)
	}

	// Rotation also works with an issuer whose keys have no ids.
	c.advance(time.Minute)
	s.Publish(unknown)
	if err := check(unknown, map[string]any{"kid": nil}); err != nil {
		t.Errorf("a new key without an id: %v", err)
	}
}

// A key that was withdrawn while nobody came is not accepted from the first one who comes. If the
// issuer is down then, the old keys are what there is.
func TestRotationUnseen(t *testing.T) {
	s, c := oidcserver.Start(t), newClock()
	p := newProvider(t, oidc.Config{Issuer: s.Issuer, Audience: "bailiwick", Now: c.now})
	check := func(k *oidcserver.Key) error {
		t.Helper()
		_, err := p.CheckToken(t.Context(), k.Sign(t, nil, s.Claims("alice", c.now())))
		return err
	}
	old, next := s.Key(), oidcserver.NewKey(t, "ES256", "key-2")
	if err := check(old); err != nil {
		t.Fatal(err)
	}
	s.Publish(next)
	c.advance(20 * time.Hour)
	if err := check(old); !errors.Is(err, auth.ErrCredentials) {
		t.Errorf("a withdrawn key: %v", err)
	}
	if err := check(next); err != nil {
		t.Errorf("its successor: %v", err)
	}
	s.Answer(func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(500); return true })
	for range 2 {
		c.advance(3 * time.Hour)
		if err := check(next); err != nil {
			t.Errorf("while the issuer is down: %v", err)
		}
	}
}

// TestUnknownKeyIDsAreCheap sends a flood of made-up key ids, which must not affect the
// issuer or clients with genuine tokens.
func TestUnknownKeyIDsAreCheap(t *testing.T) {
	s, c := oidcserver.Start(t), newClock()
	p := newProvider(t, oidc.Config{Issuer: s.Issuer, Audience: "bailiwick", Now: c.now})
	good := s.Token(t, s.Claims("alice", c.now()))
	var forged []string
	for i := range 50 {
		forged = append(forged, s.Key().Sign(t, map[string]any{"kid": fmt.Sprint("x", i)}, s.Claims("alice", c.now())))
	}
	var wg sync.WaitGroup
	for _, token := range forged {
		wg.Go(func() {
			if _, err := p.CheckToken(t.Context(), token); !errors.Is(err, auth.ErrCredentials) {
				t.Error(err)
			}
			if _, err := p.CheckToken(t.Context(), good); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := s.Hits(oidcserver.KeysPath); n != 1 {
		t.Errorf("50 unknown key ids caused %d requests to the issuer", n)
	}
	c.advance(11 * time.Second)
	for _, token := range forged {
		_, _ = p.CheckToken(t.Context(), token)
	}
	if n := s.Hits(oidcserver.KeysPath); n != 2 {
		t.Errorf("after a pause, 50 more caused %d requests in total", n)
	}
}

// TestIssuerDown has an issuer that fails in various ways when the first token arrives,
// and then recovers.
func TestIssuerDown(t *testing.T) {
	long := `{"keys":[` + strings.Repeat(" ", 2<<20) + `]}`
	tests := map[string]func(s *oidcserver.Server, w http.ResponseWriter, r *http.Request) bool{
		"500": func(_ *oidcserver.Server, w http.ResponseWriter, r *http.Request) bool {
			w.WriteHeader(500)
			return true
		},
		"cut off": func(*oidcserver.Server, http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) },
		"no JSON": func(_ *oidcserver.Server, w http.ResponseWriter, _ *http.Request) bool {
			fmt.Fprint(w, "\x1b[2J<html>")
			return true
		},
		"other issuer": func(_ *oidcserver.Server, w http.ResponseWriter, _ *http.Request) bool {
			fmt.Fprint(w, `{"issuer":"https://id.example.org"}`)
			return true
		},
		"keys by http":  discovery("http://id.example.org/keys"),
		"keys by file":  discovery("file:///etc/passwd"),
		"no keys":       keysAnswer(`{"keys":[]}`),
		"symmetric key": keysAnswer(`{"keys":[{"kty":"oct","k":"c2VjcmV0","kid":"key-1"}]}`),
		"endless keys":  keysAnswer(long),
		"redirect out": func(_ *oidcserver.Server, w http.ResponseWriter, r *http.Request) bool {
			http.Redirect(w, r, "http://id.example.org/", http.StatusFound)
			return true
		},
		"redirect loop": func(_ *oidcserver.Server, w http.ResponseWriter, r *http.Request) bool {
			http.Redirect(w, r, r.URL.Path, http.StatusFound)
			return true
		},
	}
	for name, broken := range tests {
		t.Run(name, func(t *testing.T) {
			s, c := oidcserver.Start(t), newClock()
			s.Answer(func(w http.ResponseWriter, r *http.Request) bool { return broken(s, w, r) })
			var mu sync.Mutex
			var reports []string
			p := newProvider(t, oidc.Config{
				Issuer: s.Issuer, Audience: "bailiwick", Now: c.now,
				Report: func(err error) { mu.Lock(); reports = append(reports, err.Error()); mu.Unlock() },
			})
			token := s.Token(t, s.Claims("alice", c.now()))
			for range 3 {
				if _, err := p.CheckToken(t.Context(), token); !errors.Is(err, auth.ErrUnavailable) {
					t.Errorf("%v", err)
				}
			}
			mu.Lock()
			if len(reports) != 1 || strings.ContainsAny(reports[0], "\n\x1b") || len(reports[0]) > 400 || !strings.HasPrefix(reports[0], s.Issuer) {
				t.Errorf("reported %q", reports)
			}
			mu.Unlock()
			s.Answer(nil)
			c.advance(11 * time.Second)
			if _, err := p.CheckToken(t.Context(), token); err != nil {
				t.Errorf("after it has recovered: %v", err)
			}
		})
	}
}

func discovery(keys string) func(*oidcserver.Server, http.ResponseWriter, *http.Request) bool {
	return func(s *oidcserver.Server, w http.ResponseWriter, _ *http.Request) bool {
		fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q}`, s.Issuer, keys)
		return true
	}
}

func keysAnswer(body string) func(*oidcserver.Server, http.ResponseWriter, *http.Request) bool {
	return func(_ *oidcserver.Server, w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != oidcserver.KeysPath {
			return false
		}
		_, _ = io.WriteString(w, body)
		return true
	}
}

// TestOddKeysArePassedOver publishes, beside a good key, keys that must neither break
// the set nor verify anything.
func TestOddKeysArePassedOver(t *testing.T) {
	s, c := oidcserver.Start(t), newClock()
	encryption := oidcserver.NewKey(t, "RS256", "encryption")
	encryption.Extra = map[string]any{"use": "enc"}
	other := oidcserver.NewKey(t, "RS256", "other")
	other.Extra = map[string]any{"alg": "PS256"}
	strange := oidcserver.NewKey(t, "RS256", "strange")
	strange.Extra = map[string]any{"kty": "QUANTUM"}
	s.Publish(s.Key(), encryption, other, strange)
	p := newProvider(t, oidc.Config{Issuer: s.Issuer, Audience: "bailiwick", Now: c.now})
	if _, err := p.CheckToken(t.Context(), s.Token(t, s.Claims("alice", c.now()))); err != nil {
		t.Fatal(err)
	}
	for _, k := range []*oidcserver.Key{encryption, other, strange} {
		if _, err := p.CheckToken(t.Context(), k.Sign(t, nil, s.Claims("alice", c.now()))); !errors.Is(err, auth.ErrCredentials) {
			t.Errorf("%s: %v", k.ID, err)
		}
	}
}

// TestKeysOutliveTheIssuer checks that known keys are used while the issuer is down,
// even across a reload, but not forever.
func TestKeysOutliveTheIssuer(t *testing.T) {
	s, c := oidcserver.Start(t), newClock()
	cfg := oidc.Config{Issuer: s.Issuer, Audience: "bailiwick", Now: c.now}
	p := newProvider(t, cfg)
	check := func(p *oidc.Provider) error {
		_, err := p.CheckToken(t.Context(), s.Token(t, s.Claims("alice", c.now())))
		return err
	}
	if err := check(p); err != nil {
		t.Fatal(err)
	}
	s.Answer(func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(503); return true })
	cfg.Previous = p
	reloaded := newProvider(t, cfg)
	cfg.Previous = nil
	fresh := newProvider(t, cfg)
	c.advance(2 * time.Hour)
	if err := check(reloaded); err != nil {
		t.Errorf("two hours later: %v", err)
	}
	if err := check(fresh); !errors.Is(err, auth.ErrUnavailable) {
		t.Errorf("without the previous keys: %v", err)
	}
	c.advance(23 * time.Hour)
	if err := check(reloaded); !errors.Is(err, auth.ErrUnavailable) {
		t.Errorf("a day later: %v", err)
	}
	cfg.Issuer, cfg.Previous = "http://127.0.0.1:1", p
	if err := check(newProvider(t, cfg)); !errors.Is(err, auth.ErrUnavailable) {
		t.Errorf("another issuer has the keys of the first: %v", err)
	}
}

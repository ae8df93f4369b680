package oidc_test

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/server/auth/oidc"
	"github.com/bailiwick-fs/bailiwick/testdata/oidcserver"
)

// TestFinishRefuses ends sign-ins in ways that sign nobody in. The control is the same sign-in
// without the change.
func TestFinishRefuses(t *testing.T) {
	s, c := oidcserver.Start(t), newClock()
	var reported atomic.Pointer[string]
	p := newProvider(t, oidc.Config{Issuer: s.Issuer, Audience: "an-api", Now: c.now, Report: func(err error) { text := err.Error(); reported.Store(&text) }})
	client, err := oidc.NewClient(p, oidc.ClientConfig{ID: "web", Secret: "hunter2 %"})
	if err != nil {
		t.Fatal(err)
	}
	const callback = "https://files.example.org/.bailiwick/login/callback"
	type try struct {
		query  url.Values     // of the callback
		claims map[string]any // of the ID token; nil removes one
		answer int            // of the token endpoint
		code   string         // its error
	}
	for what, c2 := range map[string]struct {
		change   func(*try)
		want     error
		reported string
	}{
		"the control":                   {func(*try) {}, nil, ""},
		"another state":                 {func(a *try) { a.query.Set("state", "x") }, auth.ErrCredentials, ""},
		"no state":                      {func(a *try) { a.query.Del("state") }, auth.ErrCredentials, ""},
		"two states":                    {func(a *try) { a.query.Add("state", "x") }, auth.ErrCredentials, ""},
		"no code":                       {func(a *try) { a.query.Del("code") }, auth.ErrCredentials, ""},
		"another issuer":                {func(a *try) { a.query.Set("iss", "https://evil.example") }, auth.ErrCredentials, ""},
		"this issuer":                   {func(a *try) { a.query.Set("iss", s.Issuer) }, nil, ""},
		"a person who declines":         {func(a *try) { a.query.Set("error", "access_denied") }, auth.ErrCredentials, ""},
		"a client that is refused":      {func(a *try) { a.query.Set("error", "invalid_scope") }, auth.ErrUnavailable, "invalid_scope"},
		"an error that nobody knows":    {func(a *try) { a.query.Set("error", "the-code\nhunter2"); a.query.Set("error_description", "hunter2") }, auth.ErrUnavailable, "unknown error"},
		"an error with a description":   {func(a *try) { a.query.Set("error", "server_error"); a.query.Set("error_description", "hunter2") }, auth.ErrUnavailable, "server_error"},
		"an error with another state":   {func(a *try) { a.query.Set("error", "invalid_scope"); a.query.Set("state", "x") }, auth.ErrCredentials, ""},
		"another nonce":                 {func(a *try) { a.claims["nonce"] = "x" }, auth.ErrCredentials, ""},
		"no nonce":                      {func(a *try) { a.claims["nonce"] = nil }, auth.ErrCredentials, ""},
		"the audience of bearer tokens": {func(a *try) { a.claims["aud"] = "an-api" }, auth.ErrCredentials, ""},
		"several audiences":             {func(a *try) { a.claims["aud"] = []string{"web", "x"} }, auth.ErrCredentials, ""},
		"several, for this one":         {func(a *try) { a.claims["aud"], a.claims["azp"] = []string{"web", "x"}, "web" }, nil, ""},
		"for another party":             {func(a *try) { a.claims["azp"] = "x" }, auth.ErrCredentials, ""},
		"an expired token":              {func(a *try) { a.claims["exp"] = 1 }, auth.ErrCredentials, ""},
		"a code that was used":          {func(a *try) { a.answer, a.code = 400, "invalid_grant" }, auth.ErrCredentials, ""},
		"a wrong secret":                {func(a *try) { a.answer, a.code = 401, "invalid_client" }, auth.ErrUnavailable, "invalid_client"},
		"a broken provider":             {func(a *try) { a.answer = 500 }, auth.ErrUnavailable, "500"},
		"a redirect of the secret":      {func(a *try) { a.answer = 307 }, auth.ErrUnavailable, "307"},
	} {
		reported.Store(nil)
		c.advance(10 * time.Second) // the pause between two reports
		location, state, err := client.Begin(t.Context(), callback)
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(location)
		if err != nil {
			t.Fatal(err)
		}
		sent := u.Query()
		if sent.Get("client_id") != "web" || sent.Get("redirect_uri") != callback || sent.Get("code_challenge_method") != "S256" || sent.Get("scope") != "openid" || sent.Get("response_type") != "code" || strings.Contains(location, "hunter2") {
			t.Fatalf("the URL: %s", location)
		}
		a := try{url.Values{"state": {sent.Get("state")}, "code": {"the-code"}}, s.Claims("alice", c.now()), 200, ""}
		maps.Copy(a.claims, map[string]any{"aud": "web", "nonce": sent.Get("nonce")})
		c2.change(&a)
		maps.DeleteFunc(a.claims, func(_ string, v any) bool { return v == nil })
		redirected := false
		s.Answer(func(w http.ResponseWriter, r *http.Request) bool {
			switch r.URL.Path {
			case "/elsewhere":
				redirected = true
			case "/token":
				id, secret, _ := r.BasicAuth()
				secret, _ = url.QueryUnescape(secret) // RFC 6749 section 2.3.1
				if id != "web" || secret != "hunter2 %" || r.FormValue("code") != "the-code" || r.FormValue("redirect_uri") != callback || r.FormValue("code_verifier") == "" {
					t.Errorf("%s: the token endpoint got %v", what, r.Form)
				}
				w.Header().Set("Content-Type", "application/json")
				w.Header().Set("Location", s.Issuer+"/elsewhere")
				w.WriteHeader(a.answer)
				body := map[string]any{"access_token": "x", "token_type": "Bearer", "id_token": s.Token(t, a.claims)}
				if a.code != "" {
					body = map[string]any{"error": a.code}
				}
				_ = json.NewEncoder(w).Encode(body)
			default:
				return false
			}
			return true
		})
		if ends := client.Ends(state, a.query); ends != !strings.Contains(what, "state") {
			t.Errorf("%s: ends the sign-in: %t", what, ends)
		}
		got, err := client.Finish(t.Context(), state, a.query)
		name := ""
		if c2.want == nil {
			name = "alice"
		}
		if !errors.Is(err, c2.want) || got.Name != name || redirected || got.Claims["nonce"] != nil {
			t.Errorf("%s: %+v, %v, redirected %t", what, got, err, redirected)
		}
		if said := reported.Load(); (said != nil) != (c2.reported != "") || said != nil && (!strings.Contains(*said, c2.reported) || strings.Contains(*said, "hunter2") || strings.Contains(*said, "the-code")) {
			t.Errorf("%s: reported %v", what, said)
		}
		s.Answer(nil)
		// A state that was not sealed for this browser.
		for _, forged := range []string{"", "{}", `{"s":""}`, "null"} {
			if got, err := client.Finish(t.Context(), []byte(forged), url.Values{"state": {""}, "code": {"x"}}); !errors.Is(err, auth.ErrCredentials) {
				t.Errorf("%s: the state %q: %+v, %v", what, forged, got, err)
			}
		}
	}
}

// TestBeginUnavailable: an issuer that is down, or lies about where to sign in, is no page.
func TestBeginUnavailable(t *testing.T) {
	s, c := oidcserver.Start(t), newClock()
	s.Answer(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != oidcserver.DiscoveryPath {
			return false
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"issuer": s.Issuer, "jwks_uri": s.Issuer + oidcserver.KeysPath, "authorization_endpoint": "http://evil.example/", "token_endpoint": "javascript:x"})
		return true
	})
	p := newProvider(t, oidc.Config{Issuer: s.Issuer, Audience: "b", Now: c.now})
	client, err := oidc.NewClient(p, oidc.ClientConfig{ID: "web"})
	if err != nil {
		t.Fatal(err)
	}
	if location, _, err := client.Begin(t.Context(), "https://files.example.org/"); !errors.Is(err, auth.ErrUnavailable) {
		t.Errorf("%s, %v", location, err)
	}
}

// TestReportRarely: errors that anybody can cause do not fill the log.
func TestReportRarely(t *testing.T) {
	s, c := oidcserver.Start(t), newClock()
	var reports atomic.Int64
	p := newProvider(t, oidc.Config{Issuer: s.Issuer, Audience: "b", Now: c.now, Report: func(error) { reports.Add(1) }})
	client, err := oidc.NewClient(p, oidc.ClientConfig{ID: "web"})
	if err != nil {
		t.Fatal(err)
	}
	location, state, err := client.Begin(t.Context(), "https://files.example.org/")
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(location)
	if err != nil {
		t.Fatal(err)
	}
	query := url.Values{"state": {u.Query().Get("state")}, "error": {"server_error"}}
	for want := range 3 {
		for range 5 {
			if _, err := client.Finish(t.Context(), state, query); !errors.Is(err, auth.ErrUnavailable) {
				t.Fatal(err)
			}
		}
		if got := reports.Load(); got != int64(want)+1 {
			t.Errorf("%d reports, want %d", got, want+1)
		}
		c.advance(10 * time.Second)
	}
}

// TestFlowOfAnotherClient: a sign-in that began with another configuration does not end with
// this one, so its code is sent to no other provider. The control is the same client.
func TestFlowOfAnotherClient(t *testing.T) {
	one, other, c := oidcserver.Start(t), oidcserver.Start(t), newClock()
	client := func(s *oidcserver.Server, id string) *oidc.Client {
		t.Helper()
		client, err := oidc.NewClient(newProvider(t, oidc.Config{Issuer: s.Issuer, Audience: "b", Now: c.now}), oidc.ClientConfig{ID: id})
		if err != nil {
			t.Fatal(err)
		}
		return client
	}
	location, state, err := client(one, "web").Begin(t.Context(), "https://files.example.org/")
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(location)
	if err != nil {
		t.Fatal(err)
	}
	query := url.Values{"state": {u.Query().Get("state")}, "code": {"x"}}
	if !client(one, "web").Ends(state, query) {
		t.Error("the control")
	}
	for what, c := range map[string]*oidc.Client{"another provider": client(other, "web"), "another client": client(one, "app"), "nil": nil} {
		if c.Ends(state, query) {
			t.Error(what)
		}
	}
}

package oidc

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/oauth2"

	"github.com/bailiwick-fs/bailiwick/server/auth"
)

// A ClientConfig is how this server is registered at a provider.
type ClientConfig struct {
	ID     string // the client ID, which is the audience of the provider's ID tokens
	Secret string // "" for a public client
}

// A Client signs people in with a browser, by the authorization code flow with PKCE, a state
// and a nonce. It is safe for concurrent use. The zero Client and nil sign nobody in.
type Client struct {
	cfg     ClientConfig
	tokens  *Provider // for ID tokens of this client
	network *http.Client
	bound   []byte // what a session depends on
}

// NewClient returns a client at the provider of p, with its claims for names and groups. It
// does no I/O.
func NewClient(p *Provider, cfg ClientConfig) (*Client, error) {
	if p == nil || p.keys == nil {
		return nil, errors.New("the provider is not made by New")
	}
	if cfg.ID == "" {
		return nil, errors.New("client_id: it is empty")
	}
	tokens := *p
	// The audience of bearer tokens is that of an API, and need not be this client.
	tokens.cfg.Audience = cfg.ID
	network := *p.keys.client
	// The code and the secret are for the token endpoint alone.
	network.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	bound, err := json.Marshal([]string{p.cfg.Issuer, cfg.ID, p.cfg.UserClaim, p.cfg.GroupsClaim})
	if err != nil {
		return nil, err
	}
	return &Client{cfg: cfg, tokens: &tokens, network: &network, bound: bound}, nil
}

// A flow is one sign-in, between the request that begins it and the one that ends it.
type flow struct {
	State    string `json:"s"` // in the URL that the provider redirects to
	Nonce    string `json:"n"` // in the ID token
	Verifier string `json:"v"` // of PKCE
	Redirect string `json:"r"`
}

// Begin begins a sign-in that ends at the URL redirect, which must be registered at the
// provider. It returns the URL to send the browser to, and the flow, which only this browser
// may give to Finish: seal it into a cookie. The error is auth.ErrUnavailable.
func (c *Client) Begin(ctx context.Context, redirect string) (location string, state []byte, err error) {
	if c == nil || c.tokens == nil {
		return "", nil, auth.ErrUnavailable
	}
	endpoint, scopes, err := c.endpoint(ctx)
	if err != nil {
		return "", nil, err
	}
	f := flow{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), Redirect: redirect}
	cfg := oauth2.Config{ClientID: c.cfg.ID, Endpoint: endpoint, RedirectURL: redirect, Scopes: scopes}
	location = cfg.AuthCodeURL(f.State, oauth2.SetAuthURLParam("nonce", f.Nonce), oauth2.S256ChallengeOption(f.Verifier))
	state, err = json.Marshal(f)
	return location, state, err
}

// Finish ends a sign-in with the query of the redirect, and returns who signed in, with the
// name that CheckToken would return. The error is auth.ErrCredentials if the provider signed
// nobody in, or for another browser; auth.ErrUnavailable if it cannot be asked, or refuses
// this client, which Config.Report tells.
func (c *Client) Finish(ctx context.Context, state []byte, query url.Values) (auth.Principal, error) {
	var f flow
	if c == nil || c.tokens == nil {
		return auth.Principal{}, auth.ErrUnavailable
	}
	if json.Unmarshal(state, &f) != nil || f.State == "" {
		return auth.Principal{}, auth.ErrCredentials
	}
	for _, key := range []string{"state", "code", "error", "iss"} {
		if len(query[key]) > 1 {
			return auth.Principal{}, auth.ErrCredentials
		}
	}
	switch issuer := query.Get("iss"); {
	case subtle.ConstantTimeCompare([]byte(query.Get("state")), []byte(f.State)) != 1:
		// Otherwise somebody else could end the sign-in of this browser with their own code.
		return auth.Principal{}, auth.ErrCredentials
	case issuer != "" && issuer != c.tokens.cfg.Issuer: // RFC 9207
		return auth.Principal{}, auth.ErrCredentials
	case query.Get("error") != "":
		return auth.Principal{}, c.refused(query.Get("error"), query.Get("error_description"))
	case query.Get("code") == "":
		return auth.Principal{}, auth.ErrCredentials
	}
	token, err := c.exchange(ctx, &f, query.Get("code"))
	if err != nil {
		return auth.Principal{}, err
	}
	p, err := c.tokens.CheckToken(ctx, token)
	if err != nil {
		return auth.Principal{}, err
	}
	if !only(p.Claims["nonce"], f.Nonce) {
		return auth.Principal{}, auth.ErrCredentials // a token of another sign-in
	}
	// A token for several parties says for which of them it is.
	if azp, ok := p.Claims["azp"]; ok && !only(azp, c.cfg.ID) || !ok && len(p.Claims["aud"]) > 1 {
		return auth.Principal{}, auth.ErrCredentials
	}
	for _, key := range []string{"nonce", "at_hash", "c_hash"} {
		delete(p.Claims, key) // of this sign-in, not of the person
	}
	return p, nil
}

func only(list []string, s string) bool { return len(list) == 1 && list[0] == s }

// Fingerprint implements Source of package session: a session depends on the issuer, on the
// client, and on the claims that names and groups come from.
func (c *Client) Fingerprint(_ auth.Principal, key []byte) (hash []byte, ok bool) {
	if c == nil || c.tokens == nil {
		return nil, false
	}
	mac := hmac.New(sha256.New, key)
	mac.Write(c.bound)
	return mac.Sum(nil), true
}

// exchange returns the ID token for a code.
func (c *Client) exchange(ctx context.Context, f *flow, code string) (string, error) {
	endpoint, _, err := c.endpoint(ctx)
	if err != nil {
		return "", err
	}
	cfg := oauth2.Config{ClientID: c.cfg.ID, ClientSecret: c.cfg.Secret, Endpoint: endpoint, RedirectURL: f.Redirect}
	token, err := cfg.Exchange(context.WithValue(ctx, oauth2.HTTPClient, c.network), code, oauth2.VerifierOption(f.Verifier))
	if refused := (*oauth2.RetrieveError)(nil); errors.As(err, &refused) && refused.ErrorCode != "" {
		return "", c.refused(refused.ErrorCode, refused.ErrorDescription)
	}
	if err != nil {
		c.report(err)
		return "", auth.ErrUnavailable
	}
	text, ok := token.Extra("id_token").(string)
	if !ok || text == "" {
		c.report(errors.New("the provider returned no ID token; is the scope openid allowed for this client?"))
		return "", auth.ErrUnavailable
	}
	return text, nil
}

// endpoint returns where the provider signs people in, and the scopes to ask for.
func (c *Client) endpoint(ctx context.Context) (oauth2.Endpoint, []string, error) {
	doc, err := c.tokens.keys.discovered(ctx)
	if err != nil {
		return oauth2.Endpoint{}, nil, err
	}
	for what, raw := range map[string]string{"authorization_endpoint": doc.Authorization, "token_endpoint": doc.Token} {
		if err := checkURL(raw, true); err != nil {
			c.report(fmt.Errorf("%s: %w", what, err))
			return oauth2.Endpoint{}, nil, auth.ErrUnavailable
		}
	}
	// Without a list, the provider supports client_secret_basic (OpenID Connect Discovery).
	// Trying both would send the code, which is good once, twice.
	style := oauth2.AuthStyleInHeader
	if c.cfg.Secret == "" || len(doc.TokenAuthMethods) > 0 && !slices.Contains(doc.TokenAuthMethods, "client_secret_basic") {
		style = oauth2.AuthStyleInParams
	}
	scopes := []string{"openid"}
	for _, scope := range []string{"profile", "email", c.tokens.cfg.GroupsClaim} {
		if scope != "" && !slices.Contains(scopes, scope) && slices.Contains(doc.Scopes, scope) {
			scopes = append(scopes, scope)
		}
	}
	return oauth2.Endpoint{AuthURL: doc.Authorization, TokenURL: doc.Token, AuthStyle: style}, scopes, nil
}

// personal are the errors of a provider that are about the person or the time, not about how
// this server is registered.
var personal = []string{
	"access_denied", "login_required", "consent_required", "interaction_required", "account_selection_required", "invalid_grant",
}

// refused returns the error for an error of the provider.
func (c *Client) refused(code, description string) error {
	if slices.Contains(personal, code) {
		return auth.ErrCredentials
	}
	c.report(errors.New(strings.TrimSuffix("the provider refused this client: "+code+": "+description, ": ")))
	return auth.ErrUnavailable
}

func (c *Client) report(err error) {
	if report := c.tokens.cfg.Report; report != nil {
		report(fmt.Errorf("%s: %s", c.tokens.cfg.Issuer, inOneLine(err.Error())))
	}
}

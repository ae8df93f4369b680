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
	"sync"
	"time"

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

	mu       sync.Mutex
	reported time.Time // the last time
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
	if p.cfg.Transport == nil {
		// People sign in at the same time of the day: each handshake would take longer than
		// the request.
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.MaxIdleConnsPerHost, t.IdleConnTimeout = 4, 30*time.Second
		network.Transport = bounded{t}
	}
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

	// Where it began. After a change of the configuration, the code of one provider must not
	// be sent to another.
	Issuer string `json:"i"`
	Client string `json:"c"`
}

// Begin begins a sign-in that ends at the URL redirect, which must be registered at the
// provider. It returns the URL to send the browser to, and the state, which only this browser
// may give to Finish: seal it into a cookie. The error is auth.ErrUnavailable.
func (c *Client) Begin(ctx context.Context, redirect string) (location string, state []byte, err error) {
	if c == nil || c.tokens == nil {
		return "", nil, auth.ErrUnavailable
	}
	endpoint, scopes, err := c.endpoint(ctx)
	if err != nil {
		return "", nil, err
	}
	f := flow{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), Redirect: redirect, Issuer: c.tokens.cfg.Issuer, Client: c.cfg.ID}
	cfg := oauth2.Config{ClientID: c.cfg.ID, Endpoint: endpoint, RedirectURL: redirect, Scopes: scopes}
	location = cfg.AuthCodeURL(f.State, oauth2.SetAuthURLParam("nonce", f.Nonce), oauth2.S256ChallengeOption(f.Verifier))
	state, err = json.Marshal(f)
	return location, state, err
}

// Ends reports whether query, with which a browser came back, ends the sign-in of state: whether
// it is for the same state, and began at this provider for this client.
func (c *Client) Ends(state []byte, query url.Values) bool {
	_, ok := c.flowOf(state, query)
	return ok
}

func (c *Client) flowOf(state []byte, query url.Values) (f flow, ok bool) {
	if c == nil || c.tokens == nil || json.Unmarshal(state, &f) != nil || f.State == "" || len(query["state"]) != 1 {
		return f, false
	}
	// Otherwise somebody else could end the sign-in of this browser with their own code.
	same := subtle.ConstantTimeCompare([]byte(query.Get("state")), []byte(f.State)) == 1
	return f, same && f.Issuer == c.tokens.cfg.Issuer && f.Client == c.cfg.ID
}

// Finish ends a sign-in with the query of the redirect, and returns who signed in, with the
// name that CheckToken would return. The error is auth.ErrCredentials if the provider signed
// nobody in, or for another browser; auth.ErrUnavailable if it cannot be asked, or refuses
// this client, of which Config.Report is told.
func (c *Client) Finish(ctx context.Context, state []byte, query url.Values) (auth.Principal, error) {
	if c == nil || c.tokens == nil {
		return auth.Principal{}, auth.ErrUnavailable
	}
	f, ok := c.flowOf(state, query)
	if !ok {
		return auth.Principal{}, auth.ErrCredentials
	}
	for _, key := range []string{"code", "error", "iss"} {
		if len(query[key]) > 1 {
			return auth.Principal{}, auth.ErrCredentials
		}
	}
	switch issuer := query.Get("iss"); {
	case issuer != "" && issuer != c.tokens.cfg.Issuer: // RFC 9207
		return auth.Principal{}, auth.ErrCredentials
	case query.Get("error") != "":
		return auth.Principal{}, c.refused(query.Get("error"))
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
	refused, isRefused := errors.AsType[*oauth2.RetrieveError](err)
	unreached, isUnreached := errors.AsType[*url.Error](err)
	switch {
	case isRefused && refused.ErrorCode != "":
		return "", c.refused(refused.ErrorCode)
	case isRefused:
		err = fmt.Errorf("the token endpoint: %s", refused.Response.Status)
	case isUnreached:
		err = unreached
	case err != nil:
		err = errors.New("the token endpoint did not send a token")
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
	// Trying both would send the code twice, and it is valid once.
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

// known are the other errors of RFC 6749 and OpenID Connect. A link can send a browser here
// with any text as the error, which must not get into a log.
var known = []string{
	"invalid_request", "unauthorized_client", "unsupported_response_type", "invalid_scope", "server_error", "temporarily_unavailable",
	"invalid_request_uri", "invalid_request_object", "request_not_supported", "request_uri_not_supported", "registration_not_supported",
	"invalid_client", "unsupported_grant_type",
}

// refused returns the error for an error of the provider.
func (c *Client) refused(code string) error {
	if slices.Contains(personal, code) {
		return auth.ErrCredentials
	}
	if !slices.Contains(known, code) {
		code = "an unknown error"
	}
	c.report(errors.New("the provider refused this client: " + code))
	return auth.ErrUnavailable
}

// report tells operators, at most once per pause: anybody can cause errors at will.
func (c *Client) report(err error) {
	c.mu.Lock()
	now := c.tokens.cfg.Now()
	due := c.reported.IsZero() || now.Sub(c.reported) >= pause || now.Before(c.reported)
	if due {
		c.reported = now
	}
	c.mu.Unlock()
	if report := c.tokens.cfg.Report; report != nil && due {
		report(fmt.Errorf("%s: %s", c.tokens.cfg.Issuer, inOneLine(err.Error())))
	}
}

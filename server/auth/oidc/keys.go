package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	gooidc "github.com/coreos/go-oidc/v3/oidc"
	jose "github.com/go-jose/go-jose/v4"

	"github.com/bailiwick-fs/bailiwick/server/auth"
)

const (
	// refresh is the age at which keys are fetched again while they stay in use: an issuer
	// that withdraws a key wants it to stop working.
	refresh = time.Hour
	// stale is the age up to which keys are used while the issuer is unreachable.
	stale = 24 * time.Hour
	// pause is the minimum time between two fetches, so that tokens with made-up key ids
	// cannot flood the issuer.
	pause = 10 * time.Second

	maxAnswerBytes = 1 << 20
	maxKeys        = 64
)

// keys caches an issuer's published keys. Each fetch repeats discovery, so that an
// issuer may move its keys.
type keys struct {
	issuer string
	client *http.Client
	limit  time.Duration // of one fetch
	now    func() time.Time
	report func(error)

	mu      sync.Mutex
	set     []jose.JSONWebKey
	doc     discovery
	fetched time.Time     // when set was fetched, zero if never
	asked   time.Time     // when the last fetch began, or ended
	failed  bool          // the last fetch failed
	running chan struct{} // closed when the running fetch ends, nil if none is running
}

func newKeys(cfg Config) *keys {
	transport := cfg.Transport
	if transport == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.DisableKeepAlives = true // with one fetch an hour, idle connections are useless
		transport = t
	}
	return &keys{
		issuer: cfg.Issuer,
		limit:  2 * cfg.Timeout,
		now:    cfg.Now,
		report: cfg.Report,
		client: &http.Client{
			Transport: bounded{transport},
			Timeout:   cfg.Timeout,
			CheckRedirect: func(r *http.Request, via []*http.Request) error {
				if len(via) >= 3 {
					return errors.New("too many redirects")
				}
				return checkURL(r.URL.String(), true)
			},
		},
	}
}

// find returns the keys that may have signed a token with the key id kid, or all keys if
// it has none. An unknown id triggers a fetch, at most once per pause, so a new key
// works after that time at the latest.
func (k *keys) find(ctx context.Context, kid string) (found []jose.JSONWebKey, err error) {
	err = k.ask(ctx, func(now time.Time) bool {
		found = k.matching(kid, now)
		return len(found) > 0
	})
	return found, err
}

// ask calls has, with the lock, until it finds what is wanted, or a fetch that was running or due
// has ended. The error is auth.ErrCredentials if the issuer does not have it.
func (k *keys) ask(ctx context.Context, has func(now time.Time) bool) error {
	for looked := false; ; looked = true {
		k.mu.Lock()
		now := k.now()
		found := has(now)
		wait := k.look(now, found)
		failed := k.failed
		// Until a fetch has ended, the old keys are good enough on a busy server, whose keys are
		// hardly older than refresh, and while the issuer is down. After a quiet night, one of
		// them can have been withdrawn long ago.
		enough := looked || wait == nil || failed || now.Sub(k.fetched) <= 2*refresh
		k.mu.Unlock()
		switch {
		case found && enough:
			return nil
		case (looked || wait == nil) && failed:
			return auth.ErrUnavailable
		case looked || wait == nil:
			return auth.ErrCredentials
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return auth.ErrUnavailable
		}
	}
}

// newer returns the keys of a fetch that began after set was fetched, or nil if none is
// possible now. Without a key id, nothing else shows that a token's key is new.
func (k *keys) newer(ctx context.Context, set []jose.JSONWebKey) []jose.JSONWebKey {
	k.mu.Lock()
	wait := k.look(k.now(), false)
	k.mu.Unlock()
	if wait != nil {
		select {
		case <-wait:
		case <-ctx.Done():
			return nil
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.set) == 0 || len(set) == 0 || &k.set[0] == &set[0] {
		return nil
	}
	return k.set
}

// matching returns the keys with an id, unless they are too old to be used.
func (k *keys) matching(kid string, now time.Time) []jose.JSONWebKey {
	if !k.fresh(now) {
		return nil
	}
	if kid == "" {
		return k.set
	}
	var found []jose.JSONWebKey
	for _, key := range k.set {
		if key.KeyID == kid {
			found = append(found, key)
		}
	}
	return found
}

// look starts a fetch if one is due, and returns a channel that closes when the running
// fetch ends; nil if none is running.
func (k *keys) look(now time.Time, found bool) <-chan struct{} {
	due := !found || now.Sub(k.fetched) > refresh
	if k.running == nil && due && (k.asked.IsZero() || now.Sub(k.asked) >= pause) {
		k.asked = now
		k.running = make(chan struct{})
		go k.update()
	}
	return k.running
}

// update fetches the keys. It runs independently of any request, so that one waiting
// client can disconnect and the others still get the keys.
func (k *keys) update() {
	ctx, cancel := context.WithTimeout(context.Background(), k.limit)
	defer cancel()
	set, doc, err := k.fetch(ctx)
	if err != nil && k.report != nil {
		k.report(fmt.Errorf("%s: %s", k.issuer, inOneLine(err.Error())))
	}

	k.mu.Lock()
	defer k.mu.Unlock()
	k.failed = err != nil
	k.asked = k.now()
	if err == nil {
		k.set, k.doc, k.fetched = set, doc, k.asked
	}
	close(k.running)
	k.running = nil
}

// A discovery is what an issuer says about itself.
type discovery struct {
	Keys             string   `json:"jwks_uri"`
	Authorization    string   `json:"authorization_endpoint"`
	Token            string   `json:"token_endpoint"`
	TokenAuthMethods []string `json:"token_endpoint_auth_methods_supported"`
	Scopes           []string `json:"scopes_supported"`
}

// discovered returns what the issuer says about itself. It is as old as the keys.
func (k *keys) discovered(ctx context.Context) (doc discovery, err error) {
	err = k.ask(ctx, func(now time.Time) bool {
		doc = k.doc
		return k.fresh(now)
	})
	if err != nil {
		return discovery{}, auth.ErrUnavailable
	}
	return doc, nil
}

// fresh reports whether what was fetched is not too old to be used.
func (k *keys) fresh(now time.Time) bool { return !k.fetched.IsZero() && now.Sub(k.fetched) <= stale }

// inOneLine makes an error safe to print: go-oidc's errors contain the issuer's
// response.
func inOneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if !strconv.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
	if len(s) > 200 {
		s = strings.ToValidUTF8(s[:200], "") + "..."
	}
	return s
}

// fetch discovers the location of the issuer's keys and fetches them.
func (k *keys) fetch(ctx context.Context) ([]jose.JSONWebKey, discovery, error) {
	var doc discovery
	provider, err := gooidc.NewProvider(gooidc.ClientContext(ctx, k.client), k.issuer)
	if err != nil {
		return nil, doc, err
	}
	if err := provider.Claims(&doc); err != nil {
		return nil, doc, err
	}
	if err := checkURL(doc.Keys, true); err != nil {
		return nil, doc, fmt.Errorf("jwks_uri: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, doc.Keys, nil)
	if err != nil {
		return nil, doc, err
	}
	answer, err := k.client.Do(request)
	if err != nil {
		return nil, doc, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, doc, fmt.Errorf("the keys: %s", answer.Status)
	}
	data, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, doc, err
	}
	set, err := parseKeys(data)
	return set, doc, err
}

// parseKeys returns the keys of a set that can verify a signature. It skips unknown
// kinds, encryption keys and symmetric keys. No issuer may publish a symmetric key:
// anyone could use it to sign tokens. A set without a usable key is an error.
func parseKeys(data []byte) ([]jose.JSONWebKey, error) {
	var raw struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(data, &raw); err != nil {
		return nil, err
	}
	var set []jose.JSONWebKey
	for _, text := range raw.Keys {
		var key jose.JSONWebKey
		if err := json.Unmarshal(text, &key); err != nil {
			continue
		}
		if key.Valid() && key.IsPublic() && (key.Use == "" || key.Use == "sig") && len(set) < maxKeys {
			set = append(set, key)
		}
	}
	if len(set) == 0 {
		return nil, errors.New("no key that can verify a signature")
	}
	return set, nil
}

// bounded is a transport whose response bodies fail after maxAnswerBytes.
type bounded struct{ http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		answer.Body = http.MaxBytesReader(nil, answer.Body, maxAnswerBytes)
	}
	return answer, err
}

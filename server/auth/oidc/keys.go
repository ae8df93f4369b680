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
	// refresh is how old keys get before they are asked for again, beside those
	// in use: an issuer that withdraws a key wants it to end.
	refresh = time.Hour
	// stale is how old keys get while the issuer does not answer.
	stale = 24 * time.Hour
	// pause is the least time between two questions: tokens with made-up key ids
	// cost the issuer no more than this.
	pause = 10 * time.Second

	maxAnswerBytes = 1 << 20
	maxKeys        = 64
)

// keys are what an issuer publishes. Discovery is part of each look, so that an
// issuer may move its keys.
type keys struct {
	issuer string
	client *http.Client
	limit  time.Duration // of a look
	now    func() time.Time
	report func(error)

	mu      sync.Mutex
	set     []jose.JSONWebKey
	fetched time.Time     // when set came; zero: never
	asked   time.Time     // when the last look began, or ended
	failed  bool          // it brought nothing
	running chan struct{} // closed when the look that runs has ended; nil: none runs
}

func newKeys(cfg Config) *keys {
	transport := cfg.Transport
	if transport == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.DisableKeepAlives = true // one look an hour: a connection would only be in the way
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

// find returns the keys that a token with the key id kid may be signed with; all
// of them if it has none. An id that is not known is looked for at the issuer,
// at most once every pause: a key that is new is in use at most so much later.
func (k *keys) find(ctx context.Context, kid string) ([]jose.JSONWebKey, error) {
	for looked := false; ; looked = true {
		k.mu.Lock()
		now := k.now()
		found := k.matching(kid, now)
		wait := k.look(now, len(found) > 0)
		failed := k.failed
		k.mu.Unlock()
		switch {
		case len(found) > 0:
			return found, nil
		case (looked || wait == nil) && failed:
			return nil, auth.ErrUnavailable
		case looked || wait == nil:
			return nil, auth.ErrCredentials
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, auth.ErrUnavailable
		}
	}
}

// newer returns the keys of a look that began after set came, nil if there is
// none to be had now: a token without a key id does not tell that its key is new.
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

// matching returns the keys with an id, while they are fresh enough to be used.
func (k *keys) matching(kid string, now time.Time) []jose.JSONWebKey {
	if k.fetched.IsZero() || now.Sub(k.fetched) > stale {
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

// look starts a look at the issuer if it is time for one, and returns what to
// wait for; nil if none runs.
func (k *keys) look(now time.Time, found bool) <-chan struct{} {
	due := !found || now.Sub(k.fetched) > refresh
	if k.running == nil && due && (k.asked.IsZero() || now.Sub(k.asked) >= pause) {
		k.asked = now
		k.running = make(chan struct{})
		go k.update()
	}
	return k.running
}

// update looks at the issuer. It is nobody's request: whoever waits for it may
// leave, and the others still get the keys.
func (k *keys) update() {
	ctx, cancel := context.WithTimeout(context.Background(), k.limit)
	defer cancel()
	set, err := k.fetch(ctx)
	if err != nil && k.report != nil {
		k.report(fmt.Errorf("%s: %s", k.issuer, inOneLine(err.Error())))
	}

	k.mu.Lock()
	defer k.mu.Unlock()
	k.failed = err != nil
	k.asked = k.now()
	if err == nil {
		k.set, k.fetched = set, k.asked
	}
	close(k.running)
	k.running = nil
}

// inOneLine makes an error fit to be shown: go-oidc's holds what the issuer
// answered, whatever that is.
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

// fetch asks the issuer where its keys are, and for them.
func (k *keys) fetch(ctx context.Context) ([]jose.JSONWebKey, error) {
	provider, err := gooidc.NewProvider(gooidc.ClientContext(ctx, k.client), k.issuer)
	if err != nil {
		return nil, err
	}
	var where struct {
		URL string `json:"jwks_uri"`
	}
	if err := provider.Claims(&where); err != nil {
		return nil, err
	}
	if err := checkURL(where.URL, true); err != nil {
		return nil, fmt.Errorf("jwks_uri: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, where.URL, nil)
	if err != nil {
		return nil, err
	}
	answer, err := k.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the keys: %s", answer.Status)
	}
	data, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	return parseKeys(data)
}

// parseKeys returns the keys of a set that can verify a signature. Others are
// passed over: kinds that we do not know, keys for encryption, and symmetric
// ones, which no issuer may publish and which would make an HMAC look signed. A
// set of which nothing is left is an error.
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

// bounded is a transport whose answers end in an error after maxAnswerBytes.
type bounded struct{ http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		answer.Body = http.MaxBytesReader(nil, answer.Body, maxAnswerBytes)
	}
	return answer, err
}

package session

import (
	"context"
	"crypto/hmac"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/server/auth/links"
	"github.com/bailiwick-fs/bailiwick/server/internal/cookie"
)

// A Way is how a session began.
type Way string

const (
	Password Way = "password" // with a user name and a password
	OIDC     Way = "oidc"     // at an OpenID Connect provider
)

// A Source tells whether a session of one way is still valid. It is asked at each request, so
// it answers from memory.
type Source interface {
	// Fingerprint returns a hash, keyed by key, of what a session of p depends on. If it
	// changes, the session has ended. ok is false if p cannot have a session now.
	Fingerprint(p auth.Principal, key []byte) (hash []byte, ok bool)
}

// A Config configures sessions.
type Config struct {
	// Keys seals the cookies. It is required.
	Keys *Keys

	// Passwords and OIDC are the sources of each way; a session of a way without a source
	// is invalid. htpasswd.Users and oidc.Client are Sources.
	Passwords, OIDC Source

	// Qualify returns a principal of OIDC with its full name, at each request, as
	// [auth.Chain.QualifySigned] does. It is required with OIDC: a name of one source must
	// not be taken for that of another.
	Qualify func(auth.Principal) (auth.Principal, error)

	// Keep, if set, returns the part of a principal that its session keeps, before it is
	// sealed: a cookie has no room for a hundred groups, and access rules use few of them.
	Keep func(auth.Principal) auth.Principal

	MaxAge time.Duration // after which a user must sign in again; default 12 h
	Idle   time.Duration // for which a session lasts without a renewal, see auth.Renewer; default 2 h

	// OnCheck, if set, is called for each cookie that was looked at: with nil, with
	// [auth.ErrExpired] for a session that is over, for whatever reason, or with
	// [auth.ErrCredentials] for a cookie that never was a session. It is called concurrently.
	OnCheck func(error)

	// Clock decides whether sessions are over. It never goes back, so what is over stays so.
	// Sessions with the same Keys should share one. nil makes one for these Sessions.
	Clock *links.Clock
	Now   func() time.Time // the system time, for Clock; default time.Now
}

// Sessions is an [auth.Authenticator] that adds sessions to another one. It is immutable
// and safe for concurrent use. The zero Sessions and nil return auth.ErrUnavailable for
// every request.
//
// Credentials in the request override the session: with an Authorization header or a
// client certificate, next alone decides, so wrong credentials beside a valid session are
// wrong credentials.
//
// A cookie of a session that is over, or that no key opens, is ignored in a GET or HEAD. For
// other methods it is auth.ErrExpired or auth.ErrCredentials: a user's change must not be made
// anonymously because the session ended meanwhile, or its key was removed.
type Sessions struct {
	next auth.Authenticator
	cfg  Config
}

var _ auth.Renewer = (*Sessions)(nil)

// clockSkew is how far the clocks of servers that share sessions may differ.
const clockSkew = time.Minute

// New returns Sessions over next, which authenticates all other credentials. It panics if
// next is nil, if there are no Keys, if OIDC has no Qualify, or if a time is negative.
func New(next auth.Authenticator, cfg Config) *Sessions {
	switch {
	case next == nil:
		panic("session.New: next is nil")
	case cfg.Keys == nil || len(cfg.Keys.ring) == 0:
		panic("session.New: Config.Keys has no key; load one with LoadKeys or ReadKeys")
	case cfg.OIDC != nil && cfg.Qualify == nil:
		panic("session.New: Config.OIDC is set, but Config.Qualify is not")
	case cfg.MaxAge < 0 || cfg.Idle < 0:
		panic("session.New: a time is negative")
	}
	if cfg.MaxAge == 0 {
		cfg.MaxAge = 12 * time.Hour
	}
	if cfg.Idle == 0 {
		cfg.Idle = 2 * time.Hour
	}
	if cfg.Keep == nil {
		cfg.Keep = func(p auth.Principal) auth.Principal { return p }
	}
	if cfg.OnCheck == nil {
		cfg.OnCheck = func(error) {}
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Clock == nil {
		cfg.Clock = &links.Clock{}
	}
	return &Sessions{next: next, cfg: cfg}
}

// Challenges implements [auth.Authenticator]: those of next, since no challenge asks for a
// cookie.
func (s *Sessions) Challenges() []string {
	if s == nil || s.next == nil {
		return nil
	}
	return s.next.Challenges()
}

// Authenticate implements [auth.Authenticator]. It is AuthenticateRenew without a renewal.
func (s *Sessions) Authenticate(r *http.Request) (auth.Principal, bool, error) {
	p, ok, _, err := s.AuthenticateRenew(r)
	return p, ok, err
}

// AuthenticateRenew implements [auth.Renewer]. The Method of a principal with a session is
// auth.MethodSession. A session is renewed when a quarter of Config.Idle has passed.
func (s *Sessions) AuthenticateRenew(r *http.Request) (p auth.Principal, ok bool, renewal string, err error) {
	if s == nil || s.next == nil {
		return auth.Principal{}, false, "", auth.ErrUnavailable
	}
	p, ok, err = s.next.Authenticate(r)
	if ok || err != nil || len(r.Header["Authorization"]) > 0 {
		return p, ok, "", err
	}
	value, given := cookie.Find(r, cookie.Session)
	if !given {
		return p, false, "", nil
	}
	safe := r.Method == http.MethodGet || r.Method == http.MethodHead
	now := s.Now(r.Context())
	kept, who, err := s.check(value, now)
	s.cfg.OnCheck(err)
	switch {
	case err != nil && safe:
		return p, false, "", nil
	case err != nil:
		return p, false, "", err
	}
	if now.Unix()-kept.Seen >= int64(s.cfg.Idle/(4*time.Second)) {
		kept.Seen = now.Unix()
		if value, err := s.seal(kept); err == nil {
			renewal = cookie.Set(r, cookie.Session, value, 0)
		}
	}
	return who, true, renewal, nil
}

// A state is what a cookie holds.
type state struct {
	Way         Way                 `json:"w"`
	Name        string              `json:"n"` // of OIDC, without a suffix
	Groups      []string            `json:"g,omitempty"`
	Claims      map[string][]string `json:"c,omitempty"`
	Began       int64               `json:"b"` // seconds since 1970
	Seen        int64               `json:"s"` // when it was renewed
	Fingerprint []byte              `json:"f"`
}

func (k *state) principal() auth.Principal {
	return auth.Principal{Name: k.Name, Groups: k.Groups, Claims: k.Claims, Method: auth.MethodSession}
}

// Now returns the time by Config.Clock, by which what belongs to a sign-in expires.
func (s *Sessions) Now(ctx context.Context) time.Time {
	if s == nil || s.next == nil {
		return time.Now()
	}
	return s.cfg.Clock.Now(ctx, s.cfg.Now())
}

// check returns the session in a cookie, and its principal. The error is auth.ErrExpired for
// what was a session once.
func (s *Sessions) check(sealed string, at time.Time) (*state, auth.Principal, error) {
	value, by, ok := s.cfg.Keys.open(purposeSession, sealed)
	if !ok {
		return nil, auth.Principal{}, auth.ErrCredentials
	}
	kept := new(state)
	if json.Unmarshal(value, kept) != nil || kept.Name == "" {
		return nil, auth.Principal{}, auth.ErrCredentials
	}
	p := kept.principal()
	fingerprint, ok := s.fingerprint(kept.Way, p, by)
	if !ok || !hmac.Equal(fingerprint, kept.Fingerprint) {
		return nil, auth.Principal{}, auth.ErrExpired
	}
	now, skew := at.Unix(), int64(clockSkew/time.Second)
	switch {
	case kept.Began > now+skew || kept.Seen > now+skew || kept.Seen < kept.Began, now-kept.Began >= int64(s.cfg.MaxAge/time.Second), now-kept.Seen >= int64(s.cfg.Idle/time.Second):
		return nil, auth.Principal{}, auth.ErrExpired
	}
	if kept.Way == OIDC {
		var err error
		if p, err = s.cfg.Qualify(p); err != nil {
			return nil, auth.Principal{}, auth.ErrExpired
		}
	}
	if p.Anyone() || auth.Reserved(p.Name) {
		return nil, auth.Principal{}, auth.ErrExpired
	}
	return kept, p, nil
}

const purposeSession = "session"

// fingerprint returns that of a principal by the source of its way, keyed for a key of the
// ring: what one key has sealed helps nobody who has another.
func (s *Sessions) fingerprint(way Way, p auth.Principal, by *key) ([]byte, bool) {
	var source Source
	switch way {
	case Password:
		source = s.cfg.Passwords
	case OIDC:
		source = s.cfg.OIDC
	}
	if source == nil {
		return nil, false
	}
	return source.Fingerprint(p, by.mac)
}

// ErrTooLarge is the error of a principal that does not fit into a cookie.
var ErrTooLarge = errors.New("session: the groups and claims of the user do not fit into a cookie")

// seal returns the value of a cookie, with the fingerprint of now.
func (s *Sessions) seal(k *state) (string, error) {
	var ok bool
	if k.Fingerprint, ok = s.fingerprint(k.Way, k.principal(), &s.cfg.Keys.ring[0]); !ok {
		return "", auth.ErrCredentials
	}
	data, err := json.Marshal(k)
	if err != nil {
		return "", err
	}
	value := s.cfg.Keys.Seal(purposeSession, data)
	if len(value) > MaxSealedBytes {
		return "", ErrTooLarge
	}
	return value, nil
}

// Begin begins a session of p, who has just signed in, and sets its cookie. It is always a new
// one, so a cookie that an attacker has planted in this browser is worthless. The name of a
// principal of OIDC is the one without a suffix. Begin returns the principal that requests with
// the cookie have. The error is ErrTooLarge, or auth.ErrCredentials for a principal that cannot
// have a session.
func (s *Sessions) Begin(w http.ResponseWriter, r *http.Request, way Way, p auth.Principal) (auth.Principal, error) {
	if s == nil || s.next == nil {
		return auth.Principal{}, auth.ErrUnavailable
	}
	at := s.Now(r.Context())
	now := at.Unix()
	p = s.cfg.Keep(p)
	value, err := s.seal(&state{Way: way, Name: p.Name, Groups: p.Groups, Claims: p.Claims, Began: now, Seen: now})
	if err != nil {
		return auth.Principal{}, err
	}
	_, who, err := s.check(value, at)
	if err != nil {
		return auth.Principal{}, auth.ErrCredentials
	}
	w.Header().Add("Set-Cookie", cookie.Set(r, cookie.Session, value, 0))
	return who, nil
}

// End makes the browser forget the session.
func (s *Sessions) End(w http.ResponseWriter, r *http.Request) {
	w.Header().Add("Set-Cookie", cookie.Remove(r, cookie.Session))
}

// CheckPassword returns the principal of a user name and a password that are not in a header of
// r, such as those of a form. It asks next as if they were in an Authorization header, so the
// limit of failures and all else is the same. The error is one of [auth.Authenticator].
func (s *Sessions) CheckPassword(r *http.Request, name, password string) (auth.Principal, error) {
	if s == nil || s.next == nil {
		return auth.Principal{}, auth.ErrUnavailable
	}
	if strings.Contains(name, ":") {
		return auth.Principal{}, auth.ErrCredentials // a header would end the name there
	}
	asked := new(http.Request)
	*asked = *r
	asked.Header = r.Header.Clone()
	asked.Header["Authorization"] = []string{"Basic " + base64.StdEncoding.EncodeToString([]byte(name+":"+password))}
	p, ok, err := s.next.Authenticate(asked)
	if err == nil && !ok {
		err = auth.ErrCredentials
	}
	return p, err
}

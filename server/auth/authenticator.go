package auth

import (
	"errors"
	"net/http"
	"time"
)

// An Authenticator authenticates requests. It is safe for concurrent use.
type Authenticator interface {
	// Authenticate returns the principal of r. If r has no credentials of a kind that the
	// Authenticator supports, ok is false and the principal is anonymous. On an error ok
	// is false, and r must not be treated as anonymous:
	//
	//	ErrCredentials   wrong, malformed or expired: 401
	//	ErrThrottled     too many failures from this client: 429, see [RetryAfter]
	//	ErrUnavailable   cannot be checked now: 503
	//
	// Every error matches one of these, and no error contains a secret.
	Authenticate(r *http.Request) (p Principal, ok bool, err error)

	// Challenges returns the values of WWW-Authenticate for a 401. It returns none if only
	// credentials that no header carries are supported.
	Challenges() []string
}

// A Renewer is an [Authenticator] whose credentials are renewed while they are used, as
// those of package session are.
type Renewer interface {
	Authenticator

	// AuthenticateRenew is Authenticate. If the credentials should be renewed, renewal is
	// the value of a Set-Cookie, else "". It must not be sent in a response that a cache
	// may store and send to others, and not later than about a second: it would undo that
	// the user signed out meanwhile.
	AuthenticateRenew(r *http.Request) (p Principal, ok bool, renewal string, err error)
}

// Errors of an [Authenticator] and of the interfaces that it calls.
var (
	ErrCredentials = errors.New("auth: wrong credentials")
	ErrThrottled   = errors.New("auth: too many failures")
	ErrUnavailable = errors.New("auth: cannot check credentials now")

	// ErrExpired also matches ErrCredentials. The credentials were once genuine, so
	// presenting them is not a guess and does not count as a failure.
	ErrExpired error = expired{}
)

type expired struct{}

func (expired) Error() string { return "auth: expired credentials" }
func (expired) Unwrap() error { return ErrCredentials }

// throttled is an ErrThrottled that knows when a retry can succeed.
type throttled struct{ after time.Duration }

func (throttled) Error() string { return ErrThrottled.Error() }
func (throttled) Unwrap() error { return ErrThrottled }

// RetryAfter returns how long the client should wait after err, which matches
// ErrThrottled. It is at least one second, because Retry-After has whole seconds.
func RetryAfter(err error) time.Duration {
	var t throttled
	if errors.As(err, &t) && t.after > time.Second {
		return (t.after + time.Second - 1).Truncate(time.Second)
	}
	return time.Second
}

package auth

import (
	"errors"
	"net/http"
	"time"
)

// An Authenticator finds out who sent a request. It is safe for concurrent use.
type Authenticator interface {
	// Authenticate returns who sent r. Where r has no credentials of a kind
	// that the Authenticator knows, ok is false and the sender is anyone. With
	// an error ok is false, and the request must not be answered as anyone's:
	//
	//	ErrCredentials   wrong, malformed or expired: 401
	//	ErrThrottled     too many failures from this client: 429, see [RetryAfter]
	//	ErrUnavailable   cannot be judged now: 503
	//
	// Every error matches one of these, and none holds a secret.
	Authenticate(r *http.Request) (p Principal, ok bool, err error)

	// Challenges returns values of WWW-Authenticate for a 401, none where only
	// credentials could help that no header carries.
	Challenges() []string
}

// What an [Authenticator] and the kinds of credentials that it asks say.
var (
	ErrCredentials = errors.New("auth: wrong credentials")
	ErrThrottled   = errors.New("auth: too many failures")
	ErrUnavailable = errors.New("auth: cannot judge credentials now")

	// ErrExpired matches ErrCredentials, too. These credentials were genuine
	// once, so presenting them is no guess and counts as no failure.
	ErrExpired error = expired{}
)

type expired struct{}

func (expired) Error() string { return "auth: expired credentials" }
func (expired) Unwrap() error { return ErrCredentials }

// throttled is ErrThrottled with the time after which it is worth trying again.
type throttled struct{ after time.Duration }

func (throttled) Error() string { return ErrThrottled.Error() }
func (throttled) Unwrap() error { return ErrThrottled }

// RetryAfter returns how long the client that met err, which matches
// ErrThrottled, should wait: at least a second, as the header has whole ones.
func RetryAfter(err error) time.Duration {
	var t throttled
	if errors.As(err, &t) && t.after > time.Second {
		return (t.after + time.Second - 1).Truncate(time.Second)
	}
	return time.Second
}

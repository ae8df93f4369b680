package clients

import (
	"context"
	"net/http"
	"strings"
)

type overTLSKey struct{}

// WithTLS returns a context that says that the client's own connection, to a trusted proxy,
// uses TLS.
func WithTLS(ctx context.Context) context.Context {
	return context.WithValue(ctx, overTLSKey{}, true)
}

// OverTLS reports whether the client sent r over TLS, to this server or to a trusted proxy.
func OverTLS(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	over, _ := r.Context().Value(overTLSKey{}).(bool)
	return over
}

// ForwardedTLS reports whether X-Forwarded-Proto, of a trusted peer, says that its client
// uses TLS. The last value counts: the nearest proxy has added it.
func ForwardedTLS(forwardedProto []string) bool {
	if len(forwardedProto) == 0 {
		return false
	}
	last := forwardedProto[len(forwardedProto)-1]
	last = last[strings.LastIndexByte(last, ',')+1:]
	return strings.EqualFold(strings.Trim(last, " \t"), "https")
}

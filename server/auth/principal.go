// Package auth says who is asking.
package auth

import "context"

// A Principal is who asks. The zero Principal is anyone: a request without
// credentials.
type Principal struct {
	Name   string              // as the source of the credentials has it; "" is anyone
	Groups []string            // the groups it is in
	Claims map[string][]string // further facts that its credentials vouch for
	Method string              // how it proved itself: "basic", "token", "oidc", "certificate", "link"
}

// Anyone reports whether there were no credentials.
func (p Principal) Anyone() bool { return p.Name == "" }

// String returns the name for records, "anyone" for the zero Principal.
func (p Principal) String() string {
	if p.Anyone() {
		return "anyone"
	}
	return p.Name
}

type principalKey struct{}

// WithPrincipal returns a context that carries p, for handlers and a
// vfs.Policy's Authorize.
func WithPrincipal(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, p)
}

// FromContext returns the Principal that ctx carries, or the zero Principal.
func FromContext(ctx context.Context) Principal {
	p, _ := ctx.Value(principalKey{}).(Principal)
	return p
}

// Package auth authenticates requests.
package auth

import (
	"context"
	"strings"
)

// A Principal is the authenticated sender of a request. The zero Principal is anonymous:
// a request without credentials.
type Principal struct {
	Name   string              // unique; "" is anonymous
	Groups []string            // the groups that it is a member of
	Claims map[string][]string // further attributes from its credentials
	Method string              // how it authenticated: "basic", "token", "oidc", "certificate", "link", MethodSession
}

// MethodSession is the Method of a principal who signed in with a browser before.
const MethodSession = "session"

// Anyone reports whether p is anonymous.
func (p Principal) Anyone() bool { return p.Name == "" }

// String returns the name for logs, "anyone" for the zero Principal.
func (p Principal) String() string {
	if p.Anyone() {
		return anyone
	}
	return p.Name
}

const anyone = "anyone"

// LinkPrefix precedes, in logs, the id of a signed link without a user.
const LinkPrefix = "link:"

// Reserved reports whether logs use name for something else: for anonymous requests or
// for a signed link. No credentials are accepted for such a name, since a user could
// otherwise choose to be mistaken for them.
func Reserved(name string) bool { return name == anyone || strings.HasPrefix(name, LinkPrefix) }

// MaxNameBytes limits the name of a principal. Logs truncate longer names and catalogs
// store no longer owners, so two longer names could be confused.
const MaxNameBytes = 255

// named reports whether logs can distinguish p from all other principals.
func (p Principal) named() bool {
	return !p.Anyone() && !Reserved(p.Name) && len(p.Name) <= MaxNameBytes
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

// Package auth says who is asking.
package auth

import (
	"context"
	"strings"
)

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
		return anyone
	}
	return p.Name
}

const anyone = "anyone"

// LinkPrefix is before the id of a signed link that acts as no user, in records.
const LinkPrefix = "link:"

// Reserved reports whether records show name for somebody else: for those without
// credentials, or for a signed link. No credentials are good for such a name, or a user
// could choose to be taken for them.
func Reserved(name string) bool { return name == anyone || strings.HasPrefix(name, LinkPrefix) }

// MaxNameBytes bounds the name of a principal. Records cut longer ones, and a catalog keeps
// no longer owner, so two could be taken for one.
const MaxNameBytes = 255

// named reports whether p is somebody whom a record tells from all others.
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

package auth

import (
	"context"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A Grant permits one operation that access rules alone may not: the one that a signed
// link is for. The zero Grant, and one without a Name, grant nothing.
type Grant struct {
	Op   vfs.Op
	Name vfs.Name

	// NewName, with OpUpload, matches any name that the server generates.
	NewName bool
}

type grantKey struct{}

// WithGrant returns a context that carries g.
func WithGrant(ctx context.Context, g Grant) context.Context {
	return context.WithValue(ctx, grantKey{}, g)
}

// Granted reports whether ctx carries a Grant for op on n.
func Granted(ctx context.Context, op vfs.Op, n vfs.Name) bool {
	g, ok := ctx.Value(grantKey{}).(Grant)
	if !ok || g.Op != op || op == "" || n.IsZero() {
		return false
	}
	return g.Name == n || g.NewName && op == vfs.OpUpload
}

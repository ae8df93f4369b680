package access

import (
	"context"

	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// OpShare is the right to give others a link that opens a name without credentials. Package vfs
// does not know it. It grants nothing else: a user who may share a name can do no more with it
// than before. For a directory, see [MayShare].
const OpShare vfs.Op = "share"

// A Share is what the link of a share leads to. It restricts the requests that use the link.
// The zero Share permits nothing.
type Share struct {
	Path vfs.Name // the object, or the directory
	Dir  bool     // Path is a directory: what lies below it is shared
	// Upload permits creating objects below Path, and nothing else. It needs Dir.
	Upload bool
}

type shareKey struct{}

// WithShare returns a context for a request that uses the link of s, which issuer gave out.
// Only the Authorizer of [Shared] looks at s.
func WithShare(ctx context.Context, s Share, issuer auth.Principal) context.Context {
	// A grant would open what the issuer may not.
	ctx = auth.WithGrant(auth.WithPrincipal(ctx, issuer), auth.Grant{})
	return context.WithValue(ctx, shareKey{}, s)
}

// MayShare reports whether a permits the principal of ctx to share n, which is an object or,
// with dir, a directory. It is true for a directory if something below it could be shared. It
// does not ask whether the principal may read n; the share would not open it then.
func MayShare(ctx context.Context, a vfs.Authorizer, n vfs.Name, dir bool) bool {
	if a == nil || auth.FromContext(ctx).Anyone() {
		return false
	}
	if l, ok := a.(*List); ok && dir {
		_, ok := l.decide(auth.FromContext(ctx), OpShare, vfs.OpList, n, nil)
		return ok
	}
	return a.Authorize(ctx, OpShare, n) == nil
}

// Shared returns the Authorizer for requests that use the link of a share. It permits an
// operation that the [Share] covers if a permits the issuer, at that moment, both to perform
// and to share it. Without a Share in the context, it permits nothing. So a share has no rights
// of its own, and ends with those of its issuer.
func Shared(a vfs.Authorizer) Authorizer { return shared{a} }

type shared struct{ base vfs.Authorizer }

var _ Authorizer = shared{}

func (s shared) Authorize(ctx context.Context, op vfs.Op, n vfs.Name) error {
	share, _ := ctx.Value(shareKey{}).(Share)
	if s.base == nil || !share.covers(op, n) || !MayShare(ctx, s.base, n, op == vfs.OpList) {
		return ErrDenied
	}
	return s.base.Authorize(ctx, op, n)
}

// covers reports whether op on n lies within the share.
func (s Share) covers(op vfs.Op, n vfs.Name) bool {
	if s.Path.IsZero() || n.IsZero() || s.Upload && !s.Dir {
		return false
	}
	below := s.Dir && n != s.Path && within(n, s.Path)
	switch op {
	case vfs.OpRead:
		return !s.Upload && (below || !s.Dir && n == s.Path)
	case vfs.OpList:
		return !s.Upload && s.Dir && (below || n == s.Path)
	case vfs.OpWrite:
		return s.Upload && below
	}
	return false
}

// within reports whether n is dir or lies below it.
func within(n, dir vfs.Name) bool {
	_, ok := n.Within(dir)
	return ok
}

// Open returns false: a client without the link may do nothing.
func (shared) Open(vfs.Op) bool { return false }

// OpenTo returns false, which keeps responses out of caches.
func (shared) OpenTo(vfs.Op, vfs.Name) bool { return false }

package access

import (
	"context"

	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A Func is an [Authorizer] in the form of one function, for programs with their own
// users and permissions: it reports whether p may do op on n. p is the zero Principal
// for an anonymous request. For OpList, n is a directory. A nil Func authorizes nothing.
//
// Open and OpenTo always return false. Whatever a Func allows, it may have decided by the
// context of that request, so all responses are kept out of caches. A refused anonymous
// request gets a 401 if the handler supports authentication, or the response of
// server.Auth.Unauthorized. That applies to missing and forbidden names alike.
//
// A Func is called concurrently, several times per request, and for every entry of a
// listing. Like any Authorizer, it must not access the backend.
type Func func(ctx context.Context, p auth.Principal, op vfs.Op, n vfs.Name) bool

var _ Authorizer = Func(nil)

// Authorize permits what a signed link grants, and what f permits for the principal of
// ctx.
func (f Func) Authorize(ctx context.Context, op vfs.Op, n vfs.Name) error {
	if auth.Granted(ctx, op, n) || f != nil && f(ctx, auth.FromContext(ctx), op, n) {
		return nil
	}
	return ErrDenied
}

// Open returns false: see [Func].
func (Func) Open(vfs.Op) bool { return false }

// OpenTo returns false: see [Func].
func (Func) OpenTo(vfs.Op, vfs.Name) bool { return false }

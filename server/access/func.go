package access

import (
	"context"

	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A Func is an [Authorizer] made of one function, for programs with their own users and
// permissions: it reports whether p may do op to n. p is the zero Principal for an anonymous
// caller. For OpList n is a directory. A nil Func allows nothing.
//
// What Func returns for the zero Principal determines what caches may keep. It says that no
// operation is open to anyone, so an anonymous request that is refused gets 401 if the
// handler knows credentials, or is answered by server.Auth.Unauthorized. That holds for
// missing and forbidden names alike.
//
// A Func is called concurrently, several times per request, and for every entry of a
// listing. Like any Authorizer, it must not look at the backend.
type Func func(ctx context.Context, p auth.Principal, op vfs.Op, n vfs.Name) bool

var _ Authorizer = Func(nil)

// Authorize allows what a signed link grants, and what f allows the principal of ctx.
func (f Func) Authorize(ctx context.Context, op vfs.Op, n vfs.Name) error {
	if auth.Granted(ctx, op, n) || f != nil && f(ctx, auth.FromContext(ctx), op, n) {
		return nil
	}
	return ErrDenied
}

// Open returns false: see [Func].
func (Func) Open(vfs.Op) bool { return false }

// OpenTo calls f for the zero Principal.
func (f Func) OpenTo(op vfs.Op, n vfs.Name) bool {
	return f != nil && f(context.Background(), auth.Principal{}, op, n)
}

package access_test

import (
	"context"
	"testing"

	"github.com/bailiwick-fs/bailiwick/server/access"
	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A Func may decide by the context of the request, which caches know nothing of. So nothing
// that it allows is open to everyone, and it is not called without a request.
func TestFuncOpensNothing(t *testing.T) {
	type network struct{}
	f := access.Func(func(ctx context.Context, _ auth.Principal, _ vfs.Op, _ vfs.Name) bool {
		return ctx.Value(network{}).(string) == "inside"
	})
	if err := f.Authorize(context.WithValue(t.Context(), network{}, "inside"), vfs.OpRead, name(t, "a")); err != nil {
		t.Error(err)
	}
	if f.OpenTo(vfs.OpRead, name(t, "a")) || f.Open(vfs.OpRead) {
		t.Error("open to everyone")
	}
}

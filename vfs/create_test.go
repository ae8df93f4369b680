package vfs_test

import (
	"context"
	"errors"
	"testing"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// Who may not write a name does not learn that nobody could create it: over HTTP
// that is a 422 among 404s, and says that the policy lets the name through.
func TestAuthorizeComesBeforeCreate(t *testing.T) {
	mayWrite := false
	j, b := writable(t, vfs.Policy{Allow: vfs.Patterns("**"), Authorize: func(context.Context, vfs.Op, vfs.Name) error {
		if mayWrite {
			return nil
		}
		return errors.New("not his")
	}})
	for _, c := range []struct {
		mayWrite bool
		name     string
		want     vfs.Reason
	}{
		{false, "a:b", vfs.ReasonAuthDenied},
		{true, "a:b", vfs.ReasonCreateChar},
		{true, "aux.txt", vfs.ReasonCreateDevice},
		{true, "a", ""},
	} {
		mayWrite = c.mayWrite
		if v := j.Explain(t.Context(), vfs.OpWrite, name(t, c.name)); v.Reason != c.want || v.Allowed != (c.want == "") {
			t.Errorf("%s, may write: %t: %q, want %q", c.name, c.mayWrite, v.Reason, c.want)
		}
	}
	if n := b.calls.Load(); n != 0 {
		t.Errorf("%d backend calls", n)
	}
}

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
	j, b := writable(t, vfs.Policy{Allow: vfs.Patterns("**"), Authorize: vfs.AuthorizeFunc(func(context.Context, vfs.Op, vfs.Name) error {
		if mayWrite {
			return nil
		}
		return errors.New("not his")
	})})
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

// A file that may not be read is hidden, also under patterns that would let a
// directory of its name be seen.
func TestHiddenFileIsNoVisibleSibling(t *testing.T) {
	j, b := writable(t, vfs.Policy{Allow: vfs.Patterns("**/*.txt")})
	seed(t, b, "notes.TXT", "Dir/a.txt")
	for s, want := range map[string]vfs.Reason{
		"notes.txt":  vfs.ReasonHiddenSibling,
		"dir/b.txt":  vfs.ReasonCreateSibling,
		"dir/A.txt":  vfs.ReasonCreateSibling,
		"other.txt":  "",
		"Dir/bb.txt": "",
	} {
		if _, err := put(t, j, s, "new", vfs.PutOptions{}); vfs.ReasonOf(err) != want || (err == nil) != (want == "") {
			t.Errorf("%s: %v, reason %q, want %q", s, err, vfs.ReasonOf(err), want)
		}
	}
}

package vfs_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// A caller that may not write a name must not learn that nobody could create it: over
// HTTP that would be a 422 among 404s, and would reveal that the policy allows the
// name.
func TestAuthorizeComesBeforeCreate(t *testing.T) {
	mayWrite := false
	j, b := writable(t, vfs.Policy{Allow: vfs.Patterns("**"), Authorize: vfs.AuthorizeFunc(func(context.Context, vfs.Op, vfs.Name) error {
		if mayWrite {
			return nil
		}
		return errors.New("not the owner")
	})})
	for _, c := range []struct {
		mayWrite bool
		name     string
		want     vfs.Reason
	}{
		{false, "a:b", reason.AuthDenied},
		{true, "a:b", reason.CreateChar},
		{true, "aux.txt", reason.CreateDevice},
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

// A file that may not be read is hidden, even under patterns that would show a
// directory of its name.
func TestHiddenFileIsNoVisibleSibling(t *testing.T) {
	j, b := writable(t, vfs.Policy{Allow: vfs.Patterns("**/*.txt")})
	seed(t, b, "notes.TXT", "Dir/a.txt")
	for s, want := range map[string]vfs.Reason{
		"notes.txt":  reason.HiddenSibling,
		"dir/b.txt":  reason.CreateSibling,
		"dir/A.txt":  reason.CreateSibling,
		"other.txt":  "",
		"Dir/bb.txt": "",
	} {
		if _, err := put(t, j, s, "new", vfs.PutOptions{}); vfs.ReasonOf(err) != want || (err == nil) != (want == "") {
			t.Errorf("%s: %v, reason %q, want %q", s, err, vfs.ReasonOf(err), want)
		}
	}
}

// A created name has at most 64 elements, whichever way it is created. Existing deeper
// names can be read and removed.
func TestCreateDepth(t *testing.T) {
	j, b := writable(t, vfs.Policy{Allow: vfs.Patterns("**")})
	deep := func(elements int) string { return strings.Repeat("d/", elements-1) + "f" }
	seed(t, b, "source", deep(65))
	for _, c := range []struct {
		elements int
		want     vfs.Reason
	}{{1, ""}, {64, ""}, {65, reason.CreateDepth}, {66, reason.CreateDepth}, {510, reason.CreateDepth}} {
		n := name(t, deep(c.elements))
		before := b.calls.Load()
		_, putErr := j.Put(t.Context(), n, strings.NewReader("x"), vfs.PutOptions{})
		_, copyErr := j.Copy(t.Context(), n, j, name(t, "source"), vfs.PutOptions{})
		for what, err := range map[string]error{"Put": putErr, "Copy": copyErr} {
			if vfs.ReasonOf(err) != c.want || (err == nil) != (c.want == "") {
				t.Errorf("%s of %d elements: %v, reason %q, want %q", what, c.elements, err, vfs.ReasonOf(err), c.want)
			}
		}
		if c.want != "" {
			if _, err := j.Create(t.Context(), n, strings.NewReader("x"), vfs.PutOptions{}); vfs.ReasonOf(err) != c.want {
				t.Errorf("Create of %d elements: %v, reason %q, want %q", c.elements, err, vfs.ReasonOf(err), c.want)
			}
			if calls := b.calls.Load() - before; calls != 0 {
				t.Errorf("%d elements: %d calls of the backend", c.elements, calls)
			}
		}
		for _, op := range []vfs.Op{vfs.OpWrite, vfs.OpUpload} {
			if v := j.Explain(t.Context(), op, n); v.Reason != c.want {
				t.Errorf("Explain(%s) of %d elements: %q, want %q", op, c.elements, v.Reason, c.want)
			}
		}
	}
	if got := content(t, j, deep(65)); got != "seed" {
		t.Errorf("reading a deep name: %q", got)
	}
	if _, err := j.Remove(t.Context(), name(t, deep(65)), vfs.Cond{}); err != nil {
		t.Errorf("removing a deep name: %v", err)
	}
}

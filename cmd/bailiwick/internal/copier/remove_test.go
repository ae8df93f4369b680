package copier

import (
	"bytes"
	"context"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// In a source without directories, an object can have the name of a directory. It is removed
// with what is below, or reported, unless there certainly is none or the rules hide it.
func TestRemoveObjectAbove(t *testing.T) {
	missing := &vfs.Error{Op: "stat", Name: "docs", Reason: reason.Missing}
	refused := &vfs.Error{Op: "stat", Name: "docs", Reason: reason.Permission}
	down := &vfs.Error{Op: "stat", Name: "docs", Err: vfs.ErrUnavailable}
	for _, tt := range []struct {
		what         string
		head, remove error
		hidden       bool
		tried        bool
		said         string // of the object; "" if the run succeeds
	}{
		{what: "there is one", tried: true},
		{what: "there is none", head: missing, remove: missing},
		{what: "no answer to the first question", head: down, tried: true},
		{what: "no answer", head: down, remove: down, tried: true, said: "docs: "},
		{what: "no permission", head: refused, remove: refused, tried: true, said: "docs: no permission"},
		{what: "the rules hide it", hidden: true},
	} {
		above := &objectAbove{Backend: mem.New(), head: tt.head, remove: tt.remove}
		put(t, jailOf(t, above.Backend), parse(t, "docs/a"), "a")
		rules := vfs.Policy{Allow: vfs.Patterns("**")}
		if tt.hidden {
			rules.Allow = vfs.Patterns("docs/*")
		}
		j, err := vfs.New(above, rules)
		if err != nil {
			t.Fatal(err)
		}
		said := new(bytes.Buffer)
		err = Remove(t.Context(), cli.Streams{Out: io.Discard, Err: said}, j, "above:", []string{"docs"}, RemoveOptions{Recursive: true, Parallel: 1})
		if failed := tt.said != ""; failed != (err != nil) || !strings.Contains(said.String(), tt.said) {
			t.Errorf("%s: %v, %q", tt.what, err, said)
		}
		if above.tried != tt.tried {
			t.Errorf("%s: tried to remove it: %t", tt.what, above.tried)
		}
		if got := names(t, above.Backend, false); !slices.Equal(got, nil) {
			t.Errorf("%s: the source has %q", tt.what, got)
		}
	}
}

// An objectAbove is a backend without directories that has an object "docs", besides those
// below it. Its calls fail with the errors given.
type objectAbove struct {
	vfs.Backend
	head, remove error
	tried        bool // to remove the object
}

func (o *objectAbove) Caps() vfs.Caps {
	caps := o.Backend.Caps()
	caps.Directories, caps.Walks = false, false
	return caps
}

func (o *objectAbove) Stat(ctx context.Context, n vfs.Name, req vfs.Request) (vfs.Info, error) {
	if n.String() == "docs" {
		return vfs.Info{Name: n, ETag: "1"}, o.head
	}
	return o.Backend.Stat(ctx, n, req)
}

func (o *objectAbove) Remove(ctx context.Context, n vfs.Name, cond vfs.Cond) error {
	if n.String() == "docs" {
		o.tried = true
		return o.remove
	}
	return o.Backend.Remove(ctx, n, cond)
}

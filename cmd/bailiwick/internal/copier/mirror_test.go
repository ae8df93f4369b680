package copier

import (
	"context"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// A directory of the target that cannot be listed is a failure of sync --delete, unless the
// rules hide it.
func TestDeleteUnlisted(t *testing.T) {
	for _, hidden := range []bool{false, true} {
		source, target := mem.New(), mem.New()
		put(t, jailOf(t, source), parse(t, "a"), "a")
		put(t, jailOf(t, target), parse(t, "closed/old"), "old")
		put(t, jailOf(t, target), parse(t, "old"), "old")
		c, said := newRun(t, source, target, Options{Delete: true})
		rules := vfs.Policy{Allow: vfs.Patterns("**")}
		if hidden {
			rules.Deny = vfs.Patterns("closed")
		}
		var err error
		if c.mirror, err = vfs.New(closed{target}, rules); err != nil {
			t.Fatal(err)
		}
		err = c.run(t.Context())
		if hidden != (err == nil) || hidden == strings.Contains(said.String(), "closed/: no permission to read it (permission)") {
			t.Errorf("hidden %t: %v, %q", hidden, err, said)
		}
		if got := names(t, target, false); !slices.Equal(got, []string{"a", "closed/old"}) {
			t.Errorf("hidden %t: the target has %q", hidden, got)
		}
	}
}

// closed is a backend whose directory "closed" cannot be listed.
type closed struct{ vfs.Backend }

func (c closed) Caps() vfs.Caps {
	caps := c.Backend.Caps()
	caps.Walks = false
	return caps
}

func (c closed) List(ctx context.Context, dir vfs.Name, after string) iter.Seq2[vfs.Entry, error] {
	if dir.String() == "closed" {
		return func(yield func(vfs.Entry, error) bool) {
			yield(vfs.Entry{}, &vfs.Error{Op: "list", Name: "closed", Reason: reason.Permission})
		}
	}
	return c.Backend.List(ctx, dir, after)
}

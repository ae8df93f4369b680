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
)

// newRun returns a run between two backends, and what it says.
func newRun(t *testing.T, source, target vfs.Backend, opts Options) (*copyRun, *bytes.Buffer) {
	t.Helper()
	said := new(bytes.Buffer)
	opts.Parallel, opts.Progress = 1, "never"
	c := &copyRun{std: cli.Streams{Out: io.Discard, Err: said}, opts: opts, source: jailOf(t, source), target: jailOf(t, target)}
	c.from, c.to = &location{written: "from", source: "mem:"}, &location{written: "to", source: "mem:"}
	c.mirror = c.target
	return c, said
}

// An object that is stored compressed stays if the target cannot record that, also when the
// move is repeated.
func TestMoveCoding(t *testing.T) {
	for _, dry := range []bool{true, false} {
		source, target := coded{mem.New()}, mem.New()
		put(t, jailOf(t, source), parse(t, "a.css"), "not really gzip")
		for range 2 {
			c, said := newRun(t, source, target, Options{Move: true, DryRun: dry})
			if dry {
				c.target = jailOf(t, &dryRunBackend{target, mem.New()})
			}
			err := c.run(t.Context())
			if err == nil || !strings.Contains(said.String(), "a.css: it is stored compressed (gzip)") {
				t.Errorf("dry run %t: %v, %q", dry, err, said)
			}
			if got := names(t, source, false); !slices.Equal(got, []string{"a.css"}) {
				t.Errorf("dry run %t: the source has %q", dry, got)
			}
		}
	}
}

// coded is a backend whose objects are all stored compressed.
type coded struct{ vfs.Backend }

func (c coded) Stat(ctx context.Context, n vfs.Name, req vfs.Request) (vfs.Info, error) {
	info, err := c.Backend.Stat(ctx, n, req)
	info.Encoding = "gzip"
	return info, err
}

func (c coded) Open(ctx context.Context, n vfs.Name, req vfs.Request) (*vfs.Object, error) {
	obj, err := c.Backend.Open(ctx, n, req)
	if err == nil {
		obj.Info.Encoding = "gzip"
	}
	return obj, err
}

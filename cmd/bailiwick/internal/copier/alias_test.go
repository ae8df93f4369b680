package copier

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
)

// Two endpoints can lead to one service, so mv and sync --delete refuse locations that
// overlap by bucket and prefix.
func TestOverlapRefused(t *testing.T) {
	const one, two = "?endpoint=http://127.0.0.1:1", "?endpoint=http://localhost:1"
	for _, tt := range []struct {
		from, to string
		refused  bool
	}{
		{"s3://bucket/a/" + one, "s3://bucket/a/" + two, true},
		{"s3://bucket/a/" + one, "s3://bucket/a/b/" + two, true},
		{"s3://bucket/a/b/" + one, "s3://bucket/a/" + two, true},
		{"s3://bucket/" + one, "s3://bucket/a/" + two, true},
		{"s3://bucket/a/" + one, "s3://bucket/ab/" + two, false},
		{"s3://bucket/a/" + one, "s3://other/a/" + two, false},
	} {
		for _, opts := range []Options{{Move: true, Parallel: 1}, {Tree: true, Delete: true, Parallel: 1}} {
			src, dst := location{written: tt.from, source: tt.from}, location{written: tt.to, source: tt.to}
			if got := sameKeys(&dst, &src); got != tt.refused {
				t.Errorf("%s and %s overlap: %t", tt.from, tt.to, got)
			}
			if !tt.refused {
				continue
			}
			var fatal *cli.ExitError
			err := Copy(t.Context(), cli.Streams{Out: new(bytes.Buffer), Err: new(bytes.Buffer)}, tt.from, tt.to, opts)
			if !errors.As(err, &fatal) || fatal.Code != cli.ExitUsage || !strings.Contains(fatal.Line, "same bucket name") {
				t.Errorf("from %s to %s: %v", tt.from, tt.to, err)
			}
		}
	}
	a := location{source: "s3://bucket/p/" + one, object: "x"}
	b := location{source: "s3://bucket/p/" + two, object: "x"}
	c := location{source: "s3://bucket/p/" + two, object: "y"}
	if !sameKeys(&a, &b) || sameKeys(&a, &c) {
		t.Error("single objects are compared wrongly")
	}
}

// A move never writes to a directory of the target that is the source itself: it would
// replace what is still to be moved.
func TestMoveIntoItself(t *testing.T) {
	top := t.TempDir()
	source := filepath.Join(top, "m")
	if err := os.Mkdir(source, 0o700); err != nil {
		t.Fatal(err)
	}
	here, there := mem.New(), mem.New()
	put(t, jailOf(t, here), parse(t, "m/d/z"), "here")
	put(t, jailOf(t, here), parse(t, "n/z"), "here")
	c, said := newRun(t, here, there, Options{Move: true})
	c.from, c.to = &location{written: "from", source: source}, &location{written: "to", source: top}
	if err := c.run(t.Context()); err == nil || !strings.Contains(said.String(), "m/d/z: its directory at the target is the source itself") {
		t.Errorf("%v, %q", err, said)
	}
	if got := names(t, there, false); !slices.Equal(got, []string{"n/z"}) {
		t.Errorf("the target has %q", got)
	}
}

package review_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/review"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// reviewed reviews a mount of the files with the allow rules.
func reviewed(t *testing.T, ctx context.Context, files fstest.MapFS, allow ...string) *review.Review {
	t.Helper()
	cfg, err := config.New(
		config.Given{Key: config.SourceKey, Values: []string{"mem:"}, Origin: "SOURCE"},
		config.Given{Key: config.Flags["allow"], Values: allow, Origin: "--allow"},
	)
	if err != nil {
		t.Fatal(err)
	}
	jail, err := vfs.New(vfs.FromFS(files), vfs.Policy{Allow: vfs.Patterns(allow...)})
	if err != nil {
		t.Fatal(err)
	}
	return review.Of(ctx, cfg, []review.Mount{{Names: jail}}, nil)
}

func lines(es config.Errors) []string {
	var all []string
	for _, e := range es {
		all = append(all, e.Error())
	}
	return all
}

// A source that was not scanned to its end gives no warnings about rules.
func TestUnfinishedScan(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := reviewed(t, ctx, fstest.MapFS{"a": {}}, "nothing")
	if len(r.Warnings) > 0 {
		t.Errorf("warnings: %q", lines(r.Warnings))
	}
	want := []string{"exposed: not counted, the source is too large for a quick look; to count: bailiwick scan SOURCE with the same rules"}
	if got := r.Exposure.Lines(false); !slices.Equal(got, want) {
		t.Errorf("it reports %q, want %q", got, want)
	}
}

// Among many names, the nearest is sought among the first ones, and a rule that is the name
// of a directory is found all the same.
func TestManyNames(t *testing.T) {
	// The clock of the bubble stands still while the scan runs, so its budget always suffices.
	synctest.Test(t, testManyNames)
}

func testManyNames(t *testing.T) {
	files := fstest.MapFS{"zdir/a": {}}
	for i := range 11_000 {
		files[fmt.Sprintf("many/%05d", i)] = &fstest.MapFile{}
	}
	r := reviewed(t, t.Context(), files, "many/**", "zdir", "many/00001x", "zzz")
	if strings.Contains(r.Exposure.Lines(false)[0], "not counted") {
		t.Fatal("the names were not counted")
	}
	if want := []string{
		"--allow: zdir matches nothing: it is a directory; did you mean zdir/**?",
		"--allow: many/00001x matches nothing; did you mean many/00001?",
		"--allow: zzz matches nothing",
	}; !slices.Equal(lines(r.Warnings), want) {
		t.Errorf("it warns %q, want %q", lines(r.Warnings), want)
	}
}

// A deny pattern that matches nothing may be a precaution. There is a warning only if another
// pattern was probably meant.
func TestUnmatchedDeny(t *testing.T) {
	files := fstest.MapFS{"site/index.html": {}, "site/old/a.css": {}, "drafts/a": {}}
	deny := []string{"**/*.key", "secrets/**", "id_rsa", "re:nothing", "drafst", "*.css"}
	cfg, err := config.New(
		config.Given{Key: config.SourceKey, Values: []string{"mem:"}, Origin: "SOURCE"},
		config.Given{Key: config.Flags["allow"], Values: []string{"**"}, Origin: "--allow"},
		config.Given{Key: config.Flags["deny"], Values: deny, Origin: "--deny"},
	)
	if err != nil {
		t.Fatal(err)
	}
	jail, err := vfs.New(vfs.FromFS(files), vfs.Policy{Allow: vfs.Patterns("**"), Deny: vfs.Patterns(deny...)})
	if err != nil {
		t.Fatal(err)
	}
	r := review.Of(t.Context(), cfg, []review.Mount{{Names: jail}}, nil)
	if want := []string{
		"--deny: drafst matches nothing; did you mean drafts?",
		"--deny: *.css matches nothing; did you mean **/*.css?",
	}; !slices.Equal(lines(r.Warnings), want) {
		t.Errorf("it warns %q, want %q", lines(r.Warnings), want)
	}
}

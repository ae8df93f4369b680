package vfs_test

import (
	"testing"
	"testing/fstest"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// Examples has a name that may be created wherever a glob or an exact name lets one be, and none
// that lies elsewhere.
func TestExamples(t *testing.T) {
	for _, c := range []struct {
		pattern, dir string
		some         bool
	}{
		{"**", ".", true}, {"**", "a/b", true}, {"*", ".", true}, {"*", "a", false},
		{"**/*.jpg", ".", true}, {"**/*.jpg", "a/b/c", true}, {"*.jpg", "a", false}, {"a/*.jpg", "a", true}, {"a/*.jpg", ".", false},
		{"a/**", "a", true}, {"a/**", ".", true}, {"a/**", "a/b", true}, {"a/**/z", "a", true}, {"a/**/z", "a/b/c", true}, {"a/**/z", ".", false},
		{"a/b.txt", "a", true}, {"a/b.txt", "a/b.txt", false}, {"{a,b}/*.{x,y}", "b", true}, {"{a,b}/*.{x,y}", "c", false},
		{"img[0-9][^a-z]?.*", ".", true}, {`\[new\]?x`, ".", true}, {"[ж-я]*", ".", true}, {"a/**/b/*.c", "a/x/b", true}, {"a/**/b/*.c", "a/x", false},
		{".well-known/*", ".well-known", true}, {"**", ".hidden", false}, {"**/.*", ".", true},
	} {
		j, err := vfs.New(vfs.FromFS(fstest.MapFS{}), vfs.Policy{Allow: vfs.Patterns(c.pattern)})
		if err != nil {
			t.Fatal(err)
		}
		dir := vfs.Root
		if c.dir != "." {
			if dir, err = vfs.ParseName(c.dir); err != nil {
				t.Fatal(err)
			}
		}
		some := false
		for n := range j.Examples(dir) {
			if n.Dir() != dir {
				t.Errorf("%s in %s: %s", c.pattern, c.dir, n)
			}
			allowed := j.Explain(t.Context(), vfs.OpWrite, n).Allowed
			if !allowed {
				t.Errorf("%s in %s: %s does not match", c.pattern, c.dir, n)
			}
			some = some || allowed
		}
		if some != c.some {
			t.Errorf("%s in %s: %t", c.pattern, c.dir, some)
		}
	}
}

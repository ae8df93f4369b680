package review_test

import (
	"runtime"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/review"
)

// A cache that does not see what clients write through another mount is worth a warning,
// unless it asks the source each time, and so is one of a local disk.
func TestCaches(t *testing.T) {
	for _, c := range []struct{ mounts, want string }{
		{`{source: s3://bucket/docs, cache: {dir: /c, ttl: 1h}}, {path: /w, source: s3://bucket/docs, write: true}`, "f:2: mounts[0].cache.ttl: clients can write to the same files through the mount at f:3, "},
		{`{source: s3://bucket/docs, cache: {dir: /c, ttl: 1h}}, {path: /w, source: s3://bucket, write: true, cache: {dir: /d}}`, "f:2: mounts[0].cache.ttl: "},
		{`{source: s3://bucket/docs, cache: {dir: /c}}, {path: /w, source: s3://bucket/docs, write: true}`, ""},
		{`{source: s3://bucket/docs, cache: {dir: /c, ttl: 1h}}, {path: /w, source: s3://bucket/docs, write: true, cache: {dir: /c, ttl: 1h}}`, ""},
		{`{source: s3://bucket/docs, cache: {dir: /c, ttl: 1h}, write: true}, {path: /w, source: s3://bucket/docs2, write: true}`, ""},
		{`{source: DIR, cache: {dir: /c}}`, "f:2: mounts[0].cache: the source is on a local disk"},
		{`{source: DIR/nosuch, cache: {dir: /c}}`, ""},
	} {
		if strings.Contains(c.mounts, "DIR") && runtime.GOOS != "linux" {
			continue
		}
		text := strings.ReplaceAll("mounts: [\n"+strings.ReplaceAll(c.mounts, "}, {", "},\n{")+"]", "source:", "allow: ['*'], source:")
		cfg, err := config.Parse("f", []byte(strings.ReplaceAll(text, "DIR", t.TempDir())))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, w := range review.Of(t.Context(), cfg, make([]review.Mount, len(cfg.Mounts)), nil).Warnings {
			got = append(got, w.Error())
		}
		if joined := strings.Join(got, "\n"); c.want == "" && joined != "" || !strings.HasPrefix(joined, c.want) {
			t.Errorf("%s\nwarns %q, want %q", c.mounts, joined, c.want)
		}
	}
}

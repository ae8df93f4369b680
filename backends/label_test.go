package backends_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/bailiwick-fs/bailiwick/backends"
	"github.com/bailiwick-fs/bailiwick/backends/disk"
)

func label(t *testing.T, source string) string {
	t.Helper()
	l, err := backends.Label(source)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestLabelDirectory spells one directory in several ways.
func TestLabelDirectory(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	for _, name := range []string{"one", "two", "one/inner"} {
		if err := os.Mkdir(name, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	want := filepath.Join(dir, "one")
	ways := []string{"one", "./one/", "two/../one", want, want + string(filepath.Separator)}
	if err := os.Symlink("one", "link"); err == nil {
		ways = append(ways, "link", filepath.Join(dir, "link"), "link/.", "link/inner/..")
		// For the system, ".." after a link is the parent of the link's target.
		if err := os.Symlink(filepath.Join("one", "inner"), "deep"); err != nil {
			t.Fatal(err)
		}
		ways = append(ways, "deep/..", dir+"/deep/../")
	} else {
		t.Log("cannot make symbolic links:", err)
	}
	for _, way := range ways {
		if got := label(t, way); got != want {
			t.Errorf("Label(%q) = %q, want %q", way, got, want)
		}
		s, err := backends.Open(t.Context(), way, backends.Options{Disk: disk.Options{SkipSelfTest: true}})
		if err != nil {
			t.Fatal(err)
		}
		if s.Label != want {
			t.Errorf("opened as %q, its label is %q", way, s.Label)
		}
		s.Close()
	}
	// A directory that does not exist (any more).
	for _, way := range []string{"gone", "one/gone/further"} {
		if got, want := label(t, way), filepath.Join(dir, way); got != want {
			t.Errorf("Label(%q) = %q, want %q", way, got, want)
		}
	}
	if runtime.GOOS != "linux" {
		return
	}
	labels := map[string]string{}
	for _, name := range []string{"a\xffb", "a%FFb", "a\nb", "a%0Ab", "a b", "ä", "a?b", "a#b"} {
		l := label(t, name)
		if strings.Contains(l, "\n") || !utf8.ValidString(l) {
			t.Errorf("Label(%q) = %q", name, l)
		}
		if other, ok := labels[l]; ok {
			t.Errorf("%q and %q have the same label, %q", name, other, l)
		}
		labels[l] = name
		// A label that is a path can be used as a source.
		if strings.HasPrefix(l, "/") && label(t, l) != l {
			t.Errorf("the label of the label %q is %q", l, label(t, l))
		}
	}
}

func TestLabelS3(t *testing.T) {
	seen := map[string]bool{}
	for _, same := range [][]string{
		{"s3://bucket", "s3://bucket/", "s3://bucket?region=eu-central-1", "s3://bucket?region=us-east-1&path_style=true&anonymous=true&bucket_owner=123456789012", "s3://bucket?endpoint=https://s3.eu-central-1.amazonaws.com"},
		{"s3://bucket/a/b%20c", "s3://bucket/a/b%20c/?region=eu-central-1"},
		{"s3://bucket/a?endpoint=https://s3.example.org", "s3://bucket/a/?endpoint=https://S3.Example.ORG:443/", "s3://bucket/a?endpoint=http://s3.example.org&insecure=true&region=x", "s3://bucket/a?endpoint=http://s3.example.org:80&insecure=true"},
		{"s3://bucket/a?endpoint=https://s3.example.org:8443"},
		{"s3://bucket/a?endpoint=https://s3.example.com"},
		{"s3://bucket/a?endpoint=http://[::1]:9000", "s3://bucket/a?endpoint=http://[::1]:9000/&path_style=true"},
		{"s3://bucket/A"},
		{"s3://other/a"},
		{"s3://bucket/a"},
		{"s3://bucket/a%2525"},
		{"s3://bucket/a%25"},
	} {
		want := label(t, same[0])
		for _, source := range same {
			if got := label(t, source); got != want {
				t.Errorf("Label(%q) = %q, but the label of %q is %q", source, got, same[0], want)
			}
		}
		if seen[want] {
			t.Errorf("another source has the label %q", want)
		}
		seen[want] = true
	}
}

func TestLabelMemory(t *testing.T) {
	if a, b := label(t, "mem:"), label(t, "mem:"); a == b || !strings.HasPrefix(a, "mem:") {
		t.Errorf("two memories are %q and %q", a, b)
	}
	for _, source := range []string{"", "ftp://host", "s3://", "s3://bucket?secret=hunter2"} {
		if l, err := backends.Label(source); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("Label(%q) = %q, %v", source, l, err)
		}
	}
}

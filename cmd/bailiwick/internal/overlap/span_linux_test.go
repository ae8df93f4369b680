package overlap

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Bind mounts make a directory available at several paths, and other directories
// available below it.
func TestBindMounts(t *testing.T) {
	top := t.TempDir()
	at := func(path string) string { return filepath.Join(top, path) }
	for _, dir := range []string{"up/load/deep", "www/in", "whole", "part", "odd name", "beside"} {
		if err := os.MkdirAll(at(dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, bind := range [][2]string{
		{"up", "whole"}, {"up/load/deep", "part"}, {"up/load", "www/in"}, {"up/load/deep", "odd name"},
	} {
		if err := syscall.Mount(at(bind[0]), at(bind[1]), "", syscall.MS_BIND, ""); errors.Is(err, syscall.EPERM) {
			t.Skip("no permission to mount")
		} else if err != nil {
			t.Fatal(err)
		}
		defer syscall.Unmount(at(bind[1]), syscall.MNT_DETACH)
	}
	var s Survey
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"up", "whole", true},
		{"up/load", "whole", true},
		{"up", "whole/load/deep", true},
		{"up", "part", true},       // parent of the bound directory
		{"whole", "part", true},    // through two mounts
		{"up/load", "www", true},   // mounted below
		{"part", "www", true},      // both
		{"odd name", "part", true}, // a name that mountinfo escapes
		{"odd name", "up", true},
		{"beside", "up", false},
		{"beside", "www", false},
		{"beside", "part", false},
	} {
		if got := s.Locate(at(c.a)).Overlaps(s.Locate(at(c.b))); got != c.want {
			t.Errorf("%s and %s: %v, want %v", c.a, c.b, got, c.want)
		}
		if got := s.Locate(at(c.b)).Overlaps(s.Locate(at(c.a))); got != c.want {
			t.Errorf("%s and %s: %v, want %v", c.b, c.a, got, c.want)
		}
	}
}

// FuzzParseMounts checks that all parsed paths are absolute, and that no line yields
// more than one mount.
func FuzzParseMounts(f *testing.F) {
	if info, err := os.ReadFile("/proc/self/mountinfo"); err == nil {
		f.Add(info)
	}
	f.Add([]byte("36 35 98:0 /mnt\\0401 /mnt\\0402 rw - ext3 /dev/root rw\n"))
	f.Add([]byte("1 2 3:4 / /\\\n\\\n1 2 3:4 \\057 \\777\n"))
	f.Fuzz(func(t *testing.T, info []byte) {
		mounts := parseMounts(info)
		if lines := strings.Count(string(info), "\n") + 1; len(mounts) > lines {
			t.Fatalf("%d mounts of %d lines", len(mounts), lines)
		}
		for _, m := range mounts {
			if m.at[0] != '/' || m.path[0] != '/' || m.device == "" {
				t.Fatalf("%q", m)
			}
		}
		for _, path := range []string{"/", "/a", "/a/b"} {
			for _, s := range spansOf(path, mounts) {
				if s.path[0] != '/' {
					t.Fatalf("%q", s)
				}
			}
		}
	})
}

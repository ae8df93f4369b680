package backends_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/bailiwick-fs/bailiwick/backends"
	"github.com/bailiwick-fs/bailiwick/backends/disk"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestOpen(t *testing.T) {
	t.Chdir(t.TempDir())
	dirs := []string{"site"}
	odd := runtime.GOOS != "windows" // where a name cannot contain a colon
	if odd {
		dirs = append(dirs, "mem:", "foo:")
	}
	for _, dir := range dirs {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "a.txt"), []byte(dir), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	abs, err := filepath.Abs("site")
	if err != nil {
		t.Fatal(err)
	}
	type test struct{ source, kind, content string }
	tests := []test{
		{"site", "disk", "site"},
		{"./site/", "disk", "site"},
		{abs, "disk", "site"},
		{"mem:", "mem", ""},
	}
	if odd {
		tests = append(tests, test{"./mem:", "disk", "mem:"}, test{"foo:", "disk", "foo:"}, test{".//foo:/", "disk", "foo:"})
	}
	for _, tt := range tests {
		t.Run(tt.source, func(t *testing.T) {
			s, err := backends.Open(t.Context(), tt.source, backends.Options{Disk: disk.Options{SkipSelfTest: true}})
			if err != nil {
				t.Fatal(err)
			}
			if s.Caps().Kind != tt.kind {
				t.Errorf("opened a %s backend, want %s", s.Caps().Kind, tt.kind)
			}
			if len(s.Notes) == 0 || strings.Contains(strings.Join(s.Notes, ""), "\n") {
				t.Errorf("notes %q, want at least one, one line each", s.Notes)
			}
			n, err := vfs.ParseName("a.txt")
			if err != nil {
				t.Fatal(err)
			}
			obj, err := s.Backend.Open(t.Context(), n, vfs.Request{})
			if tt.content == "" {
				if vfs.ReasonOf(err) != reason.Missing {
					t.Errorf("a.txt in an empty backend: %v", err)
				}
			} else if err != nil {
				t.Error(err)
			} else {
				data, err := io.ReadAll(obj.Body)
				obj.Body.Close()
				if err != nil || string(data) != tt.content {
					t.Errorf("a.txt contains %q, %v, want %q", data, err, tt.content)
				}
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("file", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ source, says string }{
		{"", "name a directory"},
		{"missing", "check the path"},
		{"missing\nsecond line", "check the path"},
		{"mem:tree", "check the path"},
		{"file", "it is not a directory"},
		{"s3://bucket/prefix?regoin=us-east-1", "unknown parameter regoin"},
		{"s3://bucket/../other", "\"..\""},
		{"foo://bar", `unknown scheme "foo"`},
		{"foo://bar", "mem:"},
		{"foo://bar", "./"},
		{"mem://", `unknown scheme "mem"`},
		{"file:///srv", `unknown scheme "file"`},
	}
	for _, tt := range tests {
		t.Run(tt.source, func(t *testing.T) {
			s, err := backends.Open(t.Context(), tt.source, backends.Options{})
			checkRefused(t, s, err, tt.says)
		})
	}
}

func checkRefused(t *testing.T, s *backends.Source, err error, says string) {
	t.Helper()
	if s != nil || !errors.Is(err, backends.ErrSource) {
		t.Fatalf("got %v, %v, want an error that matches ErrSource", s, err)
	}
	if msg := err.Error(); !strings.Contains(msg, says) || strings.Contains(msg, "\n") {
		t.Errorf("the error is %q, want one line that says %q", msg, says)
	}
}

func TestOpenCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := backends.Open(ctx, "mem:", backends.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

func TestIsPath(t *testing.T) {
	for source, want := range map[string]bool{
		"": true, "dir": true, "/a/b": true, "./mem:": true, "mem": true, "C:\\dir": true, "./s3://a": true, "a/b://c": true,
		"mem:": false, "s3://bucket": false, "S3://bucket": false, "ftp://host": false, "a.b+c-d://e": false,
	} {
		if got := backends.IsPath(source); got != want {
			t.Errorf("%q: %v, want %v", source, got, want)
		}
	}
}

package servertest_test

import (
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/server/probe"
	"github.com/bailiwick-fs/bailiwick/server/servertest"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/vfstest"
)

func skipOnWindows(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("some of the names and links cannot be planted")
	}
}

// sources returns patterns as they were written.
func sources(patterns []vfs.Pattern) []string {
	var all []string
	for _, p := range patterns {
		all = append(all, p.String())
	}
	return all
}

// Every naive server of the attack table gives something away, as a handler.
func TestNaiveServers(t *testing.T) {
	skipOnWindows(t)
	policy := vfstest.FixturePolicy()
	leaks := []probe.Kind{probe.Escape, probe.Hidden, probe.Dotfile, probe.Symlink, probe.Listing, probe.DoubleDecode}
	for name, read := range vfstest.NaiveServers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found, report := attack(t, func(dir string) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					raw, _, _ := strings.Cut(strings.TrimPrefix(r.RequestURI, "/"), "?")
					data, err := read(dir, raw)
					if err != nil {
						http.NotFound(w, r)
						return
					}
					w.Write(data)
				})
			}, servertest.Options{
				Allow: sources(policy.Allow), Deny: sources(policy.Deny),
				Skip: []probe.Kind{probe.Hang, probe.Sniff, probe.Method, probe.Legal}, Timeout: time.Minute,
			})
			if !slices.ContainsFunc(found, func(k probe.Kind) bool { return slices.Contains(leaks, k) }) {
				t.Errorf("found %q", found)
				show(t, report)
			}
		})
	}
}

// What people write by hand is found out.
func TestHandWritten(t *testing.T) {
	skipOnWindows(t)
	for name, c := range map[string]struct {
		serve func(dir string, w http.ResponseWriter, r *http.Request)
		kinds []probe.Kind
	}{
		"concatenation": {func(dir string, w http.ResponseWriter, r *http.Request) {
			http.ServeFile(w, withoutDots(r), dir+r.URL.Path)
		}, []probe.Kind{probe.Escape}},
		"removal of ../": {func(dir string, w http.ResponseWriter, r *http.Request) {
			http.ServeFile(w, withoutDots(r), filepath.Join(dir, strings.ReplaceAll(r.URL.Path, "../", "")))
		}, []probe.Kind{probe.Escape}},
		"HasPrefix": {func(dir string, w http.ResponseWriter, r *http.Request) {
			if name := filepath.Join(dir, r.URL.Path); strings.HasPrefix(name, dir) {
				http.ServeFile(w, withoutDots(r), name)
			} else {
				http.NotFound(w, r)
			}
		}, []probe.Kind{probe.Escape, probe.Symlink}},
		"EvalSymlinks and 403": {func(dir string, w http.ResponseWriter, r *http.Request) {
			name, err := filepath.EvalSymlinks(filepath.Join(dir, r.URL.Path))
			switch {
			case err != nil:
				http.NotFound(w, r)
			case !strings.HasPrefix(name, dir+"/"):
				http.Error(w, "forbidden", http.StatusForbidden)
			default:
				http.ServeFile(w, withoutDots(r), name)
			}
		}, []probe.Kind{probe.Oracle}},
		"ReadFile": {func(dir string, w http.ResponseWriter, r *http.Request) {
			data, err := os.ReadFile(filepath.Join(dir, filepath.Clean("/"+r.URL.Path)))
			if err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
			w.Write(data)
		}, []probe.Kind{probe.Error, probe.Symlink, probe.Hang}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found, report := attack(t, func(dir string) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { c.serve(dir, w, r) })
			}, servertest.Options{Timeout: 2 * time.Second})
			for _, kind := range c.kinds {
				if !slices.Contains(found, kind) {
					t.Errorf("found %q, and not %q", found, kind)
					show(t, report)
				}
			}
		})
	}
}

// withoutDots returns a request that ServeFile does not refuse.
func withoutDots(r *http.Request) *http.Request {
	r = r.Clone(r.Context())
	r.URL.Path = "/x"
	return r
}

package servertest_test

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/mux"

	"github.com/bailiwick-fs/bailiwick/backends/disk"
	"github.com/bailiwick-fs/bailiwick/backends/layer/readonly"
	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/backends/s3"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/access"
	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/server/auth/tokens"
	"github.com/bailiwick-fs/bailiwick/server/gorilla"
	"github.com/bailiwick-fs/bailiwick/server/probe"
	"github.com/bailiwick-fs/bailiwick/server/servertest"
	"github.com/bailiwick-fs/bailiwick/testdata/s3gateway"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A fixture is rules under which handlers are tested.
type fixture struct{ allow, deny []string }

var fixtures = map[string]fixture{
	"all":               {},
	"a directory":       {allow: []string{"public/**"}},
	"types, and a deny": {allow: []string{"**/*.html", "docs/*.txt"}, deny: []string{"drafts"}},
}

func (f fixture) policy() vfs.Policy {
	allow := f.allow
	if len(allow) == 0 {
		allow = []string{"**"}
	}
	return vfs.Policy{Allow: vfs.Patterns(allow...), Deny: vfs.Patterns(f.deny...)}
}

// serve returns a handler for a backend.
func (f fixture) serve(t *testing.T, b vfs.Backend, p vfs.Policy, cfg server.Config) http.Handler {
	t.Helper()
	jail, err := vfs.New(b, p)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Logger = slog.New(slog.DiscardHandler)
	return server.New(jail, cfg)
}

func onDisk(t *testing.T, dir string, opts disk.Options) vfs.Backend {
	t.Helper()
	b, err := disk.New(dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// filesIn returns the regular files below dir.
func filesIn(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		files[filepath.ToSlash(name)] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func inMemory(t *testing.T, dir string) vfs.Backend {
	t.Helper()
	b, err := mem.FromMap(filesIn(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A member is a user, whose token is in the Authorization header.
var member = http.Header{"Authorization": {"Bearer a-long-random-token"}}

// usersOf returns the rules and the configuration with which members may read.
func usersOf(t *testing.T) (*access.List, server.Auth) {
	t.Helper()
	list, err := tokens.Parse("tokens", fmt.Appendf(nil, "robot:%x\n", sha256.Sum256([]byte("a-long-random-token"))), tokens.Options{})
	if err != nil {
		t.Fatal(err)
	}
	rules, err := access.Compile([]access.Rule{{Who: "authenticated", Can: []vfs.Op{vfs.OpRead, vfs.OpList}, Names: []string{"**"}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return rules, server.Auth{Authenticator: auth.NewChain(auth.ChainConfig{Tokens: list})}
}

// allowedFiles is Go's own file server, behind checks written by hand.
func allowedFiles(t *testing.T, dir string, f fixture) http.Handler {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	rules, err := vfs.New(vfs.FromFS(root.FS()), f.policy())
	if err != nil {
		t.Fatal(err)
	}
	files := http.FileServerFS(root.FS())
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := vfs.ParseEscapedPath(strings.TrimPrefix(r.URL.EscapedPath(), "/"))
		ok := err == nil && rules.Explain(r.Context(), vfs.OpRead, n).Allowed
		for at := n.String(); ok && at != "."; at = path.Dir(at) {
			info, err := root.Lstat(at)
			ok = err == nil && (info.Mode().IsRegular() || info.IsDir() && at != n.String())
		}
		switch {
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.WriteHeader(http.StatusMethodNotAllowed)
		case !ok:
			http.NotFound(w, r)
		default:
			if strings.Contains(r.Header.Get("Range"), ",") {
				r.Header.Del("Range")
			}
			w.Header().Set("X-Content-Type-Options", "nosniff")
			if ext := path.Ext(n.String()); ext != ".html" && ext != ".svg" {
				w.Header().Set("Content-Type", "application/octet-stream")
			}
			files.ServeHTTP(w, r)
		}
	})
}

// safe are handlers in which nothing is to be found.
var safe = map[string]struct {
	opts servertest.Options
	make func(t *testing.T, dir string, f fixture) http.Handler
}{
	"disk": {make: func(t *testing.T, dir string, f fixture) http.Handler {
		return f.serve(t, onDisk(t, dir, disk.Options{}), f.policy(), server.Config{})
	}},
	"disk, listing": {make: func(t *testing.T, dir string, f fixture) http.Handler {
		return f.serve(t, onDisk(t, dir, disk.Options{}), f.policy(), server.Config{List: true, Sidecars: true})
	}},
	"disk, links inside": {make: func(t *testing.T, dir string, f fixture) http.Handler {
		p := f.policy()
		p.Symlinks = vfs.SymlinksInside
		return f.serve(t, onDisk(t, dir, disk.Options{}), p, server.Config{List: true})
	}},
	"disk, os.Root": {make: func(t *testing.T, dir string, f fixture) http.Handler {
		return f.serve(t, onDisk(t, dir, disk.Options{Portable: true}), f.policy(), server.Config{})
	}},
	"disk, untrusted": {make: func(t *testing.T, dir string, f fixture) http.Handler {
		return f.serve(t, onDisk(t, dir, disk.Options{}), f.policy(), server.Config{Content: server.ContentUntrusted})
	}},
	"disk, users": {servertest.Options{Header: member}, func(t *testing.T, dir string, f fixture) http.Handler {
		p, cfg := f.policy(), server.Config{List: true}
		p.Authorize, cfg.Auth = usersOf(t)
		return f.serve(t, onDisk(t, dir, disk.Options{}), p, cfg)
	}},
	// Nothing has to be served to somebody without credentials.
	"disk, a stranger": {servertest.Options{Skip: []probe.Kind{probe.Legal}}, func(t *testing.T, dir string, f fixture) http.Handler {
		p, cfg := f.policy(), server.Config{List: true}
		p.Authorize, cfg.Auth = usersOf(t)
		return f.serve(t, onDisk(t, dir, disk.Options{}), p, cfg)
	}},
	"a layer": {make: func(t *testing.T, dir string, f fixture) http.Handler {
		return f.serve(t, readonly.New(onDisk(t, dir, disk.Options{})), f.policy(), server.Config{})
	}},
	"os.DirFS": {make: func(t *testing.T, dir string, f fixture) http.Handler {
		return f.serve(t, vfs.FromFS(os.DirFS(dir)), f.policy(), server.Config{List: true})
	}},
	"memory": {make: func(t *testing.T, dir string, f fixture) http.Handler {
		return f.serve(t, inMemory(t, dir), f.policy(), server.Config{List: true})
	}},
	"memory, users": {servertest.Options{Header: member}, func(t *testing.T, dir string, f fixture) http.Handler {
		p, cfg := f.policy(), server.Config{}
		p.Authorize, cfg.Auth = usersOf(t)
		return f.serve(t, inMemory(t, dir), p, cfg)
	}},
	"below a prefix": {servertest.Options{Prefix: "/files"}, func(t *testing.T, dir string, f fixture) http.Handler {
		mux := http.NewServeMux()
		mux.Handle("/files/", http.StripPrefix("/files", f.serve(t, onDisk(t, dir, disk.Options{}), f.policy(), server.Config{List: true})))
		return mux
	}},
	"gorilla": {servertest.Options{Prefix: "/files"}, func(t *testing.T, dir string, f fixture) http.Handler {
		router := mux.NewRouter().UseEncodedPath().SkipClean(true)
		gorilla.Mount(router, "/files", f.serve(t, onDisk(t, dir, disk.Options{}), f.policy(), server.Config{}))
		return router
	}},
	"FileServerFS over os.Root": {make: allowedFiles},
}

// A safe handler has no finding.
func TestSafe(t *testing.T) {
	for name, c := range safe {
		for rules, f := range fixtures {
			t.Run(name+", "+rules, func(t *testing.T) {
				t.Parallel()
				o := c.opts
				o.Allow, o.Deny, o.Timeout = f.allow, f.deny, time.Minute
				found, report := attack(t, func(dir string) http.Handler { return c.make(t, dir, f) }, o)
				if len(found) > 0 {
					t.Errorf("found %q", found)
					show(t, report)
				}
			})
		}
	}
}

// TestSafeS3 is TestSafe over S3.
func TestSafeS3(t *testing.T) {
	gateway := s3gateway.Start(t)
	for rules, f := range fixtures {
		t.Run(rules, func(t *testing.T) {
			found, report := attack(t, func(dir string) http.Handler {
				bucket := gateway.Bucket(t, fmt.Sprintf("probe-%d", len(f.allow)))
				for name, data := range filesIn(t, dir) {
					if err := bucket.Put(t.Context(), name, []byte(data), ""); err != nil {
						t.Fatal(err)
					}
				}
				b, err := s3.New(gateway.Client(t), s3.Options{Bucket: bucket.Name})
				if err != nil {
					t.Fatal(err)
				}
				return f.serve(t, b, f.policy(), server.Config{List: true})
			}, servertest.Options{Allow: f.allow, Deny: f.deny, Timeout: time.Minute})
			if len(found) > 0 {
				t.Errorf("found %q", found)
				show(t, report)
			}
		})
	}
}

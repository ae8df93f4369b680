package probe_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"github.com/bailiwick-fs/bailiwick/backends/disk"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/probe"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// served returns a directory with a file in it, and the URL at which it is served by the
// rules.
func served(t *testing.T, allow ...string) (dir, url string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "www")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "own.txt"), []byte("own"), 0o644); err != nil {
		t.Fatal(err)
	}
	files, err := disk.New(dir, disk.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { files.Close() })
	jail, err := vfs.New(files, vfs.Policy{Allow: vfs.Patterns(allow...)})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(http.StripPrefix("/files", server.New(jail, server.Config{})))
	t.Cleanup(srv.Close)
	return dir, srv.URL + "/files"
}

// names returns what is in a directory and beside it.
func names(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	for _, d := range []string{dir, filepath.Dir(dir)} {
		entries, err := os.ReadDir(d)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			all = append(all, e.Name())
		}
	}
	return all
}

// A tree in a directory that is in use is attacked there, after it was saved and loaded, too,
// and goes away without a trace.
func TestPlantInUse(t *testing.T) {
	known := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, known) }) // after the servers are closed
	for _, allow := range []string{"**", "**/*.html"} {
		dir, url := served(t, allow)
		before := names(t, dir)
		tree, err := probe.Plant(dir, probe.Rules{Allow: []string{allow}})
		if err != nil {
			t.Fatal(err)
		}
		var saved bytes.Buffer
		if err := tree.Save(&saved); err != nil {
			t.Fatal(err)
		}
		loaded, err := probe.Load(&saved)
		if err != nil {
			t.Fatal(err)
		}
		for what, tree := range map[string]*probe.Tree{"planted": tree, "loaded": loaded} {
			if err := probe.Check(t.Context(), url, tree, probe.Options{}); err != nil {
				t.Errorf("%s: %v", what, err)
			}
			n, err := probe.Count(url, tree, probe.Options{})
			if err != nil {
				t.Fatal(err)
			}
			report, err := probe.Run(t.Context(), url, tree, probe.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if report.Found() || report.Requests != n {
				t.Errorf("%s, allow %s: %d requests, announced %d: %+v", what, allow, report.Requests, n, report.Results)
			}
		}
		if err := loaded.Remove(); err != nil {
			t.Error(err)
		}
		if err := tree.Remove(); err != nil {
			t.Errorf("a second time: %v", err)
		}
		if after := names(t, dir); !slices.Equal(before, after) {
			t.Errorf("%q is left", after)
		}
	}
}

// A canary that somebody has replaced stays, and so does a directory of another name.
func TestRemoveOnlyOwn(t *testing.T) {
	dir, _ := served(t, "**")
	tree, err := probe.Plant(dir, probe.Rules{})
	if err != nil {
		t.Fatal(err)
	}
	canaries, err := filepath.Glob(filepath.Join(filepath.Dir(dir), "www-canary-*"))
	if err != nil || len(canaries) != 1 {
		t.Fatalf("%q, %v", canaries, err)
	}
	if err := os.WriteFile(canaries[0], []byte("someone's"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := tree.Remove(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(canaries[0]); err != nil {
		t.Errorf("it removed another's file: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "own.txt")); err != nil {
		t.Errorf("it removed another's file: %v", err)
	}
}

func TestLoadRefuses(t *testing.T) {
	dir, _ := served(t, "**")
	tree, err := probe.Plant(dir, probe.Rules{})
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Remove()
	var saved bytes.Buffer
	if err := tree.Save(&saved); err != nil {
		t.Fatal(err)
	}
	good := saved.String()
	for what, bad := range map[string]string{
		"nothing":             "",
		"other JSON":          "{}",
		"another version":     strings.Replace(good, `"version": 1`, `"version": 2`, 1),
		"another directory":   strings.Replace(good, `"top": "`, `"top": "../`, 1),
		"the whole directory": strings.Replace(good, `"top": "`+tree.Name()+"/", `"top": "`, 1),
		"rules":               strings.Replace(good, `"rules": {}`, `"rules": {"allow": ["["]}`, 1),
	} {
		if bad == good {
			t.Fatalf("%s: nothing was replaced", what)
		}
		if _, err := probe.Load(strings.NewReader(bad)); !errors.Is(err, probe.ErrNotATree) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// A directory in which nothing can be made is left as it was.
func TestPlantNowhere(t *testing.T) {
	dir, _ := served(t, "**")
	before := names(t, dir)
	for _, at := range []string{filepath.Join(dir, "own.txt"), filepath.Join(dir, "no", "such")} {
		if _, err := probe.Plant(at, probe.Rules{}); err == nil {
			t.Errorf("planted in %s", at)
		}
	}
	if _, err := probe.Plant(dir, probe.Rules{Allow: []string{"docs/**"}}); !errors.Is(err, probe.ErrNoRoom) {
		t.Errorf("planted where nothing is served: %v", err)
	}
	if _, err := probe.Plant(dir, probe.Rules{Deny: []string{"["}}); !errors.Is(err, vfs.ErrPattern) {
		t.Errorf("planted by a bad pattern: %v", err)
	}
	if after := names(t, dir); !slices.Equal(before, after) {
		t.Errorf("%q is left", after)
	}
}

// A server that serves another directory, or does not answer, is no server to attack.
func TestCheck(t *testing.T) {
	dir, _ := served(t, "**")
	tree, err := probe.Plant(dir, probe.Rules{})
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Remove()
	_, other := served(t, "**")
	if err := probe.Check(t.Context(), other, tree, probe.Options{}); !errors.Is(err, probe.ErrOtherTree) {
		t.Errorf("another tree: %v", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if err := probe.Check(t.Context(), "http://"+l.Addr().String(), tree, probe.Options{}); err == nil || errors.Is(err, probe.ErrOtherTree) {
		t.Errorf("nobody listens: %v", err)
	}
	for _, url := range []string{"", "x", "/files", "ftp://127.0.0.1/", "http://", "http://127.0.0.1/?a", "http://u:p@127.0.0.1/"} {
		if err := probe.Check(t.Context(), url, tree, probe.Options{}); err == nil {
			t.Errorf("%q is a URL", url)
		}
	}
}

// Only the host that was named is asked, whatever it redirects to, and only at the address
// that Dial chose.
func TestOneHost(t *testing.T) {
	dir, _ := served(t, "**")
	tree, err := probe.Plant(dir, probe.Rules{})
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Remove()
	srv := httptest.NewServer(http.RedirectHandler("http://127.0.0.2:9/", http.StatusFound))
	defer srv.Close()
	var dialed atomic.Int64
	report, err := probe.Run(t.Context(), "http://files.example:8080/", tree, probe.Options{
		Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
			dialed.Add(1)
			if addr != "files.example:8080" {
				t.Errorf("it asks %s", addr)
			}
			return (&net.Dialer{}).DialContext(ctx, network, srv.Listener.Addr().String())
		},
	})
	if err != nil || dialed.Load() == 0 {
		t.Fatal(err)
	}
	for _, result := range report.Results {
		if (result.Kind == probe.Redirect) != (result.Verdict == probe.Found) && result.Kind != probe.Legal && result.Kind != probe.Hidden {
			t.Errorf("%s: %s", result.Kind, result.Verdict)
		}
	}
}

// A run ends with its context.
func TestCanceled(t *testing.T) {
	dir, url := served(t, "**")
	tree, err := probe.Plant(dir, probe.Rules{})
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Remove()
	ctx, cancel := context.WithCancel(t.Context())
	report, err := probe.Run(ctx, url, tree, probe.Options{
		Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
			cancel()
			return (&net.Dialer{}).DialContext(context.WithoutCancel(ctx), network, addr)
		},
	})
	if !errors.Is(err, context.Canceled) || report == nil || report.Requests != 1 {
		t.Errorf("%+v, %v", report, err)
	}
}

// A server that limits the rate is asked again.
func TestPatience(t *testing.T) {
	dir, _ := served(t, "**")
	tree, err := probe.Plant(dir, probe.Rules{})
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Remove()
	var requests atomic.Int64
	files := http.FileServer(http.Dir(dir))
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if requests.Add(1) == 1 {
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		files.ServeHTTP(w, r)
	}))
	defer srv.Close()
	if err := probe.Check(t.Context(), srv.URL, tree, probe.Options{}); err != nil || requests.Load() != 2 {
		t.Errorf("%v after %d requests", err, requests.Load())
	}
}

// A server that goes away during the run is a finding, and what was not tried is left out.
func TestGone(t *testing.T) {
	dir, _ := served(t, "**")
	tree, err := probe.Plant(dir, probe.Rules{})
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Remove()
	var connections atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
		http.NotFound(w, r)
	}))
	defer srv.Close()
	report, err := probe.Run(t.Context(), srv.URL, tree, probe.Options{
		Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
			if connections.Add(1) > 5 {
				return nil, errors.New("connection refused")
			}
			return (&net.Dialer{}).DialContext(ctx, network, addr)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, result := range report.Results {
		if result.Verdict == probe.Holds || result.Kind == probe.Error && result.Verdict != probe.Found {
			t.Errorf("%s: %s", result.Kind, result.Verdict)
		}
	}
}

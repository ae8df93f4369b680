package servertest_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/bailiwick-fs/bailiwick/server/probe"
	"github.com/bailiwick-fs/bailiwick/server/servertest"
)

// attack returns what is found in a handler.
func attack(t *testing.T, handler func(dir string) http.Handler, o servertest.Options) (found []probe.Kind, report *probe.Report) {
	t.Helper()
	report, err := servertest.Attack(t.Context(), t.TempDir(), handler, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, result := range report.Results {
		if result.Verdict == probe.Found {
			found = append(found, result.Kind)
		}
	}
	return found, report
}

func show(t *testing.T, report *probe.Report) {
	t.Helper()
	text, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s", text)
}

// Each hole is found under its name, and nothing else is found.
func TestHoles(t *testing.T) {
	for _, c := range []struct {
		hole string
		kind probe.Kind
	}{
		{"escape", probe.Escape},
		{"hidden", probe.Hidden},
		{"dotfile", probe.Dotfile},
		{"symlink", probe.Symlink},
		{"listing", probe.Listing},
		{"403", probe.Oracle},
		{"length", probe.Oracle},
		{"etag", probe.Oracle},
		{"304", probe.Oracle},
		{"redirect of a hidden directory", probe.Oracle},
		{"error", probe.Error},
		{"panic", probe.Error},
		{"hang", probe.Hang},
		{"thread", probe.Hang},
		{"redirect", probe.Redirect},
		{"method", probe.Method},
		{"sniff", probe.Sniff},
		{"header", probe.Header},
		{"range", probe.Range},
		{"double-decode", probe.DoubleDecode},
		{"legal", probe.Legal},
	} {
		t.Run(c.hole, func(t *testing.T) {
			if runtime.GOOS == "windows" && slices.Contains([]string{"symlink", "error", "hang", "thread", "header"}, c.hole) {
				t.Skip("its names, links or FIFOs cannot be planted on every Windows")
			}
			t.Parallel()
			allow := []string{"public/**"}
			timeout := time.Minute // on a busy machine
			if c.kind == probe.Hang {
				timeout = time.Second
			}
			found, report := attack(t, func(dir string) http.Handler { return newCareful(t, dir, allow, c.hole) },
				servertest.Options{Allow: allow, Timeout: timeout})
			if !slices.Equal(found, []probe.Kind{c.kind}) {
				t.Errorf("found %q, want %q", found, c.kind)
				show(t, report)
			}
		})
	}
}

// A handler that has no hole has no finding, whatever its rules are.
func TestCareful(t *testing.T) {
	for _, allow := range [][]string{{"**"}, {"public/**"}, {"**/*.html"}, {"docs/*.txt", "img/**"}, {"{a,b}/[cd]?/*.txt"}} {
		found, report := attack(t, func(dir string) http.Handler { return newCareful(t, dir, allow, "") }, servertest.Options{Allow: allow, Timeout: time.Minute})
		if len(found) > 0 {
			t.Errorf("allow %q: found %q", allow, found)
			show(t, report)
		}
	}
}

// A handler that serves nothing lacks what has to be served, and tells nothing.
func TestNothingServed(t *testing.T) {
	found, report := attack(t, func(string) http.Handler { return http.NotFoundHandler() }, servertest.Options{Allow: []string{"public/**"}, Timeout: time.Minute})
	if !slices.Equal(found, []probe.Kind{probe.Legal}) {
		t.Errorf("found %q", found)
		show(t, report)
	}
}

// A 403 for everything outside the rules does not tell what exists.
func TestForbiddenIsNoOracle(t *testing.T) {
	found, report := attack(t, func(dir string) http.Handler {
		files := newCareful(t, dir, []string{"public/**"}, "")
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !files.allows(strings.TrimPrefix(r.URL.Path, "/")) {
				// It repeats the path, and numbers its responses.
				w.Header().Set("X-Request-Id", strconv.FormatInt(count.Add(1), 10))
				http.Error(w, "you may not read "+r.URL.Path, http.StatusForbidden)
				return
			}
			files.ServeHTTP(w, r)
		})
	}, servertest.Options{Allow: []string{"public/**"}, Timeout: time.Minute})
	if len(found) > 0 {
		t.Errorf("found %q", found)
		show(t, report)
	}
}

var count atomic.Int64

// What Go's own file server gives away of a directory.
func TestFileServer(t *testing.T) {
	found, _ := attack(t, func(dir string) http.Handler { return http.FileServer(http.Dir(dir)) }, servertest.Options{Timeout: 2 * time.Second})
	want := []probe.Kind{probe.Dotfile, probe.Symlink, probe.Listing, probe.Oracle, probe.Hang, probe.Method, probe.Sniff}
	for _, kind := range want {
		if !slices.Contains(found, kind) {
			t.Errorf("found %q, and not %q", found, kind)
		}
	}
	if slices.Contains(found, probe.Escape) {
		t.Error("it escapes")
	}
}

// A kind that is skipped, or that the tree cannot show, is left out with a reason.
func TestLeftOut(t *testing.T) {
	found, report := attack(t, func(dir string) http.Handler { return newCareful(t, dir, []string{"**"}, "dotfile") },
		servertest.Options{Skip: []probe.Kind{probe.Dotfile}, Timeout: time.Minute})
	for _, result := range report.Results {
		if wanted := result.Kind == probe.Dotfile || result.Kind == probe.Hidden; wanted != (result.Verdict == probe.LeftOut && result.Why != "") {
			t.Errorf("%s: %s %q", result.Kind, result.Verdict, result.Why)
		}
	}
	if len(found) > 0 || report.Found() {
		t.Errorf("found %q", found)
	}
}

// Run fails the subtest of a kind and shows a command that repeats the request.
func TestRunFails(t *testing.T) {
	const inner = "BAILIWICK_SERVERTEST_INNER"
	allow := []string{"public/**"}
	if os.Getenv(inner) != "" {
		servertest.Run(t, func(dir string) http.Handler { return newCareful(t, dir, allow, "dotfile") }, servertest.Options{Allow: allow, Timeout: time.Minute})
		return
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestRunFails$", "-test.v")
	cmd.Env = append(os.Environ(), inner+"=1")
	out, err := cmd.CombinedOutput()
	if err == nil {
		t.Error("the test passed")
	}
	for _, want := range []string{"--- FAIL: TestRunFails/dotfile", "curl --path-as-is", "--- PASS: TestRunFails/escape"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the output lacks %q", want)
		}
	}
	if t.Failed() {
		t.Logf("%s", out)
	}
}

// Rules by which nothing can be asked for are an error.
func TestNoRoom(t *testing.T) {
	for _, allow := range []string{"only.txt", "re:.*"} {
		_, err := servertest.Attack(t.Context(), t.TempDir(), func(string) http.Handler { return http.NotFoundHandler() },
			servertest.Options{Allow: []string{allow}})
		if (allow == "only.txt") != errors.Is(err, probe.ErrNoRoom) {
			t.Errorf("allow %q: %v", allow, err)
		}
	}
}

// Nothing is left of an attack: no goroutine, even of a handler that hangs, and no canary.
func TestLeavesNothing(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	temp, dir := t.TempDir(), t.TempDir()
	for _, name := range []string{"TMPDIR", "TMP"} { // of Unix, of Windows
		t.Setenv(name, temp)
	}
	found, err := servertest.Attack(t.Context(), dir, func(dir string) http.Handler { return http.FileServer(http.Dir(dir)) },
		servertest.Options{Timeout: 2 * time.Second})
	if err != nil || !found.Found() {
		t.Fatal(err)
	}
	for _, dir := range []string{temp, dir} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e.Name() != "www" {
				t.Errorf("%s is left", e.Name())
			}
		}
	}
}

//go:build unix

package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/bailiwick-fs/bailiwick/server/probe"
	"github.com/bailiwick-fs/bailiwick/testdata/s3gateway"
)

// A probed is a run of the command: its output, and what it left behind.
type probed struct {
	code           int
	stdout, stderr string
	left           []string
}

// runProbe runs "bailiwick probe ARGS…" with a temporary directory of its own, as fast as it
// can. dir is what it plants in.
func runProbe(t *testing.T, dir string, args ...string) probed {
	t.Helper()
	cmd, temp := probeCommand(t, args...)
	before := listing(t, dir, filepath.Dir(dir))
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	left := slices.DeleteFunc(listing(t, dir, filepath.Dir(dir), temp), func(name string) bool { return slices.Contains(before, name) })
	return probed{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String(), left}
}

func probeCommand(t *testing.T, args ...string) (cmd *exec.Cmd, temp string) {
	t.Helper()
	cmd = command(append([]string{"probe", "--max-rate", "off", "--response-timeout", "60s"}, args...)...)
	temp = t.TempDir()
	cmd.Env = append(cmd.Env, "TMPDIR="+temp)
	return cmd, temp
}

func listing(t *testing.T, dirs ...string) []string {
	t.Helper()
	var names []string
	for _, dir := range dirs {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			names = append(names, filepath.Join(dir, e.Name()))
		}
	}
	return names
}

// kindsFound returns the kinds of the lines of findings.
func (p probed) kindsFound() []string {
	var kinds []string
	for line := range strings.Lines(p.stdout) {
		if columns := strings.Split(strings.TrimSpace(line), "\t"); columns[0] == "finding" {
			kinds = append(kinds, columns[1])
		}
	}
	return kinds
}

const robotToken = "a-long-random-token"

// robotTokens returns a file with robotToken in it.
func robotTokens(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "tokens")
	write(t, file, fmt.Sprintf("robot:%x\n", sha256.Sum256([]byte(robotToken))))
	return file
}

// The real server, attacked by the real command, gives nothing away.
func TestProbeOfServe(t *testing.T) {
	member := "Authorization: Bearer " + robotToken
	for name, c := range map[string]struct {
		serve func(t *testing.T, dir string) *process
		args  []string
	}{
		"all": {func(t *testing.T, dir string) *process { return serveTree(t, dir, "--allow", "**", "--list") }, nil},
		"rules": {
			func(t *testing.T, dir string) *process {
				return serveTree(t, dir, "--allow", "**/*.html", "--deny", "drafts", "--symlinks", "inside", "--list")
			},
			[]string{"--allow", "**/*.html", "--deny", "drafts"},
		},
		"users": {
			func(t *testing.T, dir string) *process {
				return serveTree(t, dir, "--allow", "**", "--tokens", robotTokens(t), "--access", "authenticated can read,list")
			},
			[]string{"--header", member},
		},
		"a stranger": {
			func(t *testing.T, dir string) *process {
				return serveTree(t, dir, "--allow", "**", "--tokens", robotTokens(t), "--access", "authenticated can read,list", "--access", "anyone can read public/**")
			},
			nil,
		},
		"a page for everything": {
			func(t *testing.T, dir string) *process {
				return serveTree(t, dir, "--allow", "**/*.html", "--not-found", "a.html")
			},
			[]string{"--allow", "**/*.html"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(tree(t, map[string]string{"www/a.html": "a"}), "www")
			p := c.serve(t, dir)
			got := runProbe(t, dir, append([]string{p.url, "--plant", dir}, c.args...)...)
			want := 0
			if name == "a stranger" {
				want = 2 // it gets nothing that could be attacked
			}
			if got.code != want || len(got.kindsFound()) > 0 || len(got.left) > 0 {
				t.Errorf("exit code %d, left %q:\n%s%s", got.code, got.left, got.stdout, got.stderr)
			}
		})
	}
}

// A gateway keeps its objects as files, so the command can plant in a bucket. What links and
// FIFOs are there is up to the gateway, and so is which names it can keep.
func TestProbeOfServeS3(t *testing.T) {
	gateway := s3gateway.Start(t)
	bucket := gateway.Bucket(t, "probed")
	if err := bucket.Put(t.Context(), "a.txt", []byte("a"), ""); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(bucket.Path("a.txt"))
	isolateAWS(t)
	t.Setenv("AWS_ACCESS_KEY_ID", gateway.AccessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", gateway.SecretKey)
	p := serveTree(t, "s3://probed"+at(gateway), "--allow", "**", "--list")
	got := runProbe(t, dir, p.url, "--plant", dir, "--skip", "symlink", "--skip", "hang", "--skip", "legal")
	if got.code != 0 || len(got.left) > 0 {
		t.Errorf("exit code %d, left %q:\n%s%s", got.code, got.left, got.stdout, got.stderr)
	}
}

// What is found comes with a command that shows it.
func TestProbeFinds(t *testing.T) {
	dir := filepath.Join(tree(t, map[string]string{"www/a.txt": "a"}), "www")
	srv := httptest.NewServer(http.StripPrefix("/static", http.FileServer(http.Dir(dir))))
	defer srv.Close()
	got := runProbe(t, dir, srv.URL, "--prefix", "static", "--plant", dir, "--skip", "hang", "--skip", "listing")
	if want := []string{"dotfile", "symlink", "oracle", "error", "method", "sniff"}; got.code != 1 || len(got.left) > 0 || !slices.Equal(got.kindsFound(), want) {
		t.Errorf("exit code %d, left %q:\n%s%s", got.code, got.left, got.stdout, got.stderr)
	}
	for line := range strings.Lines(got.stdout) {
		if columns := strings.Split(line, "\t"); columns[0] == "finding" && !strings.HasPrefix(columns[3], "curl --path-as-is -g -i ") {
			t.Errorf("no command: %s", line)
		}
	}
	if !strings.Contains(got.stdout, "left out\thang\tskipped\n") {
		t.Errorf("no word of what was skipped:\n%s", got.stdout)
	}

	got = runProbe(t, dir, srv.URL+"/static", "--plant", dir, "--skip", "hang", "--json")
	var report probe.Report
	if err := json.Unmarshal([]byte(got.stdout), &report); err != nil || got.code != 1 || !report.Found() || len(report.Results) != len(probe.Kinds()) {
		t.Errorf("exit code %d, %v:\n%s", got.code, err, got.stdout)
	}
}

// The command of a finding gets what the finding says.
func TestProbeCommandRepeats(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		if os.Getenv("BAILIWICK_REQUIRE_SERVERS") == "1" {
			t.Fatal("there is no curl")
		}
		t.Skip("there is no curl")
	}
	top := tree(t, map[string]string{"www/a.txt": "a"})
	dir, file := filepath.Join(top, "www"), filepath.Join(top, "planted.json")
	srv := httptest.NewServer(http.FileServer(http.Dir(dir)))
	defer srv.Close()
	if out, err := command("probe", "plant", dir, "--save", file).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	got := runProbe(t, dir, srv.URL, "--planted", file, "--skip", "hang", "--skip", "oracle")
	if got.code != 1 || len(got.left) > 0 || !slices.Contains(got.kindsFound(), "dotfile") {
		t.Errorf("exit code %d, left %q:\n%s%s", got.code, got.left, got.stdout, got.stderr)
	}
	for line := range strings.Lines(got.stdout) {
		columns := strings.Split(strings.TrimSpace(line), "\t")
		if columns[0] != "finding" || columns[1] != "dotfile" && columns[1] != "symlink" {
			continue
		}
		out, err := exec.Command("sh", "-c", strings.Replace(columns[3], "curl", curl+" -sS", 1)).CombinedOutput()
		if err != nil || !strings.Contains(string(out), "bwp-") {
			t.Errorf("%s: %v\n%s", columns[3], err, out)
		}
	}
	if out, err := command("probe", "remove", file).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if names := listing(t, top, dir); len(names) != 2 {
		t.Errorf("%q is left", names)
	}
}

// An interrupted attack removes what it planted, and does not end as one that found
// something.
func TestProbeInterrupted(t *testing.T) {
	dir := filepath.Join(tree(t, map[string]string{"www/a.txt": "a"}), "www")
	files := http.FileServer(http.Dir(dir))
	var requests atomic.Int64
	enough, stopped := make(chan struct{}), make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if requests.Add(1) == 50 {
			close(enough)
			<-stopped
		}
		files.ServeHTTP(w, r)
	}))
	defer srv.Close()
	cmd, temp := probeCommand(t, srv.URL, "--plant", dir)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	<-enough
	if names := listing(t, dir, filepath.Dir(dir), temp); len(names) != 6 {
		t.Errorf("planted: %q", names)
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	close(stopped)
	if code := cmd.ProcessState.ExitCode(); code != 2 || !strings.Contains(stderr.String(), "bailiwick: the probe was interrupted") {
		t.Errorf("exit code %d:\n%s", code, &stderr)
	}
	if names := listing(t, dir, filepath.Dir(dir), temp); len(names) != 2 {
		t.Errorf("left: %q", names)
	}
}

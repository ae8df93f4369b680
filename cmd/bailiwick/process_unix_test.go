//go:build unix

package main

import (
	"bufio"
	"context"
	"io"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
)

// patience is the timeout of every wait in these tests. None of them measures time.
const patience = 20 * time.Second

// A process is a running server.
type process struct {
	t     *testing.T
	cmd   *exec.Cmd
	url   string // from the ready line
	admin string

	mu    sync.Mutex
	lines []string      // of standard error, so far
	more  chan struct{} // closed and replaced at each new line
	ended chan struct{} // closed when standard error ends
}

var (
	readyLine = regexp.MustCompile(`^listening on (http://127\.0\.0\.1:[1-9][0-9]*)$`)
	adminLine = regexp.MustCompile(`admin.* (http://127\.0\.0\.1:[1-9][0-9]*)$`)
)

// serveTree starts "bailiwick serve DIR ARGS…" on a free port and returns when
// it is ready. At the end of the test it is killed if it still runs.
func serveTree(t *testing.T, dir string, args ...string) *process {
	t.Helper()
	return start(t, append([]string{"serve", dir, "--listen", "127.0.0.1:0"}, args...)...)
}

// start is serveTree for any command that serves.
func start(t *testing.T, args ...string) *process {
	t.Helper()
	return startCommand(t, command(args...))
}

// startCommand is start for the command cmd.
func startCommand(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := spawn(t, cmd)
	p.url = p.await(readyLine)
	for _, line := range p.said() {
		if m := adminLine.FindStringSubmatch(line); m != nil {
			p.admin = m[1]
		}
	}
	return p
}

// spawn starts the command cmd and returns at once. It is killed at the end of the test if it
// still runs.
func spawn(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{t: t, cmd: cmd, more: make(chan struct{}), ended: make(chan struct{})}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go p.read(stderr)
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill()
			<-p.ended
			_ = cmd.Wait()
		}
	})
	return p
}

// command returns the command with an environment without BAILIWICK_ variables.
func command(args ...string) *exec.Cmd {
	cmd := exec.Command("bailiwick", args...)
	for _, entry := range os.Environ() {
		if !strings.HasPrefix(entry, cli.EnvPrefix) {
			cmd.Env = append(cmd.Env, entry)
		}
	}
	return cmd
}

func (p *process) read(stderr io.Reader) {
	defer close(p.ended)
	for in := bufio.NewScanner(stderr); in.Scan(); {
		p.mu.Lock()
		p.lines = append(p.lines, in.Text())
		close(p.more)
		p.more = make(chan struct{})
		p.mu.Unlock()
	}
}

// said returns the lines of standard error so far.
func (p *process) said() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lines[:len(p.lines):len(p.lines)]
}

// await waits until a line of standard error matches, including earlier lines. It returns
// the last group of the expression, or the whole match if it has none.
func (p *process) await(re *regexp.Regexp) string {
	p.t.Helper()
	timeout := time.After(patience)
	for {
		p.mu.Lock()
		lines, more := p.lines, p.more
		p.mu.Unlock()
		for _, line := range lines {
			if m := re.FindStringSubmatch(line); m != nil {
				return m[len(m)-1]
			}
		}
		select {
		case <-more:
		case <-p.ended:
			p.t.Fatalf("standard error ended without a line like %s:\n%s", re, strings.Join(p.said(), "\n"))
		case <-timeout:
			p.t.Fatalf("no line like %s:\n%s", re, strings.Join(p.said(), "\n"))
		}
	}
}

func (p *process) signal(sig syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		p.t.Fatal(err)
	}
}

// exit waits for the process to end and returns its exit code.
func (p *process) exit() int {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		p.t.Fatalf("the server did not end:\n%s", strings.Join(p.said(), "\n"))
	}
	_ = p.cmd.Wait()
	return p.cmd.ProcessState.ExitCode()
}

// awaitClosed waits until the server refuses connections.
func (p *process) awaitClosed() {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", strings.TrimPrefix(p.url, "http://"))
		if ctx.Err() != nil {
			p.t.Fatal("the server still accepts connections")
		}
		if err != nil {
			return
		}
		conn.Close()
	}
}

// get returns the status and the body of a request on a connection of its own.
func get(t *testing.T, url string) (int, string) {
	t.Helper()
	resp := request(t, url)
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// request returns the response to a GET with its body unread.
func request(t *testing.T, url string) *http.Response {
	t.Helper()
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

// tree makes a directory with files in sorted order, so that a sidecar is never older than
// its file by chance.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		write(t, filepath.Join(dir, name), files[name])
	}
	return dir
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// filesIn returns the names of all files below dir, sorted.
func filesIn(t *testing.T, dir string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			name, _ := filepath.Rel(dir, path)
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

//go:build unix

package main

import (
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
)

var anyReadyLine = regexp.MustCompile(`^listening on (https?://127\.0\.0\.1:[1-9][0-9]*)$`)

// launch starts the server cmd and returns when it is ready. It is killed at the end of
// the test if it still runs.
func launch(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := spawn(t, cmd)
	p.url = p.await(anyReadyLine)
	for _, line := range p.said() {
		if m := adminLine.FindStringSubmatch(line); m != nil {
			p.admin = m[1]
		}
	}
	return p
}

// configured starts a server on a free port with the configuration yaml and files beside
// it.
func configured(t *testing.T, yaml string, files map[string]string) (p *process, dir string) {
	t.Helper()
	dir = tree(t, files)
	writeConfig(t, dir, yaml)
	return launch(t, command("serve", "--config", filepath.Join(dir, "bailiwick.yaml"))), dir
}

func writeConfig(t *testing.T, dir, yaml string) {
	t.Helper()
	write(t, filepath.Join(dir, "bailiwick.yaml"), "listen: [127.0.0.1:0]\n"+yaml)
}

// stop stops the server with SIGTERM, as a service manager does.
func (p *process) stop() {
	p.t.Helper()
	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != cli.ExitDone {
		p.t.Errorf("exit code %d", code)
	}
}

// do sends a GET, modified by change, on a new connection. The target is sent verbatim,
// and host, if it is not empty, as the Host.
func (p *process) do(t *testing.T, host, target string, change ...func(*http.Request)) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url, nil)
	if err != nil {
		t.Fatal(err)
	}
	// Opaque is sent verbatim, but would be a host if it began with two slashes.
	r.URL.Opaque = target
	if len(target) > 1 && target[1] == '/' {
		r.URL.Opaque = r.URL.Scheme + "://" + r.URL.Host + target
	}
	r.Host = host
	for _, f := range change {
		f(r)
	}
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func as(user string) func(*http.Request) {
	return func(r *http.Request) { r.SetBasicAuth(user, "pw") }
}

// users are alice and bob with the password pw, hashed with the minimum cost.
const users = `alice:$2a$04$ui.62yczoZ18A9xMGQw4l.QYzJUTb5FaPO5485sfqkKJxS5FiZDnm
bob:$2a$04$ui.62yczoZ18A9xMGQw4l.QYzJUTb5FaPO5485sfqkKJxS5FiZDnm
`

// awaitCount waits until n lines of standard error match, and returns the last of them.
func (p *process) awaitCount(re *regexp.Regexp, n int) string {
	p.t.Helper()
	timeout := time.After(patience)
	for {
		p.mu.Lock()
		lines, more := p.lines, p.more
		p.mu.Unlock()
		found := 0
		for _, line := range lines {
			if re.MatchString(line) {
				found++
			}
			if found == n {
				return line
			}
		}
		select {
		case <-more:
		case <-p.ended:
			p.t.Fatalf("standard error ended with %d of %d lines like %s", found, n, re)
		case <-timeout:
			p.t.Fatalf("%d of %d lines like %s", found, n, re)
		}
	}
}

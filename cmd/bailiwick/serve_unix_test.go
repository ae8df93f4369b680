//go:build unix

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
)

var siteFiles = map[string]string{
	"index.html":       "top",
	"docs/a.html":      "a",
	"docs/notes.txt":   "notes",
	"drafts/b.html":    "b",
	".env":             "secret",
	"docs/.git/x.html": "secret",
}

func TestServe(t *testing.T) {
	p := serveTree(t, tree(t, siteFiles), "--allow", "**/*.html", "--deny", "drafts", "--list")
	for _, c := range []struct {
		path, body string
		status     int
	}{
		{"/", "top", 200},
		{"/docs/a.html", "a", 200},
		{"/docs/notes.txt", "not found\n", 404},
		{"/drafts/b.html", "not found\n", 404},
		{"/.env", "not found\n", 404},
		{"/nosuch.html", "not found\n", 404},
	} {
		if status, body := get(t, p.url+c.path); status != c.status || body != c.body {
			t.Errorf("%s: %d %q, want %d %q", c.path, status, body, c.status, c.body)
		}
	}
	if _, body := get(t, p.url+"/docs/"); !strings.Contains(body, "a.html") || strings.Contains(body, "notes") {
		t.Errorf("the listing is %q", body)
	}
	p.await(regexp.MustCompile(`"raw":"/docs/notes\.txt".*"reason":"policy\.no_allow"`))
	p.await(regexp.MustCompile(`"raw":"/docs/a\.html".*"status":200`))

	said := p.said()
	ready := slices.IndexFunc(said, readyLine.MatchString)
	exposed := slices.Index(said, "exposed: 2 names; hidden: 4 (policy.deny 1, policy.dotfile 1, policy.no_allow 2)")
	if exposed < 0 || exposed > ready {
		t.Errorf("the exposed names were not reported before the server was ready:\n%s", strings.Join(said, "\n"))
	}
	p.signal(syscall.SIGINT)
	if code := p.exit(); code != cli.ExitDone {
		t.Errorf("exit code %d", code)
	}
}

// An allow rule with a directory's name does not cover its files, and the start warns once
// for each such rule, unless another rule covers the files.
func TestServeAllowDirectory(t *testing.T) {
	dir := tree(t, map[string]string{"docs/a": "", "docs/b/c": "", "img/a/b": "", "css/x": "", "file": ""})
	p := serveTree(t, dir, "--allow", "docs", "--allow", "img/a", "--allow", "css", "--allow", "css/**", "--allow", "file", "--access-log", "off")
	p.stop()
	var warnings []string
	for _, line := range p.said() {
		if strings.HasPrefix(line, "warning: ") {
			warnings = append(warnings, line)
		}
	}
	if want := []string{
		"warning: --allow: docs matches nothing: it is a directory; did you mean docs/**?",
		"warning: --allow: img/a matches nothing: it is a directory; did you mean img/a/**?",
	}; !slices.Equal(warnings, want) {
		t.Errorf("warnings are %q, want %q", warnings, want)
	}
}

// The flags of serve reach the server's configuration.
func TestServeFlags(t *testing.T) {
	dir := tree(t, map[string]string{"index.html": "top", "a.html": "plain", "a.html.gz": "packed"})
	p := serveTree(t, dir, "--allow", "**", "--no-index", "--max-age", "5m", "--content", "untrusted", "--precompressed", "--listen", "127.0.0.1:0")
	if status, _ := get(t, p.url+"/"); status != 404 {
		t.Errorf("--no-index: / is %d", status)
	}
	resp := request(t, p.url+"/a.html")
	body, _ := io.ReadAll(resp.Body)
	if got := resp.Header.Get("Cache-Control"); got != "public, max-age=300" {
		t.Errorf("--max-age: Cache-Control is %q", got)
	}
	if got := resp.Header.Get("Content-Disposition"); !strings.HasPrefix(got, "attachment") {
		t.Errorf("--content untrusted: Content-Disposition is %q", got)
	}
	// The client requests gzip on its own, and fails to decompress the sidecar, which is
	// not gzip.
	if string(body) == "plain" {
		t.Error("--precompressed: the sidecar was not sent")
	}
	var urls []string
	for _, line := range p.said() {
		if m := readyLine.FindStringSubmatch(line); m != nil {
			urls = append(urls, m[1])
		}
	}
	for _, url := range urls {
		if status, _ := get(t, url+"/index.html"); status != 200 {
			t.Errorf("%s: %d", url, status)
		}
	}
}

// After SIGTERM, a running transfer finishes and new connections are refused.
func TestServeDrains(t *testing.T) {
	const size = 64 << 20 // more than a connection buffers
	dir := tree(t, nil)
	bigFile(t, dir, size)
	p := serveTree(t, dir, "--allow", "**", "--admin", "127.0.0.1:0")
	resp := request(t, p.url+"/big")
	first := make([]byte, 1)
	if _, err := io.ReadFull(resp.Body, first); err != nil {
		t.Fatal(err)
	}
	p.signal(syscall.SIGTERM)
	p.awaitClosed()
	if status, _ := get(t, p.admin+"/readyz"); status != 503 {
		t.Errorf("readyz while draining is %d, want 503", status)
	}
	p.signal(syscall.SIGHUP)
	rest, err := io.Copy(io.Discard, resp.Body)
	if err != nil || rest != size-1 {
		t.Errorf("got %d bytes of %d: %v", rest+1, size, err)
	}
	if code := p.exit(); code != cli.ExitDone {
		t.Errorf("exit code %d", code)
	}
	p.await(regexp.MustCompile(`"raw":"/big".*"bytes":67108864,"aborted":false`))
}

// A second signal, or the end of --drain, cuts the transfer of a client that does not
// read.
func TestServeCutsTransfers(t *testing.T) {
	for _, c := range []struct {
		name, drain string
		second      bool
		code        int
		said        string
	}{
		{"second signal", "1h", true, cli.ExitFailed, "stopped at once"},
		{"drain over", "1ms", false, cli.ExitDone, "were cut"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := tree(t, nil)
			bigFile(t, dir, 64<<20)
			p := serveTree(t, dir, "--allow", "**", "--drain", c.drain)
			resp := request(t, p.url+"/big")
			p.signal(syscall.SIGTERM)
			p.awaitClosed()
			if c.second {
				p.signal(syscall.SIGTERM)
			}
			if code := p.exit(); code != c.code {
				t.Errorf("exit code %d, want %d", code, c.code)
			}
			p.await(regexp.MustCompile(c.said))
			if _, err := io.Copy(io.Discard, resp.Body); err == nil {
				t.Error("the client sees a cut transfer as complete")
			}
		})
	}
}

// A process group may get a signal twice. If no transfer was cut, that is not a failure.
func TestServeSignalledTwice(t *testing.T) {
	p := serveTree(t, tree(t, siteFiles), "--allow", "**")
	// A connection without a request delays the shutdown.
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	p.signal(syscall.SIGTERM)
	p.awaitClosed()
	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != cli.ExitDone {
		t.Errorf("exit code %d", code)
	}
}

func bigFile(t *testing.T, dir string, size int64) {
	t.Helper()
	file := filepath.Join(dir, "big")
	write(t, file, "")
	if err := os.Truncate(file, size); err != nil {
		t.Fatal(err)
	}
}

// SIGHUP replaces the rules and reopens the access log, or changes nothing.
func TestServeReloads(t *testing.T) {
	dir, etc := tree(t, siteFiles), t.TempDir()
	allow, logged := filepath.Join(etc, "exposed.txt"), filepath.Join(etc, "access.jsonl")
	write(t, allow, "index.html\n")
	p := serveTree(t, dir, "--allow-file", allow, "--access-log", logged)
	expect := func(path string, want int) {
		t.Helper()
		if status, _ := get(t, p.url+path); status != want {
			t.Errorf("%s is %d, want %d", path, status, want)
		}
	}
	expect("/index.html", 200)
	expect("/docs/a.html", 404)

	write(t, allow, "docs/a.html\n")
	if err := os.Rename(logged, logged+".1"); err != nil {
		t.Fatal(err)
	}
	p.signal(syscall.SIGHUP)
	p.await(regexp.MustCompile(`^reloaded`))
	expect("/index.html", 404)
	expect("/docs/a.html", 200)

	write(t, allow, "../etc/passwd\n")
	if err := os.Rename(logged, logged+".2"); err != nil {
		t.Fatal(err)
	}
	p.signal(syscall.SIGHUP)
	p.await(regexp.MustCompile(`^reload refused, the previous configuration stays in use: .*exposed\.txt:1`))
	expect("/docs/a.html", 200)
	if _, err := os.Stat(logged); err == nil {
		t.Error("a refused reload reopened the access log")
	}

	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != cli.ExitDone {
		t.Errorf("exit code %d", code)
	}
	records := readRecords(t, logged+".1")
	records = append(records, readRecords(t, logged+".2")...)
	if len(records) != 5 {
		t.Errorf("%d records of 5 requests: %v", len(records), records)
	}
}

// The access log appends to a file; off is none.
func TestServeAccessLog(t *testing.T) {
	dir := tree(t, siteFiles)
	file := filepath.Join(t.TempDir(), "access.jsonl")
	for range 2 {
		p := serveTree(t, dir, "--allow", "**/*.html", "--access-log", file)
		get(t, p.url+"/%1b%5b2Jx")
		p.signal(syscall.SIGTERM)
		p.exit()
	}
	records := readRecords(t, file)
	if len(records) != 2 || records[0]["reason"] != "name.control" || records[1]["raw"] != "/%1b%5b2Jx" {
		t.Errorf("the records are %v", records)
	}

	p := serveTree(t, dir, "--allow", "**/*.html", "--access-log", "off")
	get(t, p.url+"/index.html")
	p.signal(syscall.SIGTERM)
	p.exit()
	if all := strings.Join(p.said(), "\n"); strings.Contains(all, "index.html") {
		t.Errorf("records although the log is off:\n%s", all)
	}
}

func readRecords(t *testing.T, file string) (records []map[string]any) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(data) {
		var r map[string]any
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatalf("%s: %q: %v", file, line, err)
		}
		records = append(records, r)
	}
	return records
}

func TestServeAdmin(t *testing.T) {
	p := serveTree(t, tree(t, siteFiles), "--allow", "**/*.html", "--admin", "127.0.0.1:0")
	if p.admin == "" || p.admin == p.url {
		t.Fatalf("the admin listener is %q, the server %q", p.admin, p.url)
	}
	for path, want := range map[string]int{"/livez": 200, "/readyz": 200, "/metrics": 200, "/index.html": 404} {
		if status, _ := get(t, p.admin+path); status != want {
			t.Errorf("admin: %s is %d, want %d", path, status, want)
		}
		if path == "/index.html" {
			continue
		}
		if status, _ := get(t, p.url+path); status != 404 {
			t.Errorf("the public listener answers %s with %d", path, status)
		}
	}
	get(t, p.url+"/index.html")
	get(t, p.url+"/.env")
	_, body := get(t, p.admin+"/metrics")
	for _, line := range []string{
		`bailiwick_requests_total{method="GET",status="2xx",verdict="allowed"} 1`,
		`bailiwick_requests_total{method="GET",status="4xx",verdict="refused"} 4`,
		`bailiwick_refusals_total{reason="policy.no_allow"} 4`,
		`bailiwick_requests_in_flight 0`,
		`bailiwick_request_duration_seconds_count 5`,
		`bailiwick_access_log_dropped_total 0`,
	} {
		if !strings.Contains(body, line+"\n") {
			t.Errorf("the metrics lack %s:\n%s", line, body)
		}
	}
}

func TestServePortInUse(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	dir := tree(t, siteFiles)
	for _, args := range [][]string{
		{"--listen", taken.Addr().String()},
		{"--listen", "127.0.0.1:0", "--listen", taken.Addr().String()},
		{"--listen", "127.0.0.1:0", "--admin", taken.Addr().String()},
	} {
		cmd := command(append([]string{"serve", dir, "--allow", "**"}, args...)...)
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != cli.ExitFailed {
			t.Errorf("%v: %v", args, err)
		}
		if text := string(out); strings.Count(text, "\n") != 1 || !strings.Contains(text, "in use") || strings.Contains(text, "listening on http") {
			t.Errorf("%v prints %q", args, text)
		}
	}
}

// A server survives the end of the process that reads its standard error, and does not
// block if that process stops reading.
func TestServeWithoutReader(t *testing.T) {
	for _, gone := range []bool{true, false} {
		cmd := command("serve", tree(t, siteFiles), "--allow", "**", "--listen", "127.0.0.1:0")
		stderr, err := cmd.StderrPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		url := ""
		in := bufio.NewReaderSize(stderr, 16)
		for url == "" {
			line, err := in.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			if m := readyLine.FindStringSubmatch(strings.TrimSpace(line)); m != nil {
				url = m[1]
			}
		}
		if gone {
			stderr.Close()
		}
		client := &http.Client{}
		for range 1000 { // more records than a pipe buffers
			resp, err := client.Get(url + "/index.html")
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if state, err := cmd.Process.Wait(); err != nil || state.ExitCode() != cli.ExitDone {
			t.Errorf("reader gone %v: %v, %v", gone, state, err)
		}
	}
}

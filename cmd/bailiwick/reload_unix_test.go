//go:build unix

package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/testdata/length"
)

// TestReloadUnderLoad sends requests while reloads alternate between two configurations
// that swap the sources. No request is dropped, every response matches exactly one of
// the configurations, and nothing is left open at the end.
func TestReloadUnderLoad(t *testing.T) {
	requests, reloads := 10_000, 50
	if length.Short() {
		requests, reloads = 1_000, 10
	}
	dir := tree(t, map[string]string{
		"users-1": users, "users-2": users,
		"one/a": "one", "two/a": "two", "one/index.html": "one", "two/index.html": "two", "cat/x": "", "up/x": "",
	})
	// In each configuration, max_age is the configuration's number.
	text := func(first, second string, n int) string {
		return fmt.Sprintf(`
admin: 127.0.0.1:0
access_log: {file: log-%d}
users: {htpasswd: users-%d}
mounts:
  - {path: /a, source: %s, allow: ["**"], max_age: %ds}
  - {path: /b, source: %s, allow: ["**"], max_age: %ds, access: [{who: anyone, can: [read]}]}
  - {path: /mem-%d, source: "mem:", allow: ["**"], write: true}
  - {path: /up-%d, source: up, uploads: {catalog: "sqlite:cat/%d.db"}}
`, n, n, first, n, second, n, n, n, n)
	}
	one, two := text("one", "two", 1), text("two", "one", 2)
	writeConfig(t, dir, one)
	p := launch(t, command("serve", "--config", filepath.Join(dir, "bailiwick.yaml")))
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8}}
	defer client.CloseIdleConnections()
	// The responses of each configuration to /a/a and /b/a, with their Cache-Control.
	right := map[string]bool{
		"/a/a one public, max-age=1": true, "/b/a two public, max-age=1": true,
		"/a/a two public, max-age=2": true, "/b/a one public, max-age=2": true,
	}
	fetch := func(path string) error {
		resp, err := client.Get(p.url + path)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			return err
		}
		if got := path + " " + string(body) + " " + resp.Header.Get("Cache-Control"); resp.StatusCode != 200 || !right[got] {
			return fmt.Errorf("%d %s", resp.StatusCode, got)
		}
		return nil
	}
	swap := func(text string, n int) {
		t.Helper()
		writeConfig(t, dir, text)
		p.signal(syscall.SIGHUP)
		p.awaitCount(reloadedLine, n)
	}
	// Warm up: use both configurations once before the base is measured.
	swap(two, 1)
	swap(one, 2)
	if err := fetch("/a/a"); err != nil {
		t.Fatal(err)
	}
	before := resourcesOf(t, p)

	var done atomic.Int64
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for done.Add(1) <= int64(requests) {
				path := "/a/a"
				if done.Load()%2 == 0 {
					path = "/b/a"
				}
				if err := fetch(path); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for n := range reloads {
		next := two
		if n%2 == 1 {
			next = one
		}
		swap(next, n+3)
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	client.CloseIdleConnections()
	eventually(t, func() string {
		if after := resourcesOf(t, p); after.descriptors > before.descriptors || after.goroutines > before.goroutines+4 {
			return fmt.Sprintf("before %+v, after %+v", before, after)
		}
		return ""
	})
	p.stop()
	lines := 0
	for _, name := range []string{"log-1", "log-2"} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		lines += strings.Count(string(data), "\n")
	}
	if lines != requests+1 {
		t.Errorf("%d records of %d requests", lines, requests+1)
	}
}

var reloadedLine = regexp.MustCompile(`^reloaded`)

type resources struct{ descriptors, goroutines int }

// resourcesOf returns the resources that the server uses according to its own metrics.
func resourcesOf(t *testing.T, p *process) resources {
	t.Helper()
	_, text := get(t, p.admin+"/metrics")
	value := func(name string) int {
		m := regexp.MustCompile(`(?m)^` + name + ` ([0-9.e+]+)$`).FindStringSubmatch(text)
		if m == nil {
			if runtime.GOOS != "linux" {
				return 0
			}
			t.Fatalf("there is no %s", name)
		}
		f, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			t.Fatal(err)
		}
		return int(f)
	}
	return resources{value("process_open_fds"), value("go_goroutines")}
}

// eventually repeats check until it returns "", and fails with its last result.
func eventually(t *testing.T, check func() string) {
	t.Helper()
	var last string
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if last = check(); last == "" {
			return
		}
	}
	t.Error(last)
}

// An invalid file of any kind leaves the old configuration in use, and the message has
// its name and line. The same holds for a change that requires a restart.
func TestReloadRefused(t *testing.T) {
	yaml := `
users: {htpasswd: users, tokens: tokens}
links: {keys: keys}
mounts:
  - {path: /a, source: d, allow_file: names, access: [{who: "user:alice", can: [read]}]}
`
	files := map[string]string{
		"users": users, "tokens": "", "keys": "k1:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=\n",
		"names": "a\n", "d/a": "a",
	}
	p, dir := configured(t, yaml, files)
	still := func(after string) {
		t.Helper()
		if resp, body := p.do(t, "", "/a/a", as("alice")); resp.StatusCode != 200 || body != "a" {
			t.Errorf("after %s: %d %q", after, resp.StatusCode, body)
		}
	}
	still("the start")
	n := 0
	for _, c := range []struct{ file, text, line string }{
		{"bailiwick.yaml", "mounts: [", `bailiwick\.yaml:1: invalid YAML`},
		{"bailiwick.yaml", "listen: [127.0.0.1:0]\n" + yaml + "mounds: 1\n", `bailiwick\.yaml:7: .*mounds`},
		{"bailiwick.yaml", "", `bailiwick\.yaml:1: the file is empty`},
		{"users", users + "alice:$2a$04$x\n", `users:3: `},
		{"tokens", "robot:xyz\n", `tokens:1: `},
		{"keys", "k1:short\n", `keys:1: `},
		{"names", "a\n../b\n", `names:2: `},
		{"bailiwick.yaml", "listen: [127.0.0.1:0]\nadmin: 127.0.0.1:0\n" + yaml, `admin has changed; restart the server to apply it`},
		{"bailiwick.yaml", "listen: ['127.0.0.1:0', '127.0.0.1:1']\n" + yaml, `listen has changed; restart the server to apply it`},
		{"bailiwick.yaml", "listen: [127.0.0.1:0]\nlandlock: off\n" + yaml, `landlock has changed; restart the server to apply it`},
		{"bailiwick.yaml", "listen: [127.0.0.1:0]\nlimits: {connections: 7}\n" + yaml, `a connection limit has changed; restart the server to apply it`},
		{"bailiwick.yaml", "listen: [127.0.0.1:0]\ntls: {acme: {domains: [x.example.org], dir: d}}\n" + yaml, `tls has changed; restart the server to apply it`},
		{"bailiwick.yaml", "listen: [127.0.0.1:0]\nmounts: [{source: nosuch, allow: ['**']}]\n", `nosuch`},
	} {
		file := filepath.Join(dir, c.file)
		old, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		write(t, file, c.text)
		n++
		p.signal(syscall.SIGHUP)
		if last := p.awaitCount(regexp.MustCompile(`^reload`), n); !regexp.MustCompile(`^reload refused, the previous configuration stays in use: .*` + c.line).MatchString(last) {
			t.Errorf("%s: %s", c.line, last)
		}
		still(c.line)
		write(t, file, string(old))
	}
	p.signal(syscall.SIGHUP)
	p.await(reloadedLine)
	still("the files are right again")
	write(t, filepath.Join(dir, "users"), strings.Split(users, "\n")[1]+"\n")
	p.signal(syscall.SIGHUP)
	p.awaitCount(reloadedLine, 2)
	if resp, _ := p.do(t, "", "/a/a", as("alice")); resp.StatusCode != 401 {
		t.Errorf("a user removed from the file still gets %d", resp.StatusCode)
	}
}

// A SIGTERM ends the server, however many SIGHUPs precede it.
func TestReloadStormEnds(t *testing.T) {
	p, _ := configured(t, `mounts: [{source: d, allow: ["**"]}]`, map[string]string{"d/a": "a"})
	for range 200 {
		p.signal(syscall.SIGHUP)
	}
	p.stop()
}

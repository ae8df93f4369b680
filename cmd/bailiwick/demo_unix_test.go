//go:build unix

package main

import (
	"bytes"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
)

// A demoRun is a running "bailiwick demo".
type demoRun struct {
	*process
	welcome   string // what it printed
	passwords map[string]string
	temp      string // its temporary directory
}

var demoUser = regexp.MustCompile(`(\w+), password (\w+)`)

func startDemo(t *testing.T) *demoRun {
	t.Helper()
	cmd := command("demo")
	d := &demoRun{temp: t.TempDir(), passwords: map[string]string{}}
	cmd.Env = append(cmd.Env, "TMPDIR="+d.temp)
	stdout, err := os.Create(filepath.Join(t.TempDir(), "stdout"))
	if err != nil {
		t.Fatal(err)
	}
	defer stdout.Close()
	cmd.Stdout = stdout
	d.process = startCommand(t, cmd)
	// It prints this before it serves the first signal, and after the ready line.
	d.signal(syscall.SIGHUP)
	d.await(regexp.MustCompile(`^reloaded`))
	text, err := os.ReadFile(stdout.Name())
	if err != nil {
		t.Fatal(err)
	}
	d.welcome = string(text)
	for _, m := range demoUser.FindAllStringSubmatch(d.welcome, -1) {
		d.passwords[m[1]] = m[2]
	}
	return d
}

// do sends a request as a user, "" for nobody, and returns the status and the body.
func (d *demoRun) do(user, method, path, contentType, body string) (int, string) {
	d.t.Helper()
	req, err := http.NewRequest(method, d.url+path, strings.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	req.Header.Set("Accept", "application/json")
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	if user != "" {
		req.SetBasicAuth(user, d.passwords[user])
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	return resp.StatusCode, string(answer)
}

// The demo serves its site by its rules, also after a reload, and leaves nothing behind.
func TestDemo(t *testing.T) {
	d := startDemo(t)
	if len(d.passwords) != 2 || !strings.Contains(d.welcome, d.url+"/") {
		t.Fatalf("it printed %s", d.welcome)
	}
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	part, _ := w.CreateFormFile("file", "mine.txt")
	io.WriteString(part, "an upload")
	w.Close()
	for _, c := range []struct {
		user, method, path string
		status             int
		has                string
	}{
		{"", "GET", "/", 200, `"Documents"`},
		{"", "GET", "/Start%20here.md", 200, "A site to try"},
		{"", "GET", "/Many/Entry%20300.txt", 200, "300 of 300"},
		{"", "GET", "/Names/%F0%9F%8E%89%20party%20%F0%9F%8E%88.txt", 200, "Emoji"},
		{"", "GET", "/passwords.txt", 404, "not found"},
		{"", "GET", "/Documents/draft.docx", 404, "not found"},
		{"", "PUT", "/Playground/new.txt", 201, ""},
		{"", "GET", "/Playground/new.txt", 200, "body"},
		{"", "PUT", "/Documents/new.txt", 404, "not found"},
		{"", "PUT", "/Team/new.txt", 404, "not found"},
		{"bob", "PUT", "/Team/new.txt", 201, ""},
		{"alice", "GET", "/Private/", 200, `"alice"`},
		{"alice", "GET", "/Private/alice/Diary.txt", 200, "Only alice"},
		{"alice", "GET", "/Private/bob/Plans.txt", 404, "not found"},
		{"alice", "POST", "/Inbox/", 201, "mine.txt"},
	} {
		body, contentType := "body", ""
		if c.method == "POST" {
			body, contentType = form.String(), w.FormDataContentType()
		}
		status, got := d.do(c.user, c.method, c.path, contentType, body)
		if status != c.status || !strings.Contains(got, c.has) {
			t.Errorf("%s %s as %q: %d %.200s, want %d with %q", c.method, c.path, c.user, status, got, c.status, c.has)
		}
	}
	d.signal(syscall.SIGINT)
	if code := d.exit(); code != cli.ExitDone {
		t.Errorf("exit code %d", code)
	}
	if left := filesIn(t, d.temp); len(left) > 0 {
		t.Errorf("it left %q", left)
	}
	for user, password := range startDemo(t).passwords {
		if password == d.passwords[user] || len(password) < 12 {
			t.Errorf("the next run gives %s the password %s, too", user, password)
		}
	}
}

// A demo that was killed leaves files, which the next one removes.
func TestDemoKilled(t *testing.T) {
	d := startDemo(t)
	d.signal(syscall.SIGKILL)
	d.exit()
	if len(filesIn(t, d.temp)) == 0 {
		t.Fatal("the killed demo left nothing, so this proves nothing")
	}
	cmd := command("demo")
	cmd.Env = append(cmd.Env, "TMPDIR="+d.temp)
	next := startCommand(t, cmd)
	next.signal(syscall.SIGTERM)
	next.exit()
	if left := filesIn(t, d.temp); len(left) > 0 {
		t.Errorf("the next demo left %q", left)
	}
}

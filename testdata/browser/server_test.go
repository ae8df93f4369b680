package browser

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/testdata/s3gateway"
)

// patience bounds every wait. No test measures time.
const patience = 60 * time.Second

// A place is where the files of a test are: a directory, or a bucket.
type place struct {
	kind   string
	dir    string // the files
	source string // as the configuration names it
	env    []string
	store  func(key, content string) error // nil if a file is enough
}

// onDisk returns an empty directory.
func onDisk(t *testing.T) *place {
	dir := t.TempDir()
	return &place{kind: "disk", dir: dir, source: dir}
}

// inBucket returns an empty bucket of an S3 server, which keeps its objects as files.
func inBucket(t *testing.T) *place {
	t.Helper()
	g := s3gateway.Start(t)
	bucket := g.Bucket(t, "pages")
	return &place{
		kind: "s3", dir: filepath.Join(g.Root, "pages"),
		source: fmt.Sprintf("s3://pages?endpoint=%s&region=%s&path_style=true", g.Endpoint, g.Region),
		env:    []string{"AWS_ACCESS_KEY_ID=" + g.AccessKey, "AWS_SECRET_ACCESS_KEY=" + g.SecretKey, "AWS_EC2_METADATA_DISABLED=true"},
		store:  func(key, content string) error { return bucket.Put(t.Context(), key, []byte(content), "") },
	}
}

// everywhere runs a test with an empty directory, and with an empty bucket.
func everywhere(t *testing.T, test func(t *testing.T, p *place)) {
	t.Run("disk", func(t *testing.T) { test(t, onDisk(t)) })
	t.Run("s3", func(t *testing.T) { test(t, inBucket(t)) })
}

// put stores a file, by the name that the server serves it under.
func (p *place) put(t *testing.T, name, content string) {
	t.Helper()
	if p.store == nil {
		p.plant(t, name, content)
		return
	}
	if err := p.store(name, content); err != nil {
		t.Fatal(err)
	}
}

// plant is put for many files to read: to a bucket it adds objects without all their
// attributes, quickly.
func (p *place) plant(t *testing.T, name, content string) {
	t.Helper()
	file := filepath.Join(p.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// has returns the content of a stored file, and whether there is one.
func (p *place) has(name string) (string, bool) {
	data, err := os.ReadFile(filepath.Join(p.dir, filepath.FromSlash(name)))
	return string(data), err == nil
}

// A server is the running command.
type server struct {
	url   string
	lines func() string // of its diagnostics
}

// networkHost is a name of this machine, for the browser alone.
const networkHost = "files.test"

// networkURL is the URL of the server as one in a local network, without TLS. Browsers trust
// such an origin less than one of the machine itself: they send no Sec-Fetch headers.
func (s *server) networkURL() string { return strings.Replace(s.url, "127.0.0.1", networkHost, 1) }

// serve runs the command with a configuration. SOURCE in it stands for the place.
func serve(t *testing.T, p *place, configuration string) *server {
	t.Helper()
	file := filepath.Join(t.TempDir(), "bailiwick.yaml")
	text := "listen: [\"127.0.0.1:0\"]\naccess_log: {file: \"off\"}\n" + strings.ReplaceAll(configuration, "SOURCE", fmt.Sprintf("%q", p.source))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return start(t, p.env, "serve", "--config", file)
}

// start runs the command until the end of the test.
func start(t *testing.T, env []string, args ...string) *server {
	t.Helper()
	cmd := exec.Command(program(t), args...)
	for _, entry := range os.Environ() {
		if !strings.HasPrefix(entry, "BAILIWICK_") {
			cmd.Env = append(cmd.Env, entry)
		}
	}
	cmd.Env = append(cmd.Env, env...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var text strings.Builder
	ready, ended := make(chan string, 1), make(chan struct{})
	go func() {
		defer close(ended)
		for in := bufio.NewScanner(stderr); in.Scan(); {
			mu.Lock()
			text.WriteString(in.Text() + "\n")
			mu.Unlock()
			if url, ok := strings.CutPrefix(in.Text(), "listening on "); ok {
				ready <- url
			}
		}
	}()
	s := &server{lines: func() string {
		mu.Lock()
		defer mu.Unlock()
		return text.String()
	}}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(patience):
			_ = cmd.Process.Kill()
			t.Errorf("the server did not end:\n%s", s.lines())
			<-ended
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("the server: %v\n%s", err, s.lines())
		}
	})
	select {
	case s.url = <-ready:
	case <-ended:
		t.Fatalf("the server does not start:\n%s", s.lines())
	case <-time.After(patience):
		t.Fatalf("the server is not ready:\n%s", s.lines())
	}
	return s
}

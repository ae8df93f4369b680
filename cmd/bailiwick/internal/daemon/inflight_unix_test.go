//go:build unix

package daemon

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
)

// served is a service in this process, whose handlers a test replaces.
func served(t *testing.T, log string) *service {
	t.Helper()
	s, err := newService(t.Context(), cli.Streams{Err: io.Discard}, cli.NewEnv(nil), func(func(*config.Config) error) (*config.Config, error) {
		return config.New(
			config.Given{Key: config.SourceKey, Values: []string{"mem:"}},
			config.Given{Key: config.Flags["allow"], Values: []string{"**"}},
			config.Given{Key: config.Flags["listen"], Values: []string{"127.0.0.1:0"}},
			config.Given{Key: config.Flags["access-log"], Values: []string{log}},
			config.Given{Key: config.Flags["drain"], Values: []string{"1h"}},
		)
	}, false)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// hold makes each handler of a service wait until the channel that release returns for its
// request is closed. The handler then
// records the request as usual.
func hold(s *service, began chan<- string, release func(*http.Request) <-chan struct{}) {
	inner := s.current.Load().handler
	s.current.Load().handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began <- r.URL.Path
		<-release(r)
		inner.ServeHTTP(w, r)
	})
}

// startRequests sends requests in the background, and returns when their handlers run.
func startRequests(s *service, began <-chan string, paths ...string) {
	for _, path := range paths {
		go func() {
			if resp, err := http.Get("http://" + s.sockets[0].Addr().String() + path); err == nil {
				resp.Body.Close()
			}
		}()
		<-began
	}
}

// twice are two signals to end.
func twice() signals {
	sig := catchSignals()
	sig.end <- syscall.SIGTERM
	sig.end <- syscall.SIGTERM
	return sig
}

// The end waits for handlers whose requests were cut; they record the outcome and the reason.
func TestCutWaitsForHandlers(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	s := served(t, log)
	s.grace = time.Hour
	began := make(chan string)
	hold(s, began, func(r *http.Request) <-chan struct{} { return r.Context().Done() })
	s.start()
	startRequests(s, began, "/a", "/b", "/c")
	if err := s.run(t.Context(), twice()); !errors.Is(err, cli.ErrReported) {
		t.Errorf("run: %v", err)
	}
	s.close()
	data, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/a", "/b", "/c"} {
		line := regexp.MustCompile(`"raw":"` + path + `".*"verdict":"error","reason":"shutdown","rule":"\*\*","backend":"mem"`)
		if n := len(line.FindAll(data, -1)); n != 1 {
			t.Errorf("%s has %d such lines:\n%s", path, n, data)
		}
	}
}

// The end does not wait forever for a handler that does not return. Its request has a line,
// and a late return adds no second one.
func TestCutRecordsWhatDoesNotReturn(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	s := served(t, log)
	s.grace = 0
	began, stuck := make(chan string), make(chan struct{})
	hold(s, began, func(*http.Request) <-chan struct{} { return stuck })
	s.start()
	startRequests(s, began, "/a", "/b")
	if err := s.run(t.Context(), twice()); !errors.Is(err, cli.ErrReported) {
		t.Errorf("run: %v", err)
	}
	close(stuck)
	s.requests.wait(20 * time.Second)
	s.close()
	data, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`"method":"GET","raw":"/[ab]","name":"","principal":"anyone","verdict":"error","reason":"shutdown",.*"status":0,"bytes":0,"aborted":true`)
	if n := len(line.FindAll(data, -1)); n != 2 || bytes.Count(data, []byte("\n")) != 2 {
		t.Errorf("%d lines are as they should be:\n%s", n, data)
	}
}

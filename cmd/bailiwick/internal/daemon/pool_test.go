package daemon

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
)

// The last request of an old configuration releases its resources. It does not wait for a
// reload that is opening an unresponsive source.
func TestReleaseDoesNotWait(t *testing.T) {
	p := newPool(cli.Streams{}, nil, nil)
	old, err := p.get("old", func(*resource) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	opening, answer, opened := make(chan bool), make(chan bool), make(chan error)
	go func() {
		_, err := p.get("slow", func(*resource) error {
			close(opening)
			<-answer
			return nil
		})
		opened <- err
	}()
	<-opening
	released := make(chan bool)
	go func() {
		old.release()
		close(released)
	}()
	select {
	case <-released:
	case <-time.After(20 * time.Second):
		t.Error("releasing waits for opening")
	}
	close(answer)
	if err := <-opened; err != nil {
		t.Fatal(err)
	}
	if p.share("old") != nil || p.share("slow") == nil {
		t.Error("the pool has a released resource, or lacks an open one")
	}
}

// If a request arrives just as the server ends, its connection is closed.
func TestRequestAfterEnd(t *testing.T) {
	defer func() {
		if v := recover(); v != http.ErrAbortHandler {
			t.Errorf("%v", v)
		}
	}()
	new(service).serve(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
}

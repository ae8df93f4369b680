package daemon

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/server/catalog"
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

// A reload that needs what the last request of an old configuration is closing opens it
// after that: until then, its directory is locked.
func TestGetWaitsForClosing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(cli.Streams{}, nil, nil)
		closing, end := make(chan bool), make(chan bool)
		old, err := p.get("cached", func(r *resource) error {
			r.catalog = closer{closing: closing, end: end}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		go old.release()
		<-closing
		opened := make(chan bool, 1)
		go func() {
			_, err := p.get("cached", func(*resource) error { return nil })
			opened <- err == nil
		}()
		synctest.Wait()
		if len(opened) > 0 {
			t.Error("opened before the old one was closed")
		}
		close(end)
		if !<-opened || p.share("cached") == nil {
			t.Error("not opened")
		}
	})
}

// A closer is a catalog whose Close takes until end is closed.
type closer struct {
	catalog.Catalog
	closing, end chan bool
}

func (c closer) Close() error {
	close(c.closing)
	<-c.end
	return nil
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

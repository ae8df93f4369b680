package server_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/bailiwick-fs/bailiwick/server"
)

// A slowForm is a form with a file that a client has begun to send to a share.
type slowForm struct {
	w    *httptest.ResponseRecorder
	rest *io.PipeWriter
	done chan struct{}
}

// begin sends a form with size bytes of a file. It returns when they have been received.
func (s *sharingServer) begin(h http.Handler, link string, size int64) *slowForm {
	s.t.Helper()
	body, headers := filesForm("a.txt", "")
	head := body[:strings.Index(body, "\r\n\r\n")+4]
	rest, more := io.Pipe()
	r := httptest.NewRequest("POST", link, io.MultiReader(strings.NewReader(head), io.LimitReader(zeros{}, size), rest))
	r.Header.Set(headers[0], headers[1])
	r.Host = "files.example"
	f := &slowForm{w: httptest.NewRecorder(), rest: more, done: make(chan struct{})}
	go func() {
		defer close(f.done)
		defer rest.Close()
		defer func() {
			if v := recover(); v != nil && v != http.ErrAbortHandler { // as a server does
				panic(v)
			}
		}()
		h.ServeHTTP(f.w, r)
	}()
	if _, err := more.Write([]byte("0")); err != nil {
		s.t.Fatalf("a slow form: %d %q", f.w.Code, f.w.Body)
	}
	return f
}

// end breaks the form off.
func (f *slowForm) end() {
	f.rest.CloseWithError(io.ErrUnexpectedEOF)
	<-f.done
}

// TestShareFilesOfOneClient: one client that sends files slowly to a file request keeps out no
// other one.
func TestShareFilesOfOneClient(t *testing.T) {
	s := newSharing(t)
	s.change = func(c *server.ShareConfig) { c.Mounts[0].Config.Intake.Slots = server.NewSlots(4) }
	s.apply()
	link := s.share("alice", fields{"path": "/files/drop", "upload": true}).URL
	body, headers := filesForm("a.txt", "sent")
	slow := []*slowForm{s.begin(s.h, link, 10), s.begin(s.h, link, 10)}
	if r := s.send("POST", link, body, headers...); r.Status != 503 || r.Header.Get("Retry-After") == "" {
		t.Errorf("a third form of a client: %d %v", r.Status, r.Header)
	}
	if r := sendTo(t, fromElsewhere(s.h), "POST", link, body, headers...); r.Status != 201 {
		t.Errorf("a form of another client: %d %q", r.Status, r.Body)
	}
	for _, f := range slow {
		f.end()
	}
	if r := s.send("POST", link, body, headers...); r.Status != 201 {
		t.Errorf("after the slow forms: %d %q", r.Status, r.Body)
	}
}

// TestShareFilesSpooled: one client that sends as much as the server keeps of its forms, and then
// nothing, keeps out no other one.
func TestShareFilesSpooled(t *testing.T) {
	s := newSharing(t)
	link := s.share("alice", fields{"path": "/files/drop", "upload": true}).URL
	body, headers := filesForm("a.txt", strings.Repeat("x", 2<<20))
	slow := s.begin(s.h, link, 1<<30-1<<20)
	defer slow.end()
	if r := s.send("POST", link, body, headers...); r.Status != 503 || r.Header.Get("Retry-After") == "" {
		t.Errorf("a second form of a client: %d %v", r.Status, r.Header)
	}
	var others sync.WaitGroup
	for range 3 {
		others.Go(func() {
			if r := sendTo(t, fromElsewhere(s.h), "POST", link, body, headers...); r.Status != 201 {
				t.Errorf("a form of another client: %d %q", r.Status, r.Body)
			}
		})
	}
	others.Wait()
}

// fromElsewhere is h for another client.
func fromElsewhere(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.RemoteAddr = "198.51.100.7:1"
		h.ServeHTTP(w, r)
	})
}

// A heldHashes makes hashes that wait.
type heldHashes struct {
	server.ShareHashes
	entered, leave chan struct{}
}

func (h heldHashes) Hash(ctx context.Context, password string) (string, error) {
	h.entered <- struct{}{}
	<-h.leave
	return h.ShareHashes.Hash(ctx, password)
}

// TestShareHashesOfOneClient: one client that makes many shares with a password at once does not
// occupy what makes their hashes.
func TestShareHashesOfOneClient(t *testing.T) {
	s := newSharing(t)
	held := heldHashes{s.hashes, make(chan struct{}), make(chan struct{})}
	s.hashes = held
	s.apply()
	const ask = `{"path":"/files/docs/pub/a.txt","password":"right"}`
	header := append(as("alice"), "Content-Type", "application/json")
	var running sync.WaitGroup
	begin := func(h http.Handler) {
		running.Go(func() {
			if r := sendTo(t, h, "POST", "/.bailiwick/shares", ask, header...); r.Status != 201 {
				t.Errorf("a share: %d %q", r.Status, r.Body)
			}
		})
		<-held.entered
	}
	begin(s.h)
	begin(s.h)
	if r := s.send("POST", "/.bailiwick/shares", ask, header...); r.Status != 503 || r.Header.Get("Retry-After") == "" {
		t.Errorf("a third share: %d %v", r.Status, r.Header)
	}
	begin(fromElsewhere(s.h))
	close(held.leave)
	running.Wait()
}

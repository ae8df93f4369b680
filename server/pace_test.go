package server_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A deadlined is a connection with a WriteTimeout that starts with the request header, as
// in net/http.
type deadlined struct {
	*httptest.ResponseRecorder
	deadline time.Time // for writes; zero for none
	late     bool      // something was written after the deadline
}

func (d *deadlined) SetWriteDeadline(t time.Time) error {
	d.deadline = t
	return nil
}

func (d *deadlined) SetReadDeadline(time.Time) error { return nil }

func (d *deadlined) WriteHeader(status int) {
	d.late = d.late || time.Now().After(d.deadline)
	d.ResponseRecorder.WriteHeader(status)
}

// Receiving a body may take longer than WriteTimeout. The client must still receive the
// response.
func TestAnswerAfterLongBody(t *testing.T) {
	for _, c := range []struct {
		name, method, path string
		handler            http.Handler
	}{
		{"put", "PUT", "/a.txt", server.New(jailOver(t, mem.New(), allow("**")), server.Config{Write: true, MinRate: 1000})},
		{"upload", "POST", "/", newUploads(t, server.UploadConfig{MinRate: 1000}).handler},
	} {
		w := &deadlined{ResponseRecorder: httptest.NewRecorder(), deadline: time.Now().Add(time.Minute)}
		// The last byte arrives after the WriteTimeout, which started with the header.
		body := io.MultiReader(bytes.NewReader([]byte("some of it, ")), lastly(func(p []byte) (int, error) {
			w.deadline = time.Now().Add(-time.Second)
			return copy(p, "the rest"), io.EOF
		}))
		r := httptest.NewRequest(c.method, c.path, body)
		r.ContentLength = 20
		r.Header.Set("Content-Disposition", `attachment; filename="a.txt"`)
		c.handler.ServeHTTP(w, r)
		if w.Code != http.StatusCreated || w.late {
			t.Errorf("%s: %d, written after the deadline: %t", c.name, w.Code, w.late)
		}
	}
}

// A change may take the store longer than WriteTimeout, and then the client must still learn that
// it was made, whether its request has a body or not.
func TestAnswerAfterLongChange(t *testing.T) {
	for _, c := range []struct {
		method, body string
		header       []string
		status       int
	}{
		{"PUT", "b", nil, 201},
		{"PUT", "", nil, 201},
		{"DELETE", "", nil, 204},
		{"COPY", "", []string{"Destination", "/b.txt"}, 201},
		{"MOVE", "", []string{"Destination", "/b.txt"}, 201},
		{"POST", "action=move&name=a.txt&to=b.txt", []string{"Content-Type", "application/x-www-form-urlencoded"}, 201},
	} {
		w := &deadlined{ResponseRecorder: httptest.NewRecorder(), deadline: time.Now().Add(time.Minute)}
		store := &slowStore{Backend: mem.New(), begun: func() {}}
		if _, err := jailOver(t, store, allow("**")).Put(t.Context(), parsed(t, "a.txt"), strings.NewReader("a"), vfs.PutOptions{}); err != nil {
			t.Fatal(err)
		}
		store.changed, store.begun = false, func() { w.deadline = time.Now().Add(-time.Second) }
		path := map[string]string{"PUT": "/b.txt", "POST": "/"}[c.method]
		if path == "" {
			path = "/a.txt"
		}
		r := httptest.NewRequest(c.method, path, strings.NewReader(c.body))
		for i := 0; i < len(c.header); i += 2 {
			r.Header.Set(c.header[i], c.header[i+1])
		}
		server.New(jailOver(t, store, allow("**")), server.Config{Write: true, MinRate: 1000}).ServeHTTP(w, r)
		if w.Code != c.status || w.late || !store.changed {
			t.Errorf("%s: %d, changed: %t, written after the deadline: %t", c.method, w.Code, store.changed, w.late)
		}
	}
}

// A slowStore calls begun when it begins a change.
type slowStore struct {
	vfs.Backend
	begun   func()
	changed bool
}

func (s *slowStore) Put(ctx context.Context, n vfs.Name, body io.Reader, opts vfs.PutOptions) (vfs.Info, error) {
	s.begun()
	s.changed = true
	return s.Backend.Put(ctx, n, body, opts)
}

func (s *slowStore) Remove(ctx context.Context, n vfs.Name, cond vfs.Cond) error {
	s.begun()
	s.changed = true
	return s.Backend.Remove(ctx, n, cond)
}

// With MinRate, every write has a deadline, including the end of the response that net/http
// flushes after the handler returns.
func TestPaceHoldsToTheEnd(t *testing.T) {
	j := jail(t, map[string]string{"large.bin": strings.Repeat("x", 1<<20)}, allow("**"))
	w := &deadlined{ResponseRecorder: httptest.NewRecorder(), deadline: time.Now().Add(time.Minute)}
	server.New(j, server.Config{MinRate: 1000}).ServeHTTP(w, httptest.NewRequest("GET", "/large.bin", nil))
	if w.Code != http.StatusOK || w.Body.Len() != 1<<20 || w.deadline.IsZero() {
		t.Errorf("%d, %d bytes, deadline %v", w.Code, w.Body.Len(), w.deadline)
	}
}

// lastly is a function as an io.Reader.
type lastly func([]byte) (int, error)

func (f lastly) Read(p []byte) (int, error) { return f(p) }

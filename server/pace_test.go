package server_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/server"
)

// A deadlined is a connection with a WriteTimeout that began with the request's header,
// as net/http has it.
type deadlined struct {
	*httptest.ResponseRecorder
	deadline time.Time // of writing; zero is none
	late     bool      // something was written past it
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

// A body may take longer to come than an answer may to go. Who sent it all must still
// hear that it arrived.
func TestAnswerAfterLongBody(t *testing.T) {
	for _, c := range []struct {
		name, method, path string
		handler            http.Handler
	}{
		{"put", "PUT", "/a.txt", server.New(jailOver(t, mem.New(), allow("**")), server.Config{Write: true, MinRate: 1000})},
		{"upload", "POST", "/", newUploads(t, server.UploadConfig{MinRate: 1000}).handler},
	} {
		w := &deadlined{ResponseRecorder: httptest.NewRecorder(), deadline: time.Now().Add(time.Minute)}
		// The last byte comes when the time that the header set is over.
		body := io.MultiReader(bytes.NewReader([]byte("some of it, ")), lastly(func(p []byte) (int, error) {
			w.deadline = time.Now().Add(-time.Second)
			return copy(p, "the rest"), io.EOF
		}))
		r := httptest.NewRequest(c.method, c.path, body)
		r.ContentLength = 20
		r.Header.Set("Content-Disposition", `attachment; filename="a.txt"`)
		c.handler.ServeHTTP(w, r)
		if w.Code != http.StatusCreated || w.late {
			t.Errorf("%s: %d, and written past the deadline: %t", c.name, w.Code, w.late)
		}
	}
}

// Where a client has to keep a pace, no part of an answer goes without a deadline: not
// even the end of it that net/http still holds when the handler is done.
func TestPaceHoldsToTheEnd(t *testing.T) {
	j := jail(t, map[string]string{"large.bin": strings.Repeat("x", 1<<20)}, allow("**"))
	w := &deadlined{ResponseRecorder: httptest.NewRecorder(), deadline: time.Now().Add(time.Minute)}
	server.New(j, server.Config{MinRate: 1000}).ServeHTTP(w, httptest.NewRequest("GET", "/large.bin", nil))
	if w.Code != http.StatusOK || w.Body.Len() != 1<<20 || w.deadline.IsZero() {
		t.Errorf("%d, %d bytes, deadline %v", w.Code, w.Body.Len(), w.deadline)
	}
}

// lastly is a Reader.
type lastly func([]byte) (int, error)

func (f lastly) Read(p []byte) (int, error) { return f(p) }

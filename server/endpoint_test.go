package server_test

import (
	"errors"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// TestEndpoint answers with what the function writes, or with the response to its error,
// and records both.
func TestEndpoint(t *testing.T) {
	missing := answerTo(server.New(jail(t, nil, allow("**")), server.Config{}), "GET", "/missing")
	for _, c := range []struct {
		what   string
		h      func(http.ResponseWriter, *http.Request) error
		status int
		reason vfs.Reason
		who    string
	}{
		{"a response", func(w http.ResponseWriter, r *http.Request) error {
			audit.FromContext(r.Context()).Principal = "alice"
			w.WriteHeader(http.StatusSeeOther)
			return nil
		}, 303, "", "alice"},
		{"a body alone", func(w http.ResponseWriter, _ *http.Request) error {
			_, err := io.WriteString(w, "ok")
			return err
		}, 200, "", "anyone"},
		{"a copied body", func(w http.ResponseWriter, _ *http.Request) error {
			_, err := io.Copy(w, strings.NewReader("ok"))
			return err
		}, 200, "", "anyone"},
		{"a flushed header", func(w http.ResponseWriter, _ *http.Request) error { return http.NewResponseController(w).Flush() }, 200, "", "anyone"},
		{"nothing", func(http.ResponseWriter, *http.Request) error { return nil }, 200, "", "anyone"},
		{"a second status", func(w http.ResponseWriter, _ *http.Request) error {
			w.WriteHeader(http.StatusAccepted)
			w.WriteHeader(http.StatusNoContent)
			return nil
		}, 202, "", "anyone"},
		{"a refusal", func(http.ResponseWriter, *http.Request) error {
			return &vfs.Error{Op: "parse", Reason: audit.ReasonCrossOrigin, Err: fs.ErrNotExist}
		}, 404, audit.ReasonCrossOrigin, "anyone"},
		{"a failure", func(http.ResponseWriter, *http.Request) error { return errors.New("secret") }, 503, audit.ReasonBackend, "anyone"},
		{"a panic", func(http.ResponseWriter, *http.Request) error { panic("secret") }, 500, audit.ReasonPanic, "anyone"},
	} {
		rec := &recorder{}
		got := answerTo(server.Endpoint(c.h, rec, quiet), "POST", "/x?secret")
		if c.status == 404 {
			same(t, c.what, got, missing)
		}
		a := rec.wait(t, 1)[0]
		if got.Status != c.status || a.Status != c.status || a.Reason != c.reason || a.Principal != c.who || a.Raw != "/x" || a.Method != "POST" {
			t.Errorf("%s: %d, recorded as %+v", c.what, got.Status, a)
		}
	}
}

// TestEndpointBegun: an early response, such as 103, is not the status. Once the response has begun,
// however it has, a failure must not complete its body: the connection is broken.
func TestEndpointBegun(t *testing.T) {
	begin := map[string]func(w http.ResponseWriter){
		"by its status": func(w http.ResponseWriter) { w.WriteHeader(http.StatusOK) },
		"by a write":    func(w http.ResponseWriter) { _, _ = io.WriteString(w, "half") },
		"by a copy":     func(w http.ResponseWriter) { _, _ = io.Copy(w, strings.NewReader("half")) },
		"by a flush":    func(w http.ResponseWriter) { _ = http.NewResponseController(w).Flush() },
		"after a 103": func(w http.ResponseWriter) {
			w.WriteHeader(http.StatusEarlyHints)
			_, _ = io.WriteString(w, "half")
		},
	}
	end := map[string]struct {
		do     func() error
		reason vfs.Reason
	}{
		"a panic":    {func() error { panic("secret") }, audit.ReasonPanic},
		"an error":   {func() error { return errors.New("secret") }, audit.ReasonBackend},
		"a refusal":  {func() error { return &vfs.Error{Op: "parse", Err: fs.ErrNotExist} }, audit.ReasonBackend},
		"an abort":   {func() error { panic(http.ErrAbortHandler) }, ""},
		"no failure": {func() error { return nil }, ""},
	}
	for how, begin := range begin {
		for what, end := range end {
			rec := &recorder{}
			url := start(t, server.Endpoint(func(w http.ResponseWriter, _ *http.Request) error {
				begin(w)
				return end.do()
			}, rec, quiet))
			res, err := client.Post(url, "", nil)
			if err == nil {
				_, err = io.ReadAll(res.Body)
				res.Body.Close()
			}
			broken := what != "no failure"
			if a := rec.wait(t, 1)[0]; (err != nil) != broken || a.Aborted != broken || a.Status != 200 || a.Reason != end.reason {
				t.Errorf("begun %s, ended by %s: %v, recorded as %+v", how, what, err, a)
			}
		}
	}
}

package server_test

import (
	"errors"
	"io/fs"
	"net/http"
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

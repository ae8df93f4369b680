package server_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/audit"
)

// Absent answers like a missing name, and records each request.
func TestAbsent(t *testing.T) {
	rec := &recorder{}
	absent := server.Absent(audit.ReasonHost, rec, quiet)
	missing := answerTo(server.New(jail(t, nil, allow("**")), server.Config{}), "GET", "/missing")
	for i, c := range [][2]string{{"GET", "/a.txt"}, {"GET", "/"}, {"GET", "/../x"}, {"PUT", "/a"}, {"DELETE", "/a"}, {"OPTIONS", "/a"}, {"POST", "/"}, {"TRACE", "/"}} {
		got := answerTo(absent, c[0], c[1])
		same(t, strings.Join(c[:], " "), got, missing)
		if a := rec.wait(t, i+1)[i]; a.Reason != audit.ReasonHost || a.Verdict != audit.Refused || a.Status != 404 || a.Raw != c[1] || a.Method != c[0] {
			t.Errorf("%s: recorded as %+v", c, a)
		}
	}
	if got := answerTo(absent, "HEAD", "/a.txt"); got.Status != 404 || got.Body != "" || got.Header.Get("Content-Length") != missing.Header.Get("Content-Length") {
		t.Errorf("HEAD: %+v", got)
	}
}

func answerTo(h http.Handler, method, target string) reply {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, target, nil))
	return reply{w.Code, w.Header(), w.Body.String()}
}

package server_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bailiwick-fs/bailiwick/server/audit"
)

// TestShareSlowForms: a client that sends a form to a share, or to make one, and stops, holds
// its request for seconds only.
func TestShareSlowForms(t *testing.T) {
	s := newSharing(t)
	m := s.share("alice", fields{"path": "/files/docs/pub", "password": "right"})
	for what, line := range map[string]string{
		"the password of a share": "POST " + (&url.URL{Path: m.URL}).EscapedPath() + "a.txt",
		"a new share":             "POST /.bailiwick/shares",
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
				server := &http.Server{Handler: s.h}
				served := make(chan error)
				go func() { served <- server.Serve(l) }()
				before := len(s.rec.wait(t, 0))
				conn, begin := l.dial(), time.Now()
				go fmt.Fprintf(conn, "%s HTTP/1.1\r\nHost: files.example\r\n%s: %s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\npassw",
					line, as("alice")[0], as("alice")[1])
				resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
				if resp.StatusCode != http.StatusRequestTimeout || time.Since(begin) > 11*time.Second {
					t.Errorf("%d after %v", resp.StatusCode, time.Since(begin))
				}
				if a := s.rec.wait(t, before+1)[before]; a.Reason != audit.ReasonClientSlow {
					t.Errorf("recorded as %+v", a)
				}
				conn.Close()
				server.Close()
				<-served
			})
		})
	}
}

package server_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/audit"
)

// TestEndpointSlowBody: a client that sends a form byte by byte, or not at all, holds a slot for
// seconds only, whether the endpoint reads the form or not. One that has sent its form in time
// is waited for.
func TestEndpointSlowBody(t *testing.T) {
	reads := func(w http.ResponseWriter, r *http.Request) error {
		_, err := io.ReadAll(r.Body)
		return err
	}
	checks := func(w http.ResponseWriter, r *http.Request) error {
		if _, err := io.ReadAll(r.Body); err != nil {
			return err
		}
		select { // such as a password
		case <-time.After(time.Minute):
		case <-r.Context().Done():
			return context.Cause(r.Context())
		}
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	ignores := func(w http.ResponseWriter, r *http.Request) error {
		_, _ = io.WriteString(w, strings.Repeat("page", 10<<10))
		return nil
	}
	for what, c := range map[string]struct {
		h      func(http.ResponseWriter, *http.Request) error
		each   time.Duration // between two bytes; 0 for the whole body at once
		status int
		reason string
		most   time.Duration
	}{
		"byte by byte":       {reads, time.Second, 408, string(audit.ReasonClientSlow), 11 * time.Second},
		"nothing":            {reads, time.Hour, 408, string(audit.ReasonClientSlow), 11 * time.Second},
		"a body not read":    {ignores, time.Hour, 200, "", 11 * time.Second},
		"in time, then idle": {checks, 0, 204, "", 61 * time.Second},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rec := &recorder{}
				slots := server.NewSlots(1)
				h := server.Limit(server.Endpoint(c.h, rec, quiet), server.Limits{InFlight: slots, Recorder: rec, Logger: quiet})
				l := &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
				s := &http.Server{Handler: h}
				served := make(chan error)
				go func() { served <- s.Serve(l) }()
				conn := l.dial()
				begin, stop := time.Now(), make(chan struct{})
				defer close(stop)
				go func() {
					fmt.Fprintf(conn, "POST /form HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\n")
					if c.each == 0 {
						_, _ = io.WriteString(conn, strings.Repeat("x", 1000))
						return
					}
					for range 1000 {
						select {
						case <-time.After(c.each):
						case <-stop:
							return
						}
						if _, err := io.WriteString(conn, "x"); err != nil {
							return
						}
					}
				}()
				in := bufio.NewReader(conn)
				resp, err := http.ReadResponse(in, nil)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, resp.Body); err != nil {
					t.Error(err)
				}
				if resp.StatusCode != c.status || time.Since(begin) > c.most {
					t.Errorf("%d after %v", resp.StatusCode, time.Since(begin))
				}
				if c.each > 0 {
					if _, err := in.ReadByte(); err != io.EOF || time.Since(begin) > c.most+5*time.Second {
						t.Errorf("the connection ends with %v after %v", err, time.Since(begin))
					}
				}
				if a := rec.wait(t, 1)[0]; string(a.Reason) != c.reason {
					t.Errorf("recorded as %+v", a)
				}
				// The slot is free again.
				synctest.Wait()
				next := l.dial()
				fmt.Fprintf(next, "POST /form HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
				if resp, err := http.ReadResponse(bufio.NewReader(next), nil); err != nil || resp.StatusCode == 503 {
					t.Errorf("the next request: %+v, %v", resp, err)
				}
				conn.Close()
				next.Close()
				s.Close()
				<-served
			})
		})
	}
}

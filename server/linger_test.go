package server_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A sender sends a body of so many bytes to a URL and says which status it saw, 0 for
// none.
type sender func(t *testing.T, method, url string, size int64) int

// byGo sends by net/http, which reads while it writes.
func byGo(t *testing.T, method, url string, size int64) int {
	c := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	defer c.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), method, url, io.LimitReader(zeros{}, size))
	if err != nil {
		t.Fatal(err)
	}
	req.ContentLength = size
	resp, err := c.Do(req)
	if err != nil {
		t.Log(err)
		return 0
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	return resp.StatusCode
}

// whole sends the whole body before it looks for an answer, as many programs do.
func whole(t *testing.T, method, url string, size int64) int {
	addr, path, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(url, "https://"), "http://"), "/")
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if strings.HasPrefix(url, "https:") {
		conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
	}
	fmt.Fprintf(conn, "%s /%s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", method, path, size)
	if _, err := io.Copy(conn, io.LimitReader(zeros{}, size)); err != nil {
		t.Log(err)
		return 0
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Log(err)
		return 0
	}
	return resp.StatusCode
}

// byCurl sends by curl, which waits for a 100 (Continue) for a second unless it is
// told not to.
func byCurl(expect string) sender {
	return func(t *testing.T, method, url string, size int64) int {
		if _, err := exec.LookPath("curl"); err != nil {
			t.Skip("no curl")
		}
		cmd := exec.CommandContext(t.Context(), "curl", "-sk", "--http1.1", "-o", "/dev/null", "-w", "%{http_code}", "-X", method, "-H", "Expect:"+expect, "-T", "-", url)
		cmd.Stdin = io.LimitReader(zeros{}, size)
		out, err := cmd.Output()
		if err != nil {
			t.Logf("curl: %v", err)
			return 0
		}
		var status int
		fmt.Sscan(string(out), &status)
		return status
	}
}

// TestEarlyAnswersAreSeen: a client that sends a large body gets an answer that was
// decided before it, and no broken connection.
func TestEarlyAnswersAreSeen(t *testing.T) {
	senders := map[string]sender{"Go": byGo, "whole": whole, "curl": byCurl(""), "curl that waits": byCurl(" 100-continue")}
	files := func(p vfs.Policy, in server.Intake) http.Handler {
		return server.New(jailOver(t, mem.New(), p), server.Config{Write: true, Intake: in})
	}
	for _, c := range []struct {
		name, method, path string
		h                  http.Handler
		status             int
	}{
		{"no such method", "POST", "/a", files(allow("**"), server.Intake{}), 405},
		{"refused name", "PUT", "/hidden", files(allow("a"), server.Intake{}), 404},
		{"a name that cannot be", "PUT", "/aux", files(allow("**"), server.Intake{}), 422},
		{"too large", "PUT", "/a", files(allow("a"), server.Intake{MaxBytes: 10}), 413},
		{"no upload", "POST", "/", uploadsInMemory(t, server.UploadConfig{}).handler, 400},
	} {
		for name, send := range senders {
			for _, start := range []func(*httptest.Server){(*httptest.Server).Start, (*httptest.Server).StartTLS} {
				s := httptest.NewUnstartedServer(c.h)
				start(s)
				for _, size := range []int64{300 << 10, 5 << 20, 50 << 20} {
					if got := send(t, c.method, s.URL+c.path, size); got != c.status {
						t.Errorf("%s, %s, %.5s, %d KiB: saw %d, want %d", c.name, name, s.URL, size>>10, got, c.status)
					}
				}
				s.Close()
			}
		}
	}
}

// A slowBody yields what each says when it is read.
type slowBody func(p []byte) (int, error)

func (b slowBody) Read(p []byte) (int, error) { return b(p) }
func (b slowBody) Close() error               { return nil }

// deadlines is a recorder whose server has read deadlines.
type deadlines struct{ *httptest.ResponseRecorder }

func (deadlines) SetReadDeadline(time.Time) error { return nil }

// TestLingerIsBounded: no client makes a handler read on for ever, be it by many bytes or by
// few, nor many handlers at the same time.
func TestLingerIsBounded(t *testing.T) {
	h := server.New(jail(t, nil, allow("**")), server.Config{})
	post := func(body slowBody, header ...string) int {
		r := httptest.NewRequest("POST", "/a", body)
		r.ContentLength = 1 << 40
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		w := deadlines{httptest.NewRecorder()}
		h.ServeHTTP(w, r)
		return w.Code
	}
	var read int64
	endless := func(p []byte) (int, error) {
		read += int64(len(p))
		return len(p), nil
	}
	if status := post(endless); status != 405 || read < 50<<20 || read > 65<<20 {
		t.Errorf("%d, read %d bytes of an endless body", status, read)
	}
	read = 0
	if status := post(endless, "Expect", "100-continue"); status != 405 || read > 0 {
		t.Errorf("%d, read %d bytes that nobody asked the client for", status, read)
	}
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		post(func([]byte) (int, error) {
			time.Sleep(time.Second)
			return 1, nil
		})
		if took := time.Since(began); took > 15*time.Second { // by the clock of the bubble
			t.Errorf("read on for %v at a byte a second", took)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		h = server.New(jail(t, nil, allow("**")), server.Config{})
		var lingering, done atomic.Int64
		end := make(chan struct{})
		for range 200 {
			go func() {
				post(func([]byte) (int, error) {
					lingering.Add(1)
					<-end
					return 0, io.EOF
				})
				done.Add(1)
			}()
		}
		synctest.Wait()
		if l, d := lingering.Load(), done.Load(); l == 0 || l > 64 || l+d != 200 {
			t.Errorf("of 200 requests %d linger and %d are done", l, d)
		}
		close(end)
		synctest.Wait()
	})
}

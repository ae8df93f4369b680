package server_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/vfstest"
)

// A wire is a raw connection. It sends bytes as they are, which a client library would
// clean or complete.
type wire struct {
	t    testing.TB
	addr string
	conn net.Conn
	in   *bufio.Reader
}

func dialWire(t testing.TB, url string) *wire {
	t.Helper()
	w := &wire{t: t, addr: strings.TrimPrefix(url, "http://")}
	w.dial()
	return w
}

func (w *wire) dial() {
	w.t.Helper()
	conn, err := net.Dial("tcp", w.addr)
	if err != nil {
		w.t.Fatal(err)
	}
	w.conn, w.in = conn, bufio.NewReader(conn)
	w.t.Cleanup(func() { conn.Close() })
}

func (w *wire) send(format string, args ...any) {
	w.t.Helper()
	if _, err := fmt.Fprintf(w.conn, format, args...); err != nil {
		w.t.Fatal(err)
	}
}

// reply reads one response; ok is false if the connection was closed before it.
func (w *wire) reply() (got rawReply, closes, ok bool) {
	w.t.Helper()
	resp, err := http.ReadResponse(w.in, nil)
	if err != nil {
		return rawReply{}, true, false
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	resp.Header.Del("Date")
	var header bytes.Buffer
	if err := resp.Header.Write(&header); err != nil {
		w.t.Fatal(err)
	}
	return rawReply{resp.StatusCode, header.String(), string(body)}, resp.Close, true
}

// write sends a PUT or DELETE of raw. It reconnects if the connection was closed.
func (w *wire) write(method, raw, body string) rawReply {
	w.t.Helper()
	w.send("%s /%s HTTP/1.1\r\nHost: bailiwick.example\r\nContent-Length: %d\r\n\r\n%s", method, raw, len(body), body)
	got, closes, ok := w.reply()
	if !ok {
		w.t.Fatalf("%s %q: no response", method, raw)
	}
	if closes {
		w.dial()
	}
	return got
}

// A malformed or truncated body changes nothing, and the bytes after it are not parsed as a
// request.
func TestBrokenBodies(t *testing.T) {
	const second = "GET /secret HTTP/1.1\r\nHost: x\r\n\r\n"
	for _, c := range []struct {
		name, request string
		cut           bool // the client stops sending
		status        int  // 0 for no response
		reason        vfs.Reason
	}{
		{"cut", "PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nonly this", true, 0, audit.ReasonCanceled},
		{"cut before its first byte", "PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n", true, 0, audit.ReasonCanceled},
		{"chunked, cut", "PUT /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", true, 0, audit.ReasonCanceled},
		{"chunked, cut within a chunk", "PUT /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n50\r\nhello", true, 0, audit.ReasonCanceled},
		{"bad chunk", "PUT /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n" + second, false, 400, audit.ReasonClientBody},
		{"longer than its chunk", "PUT /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello, more\r\n" + second, false, 400, audit.ReasonClientBody},
		{"two lengths", "PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello" + second, false, 400, ""},
	} {
		b := mem.New()
		url, rec := writing(t, b, allow("**"), server.Intake{})
		plant(t, b, "a", "secret")
		w := dialWire(t, url)
		w.send("%s", c.request)
		if c.cut {
			if err := w.conn.(*net.TCPConn).CloseWrite(); err != nil {
				t.Fatal(err)
			}
		}
		got, closes, ok := w.reply()
		if ok != (c.status != 0) || got.status != c.status || !closes {
			t.Errorf("%s: response %t, %d, closes %t", c.name, ok, got.status, closes)
		}
		if rest, _ := io.ReadAll(w.in); len(rest) > 0 {
			t.Errorf("%s: a second response: %q", c.name, rest)
		}
		if c.reason != "" {
			a := rec.wait(t, 1)[0]
			if a.Reason != c.reason || a.Status != c.status || a.Aborted != (c.status == 0) {
				t.Errorf("%s: recorded %+v", c.name, a)
			}
		}
		if all := contents(t, b); len(all) != 2 || all["a"] != "a" {
			t.Errorf("%s: the backend holds %q", c.name, all)
		}
	}
}

// Bytes beyond Content-Length are the next request, which is authorized like any other.
func TestBytesBehindABodyAreARequest(t *testing.T) {
	b := mem.New()
	url, _ := writing(t, b, allow("a"), server.Intake{})
	w := dialWire(t, url)
	w.send("PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhelloGET /secret HTTP/1.1\r\nHost: x\r\n\r\n")
	first, _, _ := w.reply()
	second, _, _ := w.reply()
	if first.status != 201 || second.status != 404 || contents(t, b)["a"] != "hello" {
		t.Errorf("%d, %d, %q", first.status, second.status, contents(t, b))
	}
}

// The body of a refused PUT is never parsed as a request. The request after it is answered,
// or the connection is closed.
func TestNoSmugglingBehindRefusals(t *testing.T) {
	types, err := server.ParseTypes("image/*")
	if err != nil {
		t.Fatal(err)
	}
	smuggled := "PUT /ok.png HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\n\x89PNG\r\n\x1a\n"
	for _, c := range []struct {
		name, method, path, header string
		status                     int
	}{
		{"refused name", "PUT", "/hidden", "", 404},
		{"refused name, DELETE", "DELETE", "/hidden", "", 404},
		{"directory", "PUT", "/dir/", "", 404},
		{"coded", "PUT", "/ok.png", "Content-Encoding: gzip\r\n", 415},
		{"partial", "PUT", "/ok.png", "Content-Range: bytes 0-4/9\r\n", 400},
		{"type by name", "PUT", "/ok.html", "", 415},
		{"type by content", "PUT", "/ok.png", "", 415},
		{"precondition", "PUT", "/ok.png", "If-Match: \"x\"\r\n", 412},
		{"too large", "PUT", "/ok.png", "X: 1\r\n", 413},
		{"no such method", "POST", "/ok.png", "", 405},
	} {
		for _, framing := range []string{"length", "chunked", "expect"} {
			for _, size := range []int{0, 100_000, 1_000_000} {
				b := counted(mem.New())
				in := server.Intake{Types: types}
				if c.name == "too large" {
					in.MaxBytes = 10
				}
				url, rec := writing(t, b, allow("ok.*"), in)
				w := dialWire(t, url)
				body := smuggled + strings.Repeat("x", size)
				head := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: x\r\n%s", c.method, c.path, c.header)
				switch framing {
				case "chunked":
					head += fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(body), body)
				case "expect":
					head += fmt.Sprintf("Content-Length: %d\r\nExpect: 100-continue\r\n\r\n", len(body))
				default:
					head += fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body)
				}
				// The server may close the connection before it has read everything.
				go io.WriteString(w.conn, head+"GET /last HTTP/1.1\r\nHost: x\r\n\r\n")
				first, closes, ok := w.reply()
				if ok && first.status == 100 {
					if c.name != "type by content" && c.name != "too large" {
						t.Errorf("%s, %s: the server sent 100 (Continue)", c.name, framing)
					}
					continue
				}
				if !ok || first.status != c.status {
					t.Errorf("%s, %s, %d: %t %d, want %d", c.name, framing, size, ok, first.status, c.status)
				}
				if !closes {
					if next, _, ok := w.reply(); !ok || next.status != 404 {
						t.Errorf("%s, %s, %d: the next response: %t %d", c.name, framing, size, ok, next.status)
					}
				}
				for i, a := range rec.wait(t, 1) {
					if i > 0 && a.Raw != "/last" {
						t.Errorf("%s, %s, %d: smuggled %s %s", c.name, framing, size, a.Method, a.Raw)
					}
				}
				if all := contents(t, b); len(all) != 0 {
					t.Errorf("%s, %s, %d: stored %d objects", c.name, framing, size, len(all))
				}
				w.conn.Close()
			}
		}
	}
}

// A client that waits for 100 (Continue) gets it only after all other checks have passed.
func TestExpectContinue(t *testing.T) {
	b := mem.New()
	url, _ := writing(t, b, allow("**/*.txt", "a:b"), server.Intake{MaxBytes: 100, Slots: server.NewSlots(1)})
	plant(t, b, "old.txt")
	for _, c := range []struct {
		path, header string
		length       int
		status       int
	}{
		{"/new.txt", "", 5, 100},
		{"/old.txt", "", 5, 100},
		{"/old.txt", "If-Match: *\r\n", 5, 100},
		{"/old.txt", "If-None-Match: *\r\n", 5, 412},
		{"/old.txt", "If-Match: \"x\"\r\n", 5, 412},
		{"/new.txt", "If-Match: \"x\"\r\n", 5, 412},
		{"/OLD.txt", "", 5, 409},
		{"/old.txt/below.txt", "", 5, 404},
		{"/new.html", "", 5, 404},
		{"/new.txt/", "", 5, 404},
		{"/a:b", "", 5, 422},
		{"/new.txt", "", 101, 413},
		{"/new.txt", "Content-Encoding: br\r\n", 5, 415},
		{"/new.txt", "Content-Encoding: identity, gzip\r\n", 5, 415},
		{"/new.txt", "Content-Encoding: Identity\r\n", 5, 100},
		{"/new.txt", "Content-Range: bytes 0-4/9\r\n", 5, 400},
	} {
		w := dialWire(t, url)
		w.send("PUT %s HTTP/1.1\r\nHost: x\r\n%sContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", c.path, c.header, c.length)
		got, closes, ok := w.reply()
		if !ok || got.status != c.status {
			t.Errorf("PUT %s %q: %t %d, want %d", c.path, c.header, ok, got.status, c.status)
		}
		if got.status != 100 {
			// The client may or may not send the body, so nobody can know where the next
			// request begins.
			if !closes {
				t.Errorf("PUT %s %q: the connection stays open after %d", c.path, c.header, got.status)
			}
			continue
		}
		w.send("hello")
		if got, _, ok := w.reply(); !ok || got.status/100 != 2 {
			t.Errorf("PUT %s %q: %t %d after the body", c.path, c.header, ok, got.status)
		}
		if all := contents(t, b); all[strings.TrimPrefix(c.path, "/")] != "hello" {
			t.Errorf("PUT %s: %q", c.path, all)
		}
	}
}

// A client that sends too slowly gets 408, blocks no other client, and leaves nothing
// behind.
func TestSlowBodies(t *testing.T) {
	for _, c := range []struct {
		name string
		in   server.Intake
		feed string // sent repeatedly
	}{
		{"no bytes", server.Intake{Idle: 50 * time.Millisecond}, ""},
		{"single bytes", server.Intake{Idle: 100 * time.Millisecond}, "x"},
		{"endless body", server.Intake{Timeout: 200 * time.Millisecond}, strings.Repeat("x", 8<<10)},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := mem.New()
			url, rec := writing(t, b, allow("**"), c.in)
			w := dialWire(t, url)
			w.send("PUT /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
			stop := make(chan struct{})
			go func() {
				tick := time.NewTicker(5 * time.Millisecond)
				defer tick.Stop()
				for c.feed != "" {
					select {
					case <-stop:
						return
					case <-tick.C:
						fmt.Fprintf(w.conn, "%x\r\n%s\r\n", len(c.feed), c.feed)
					}
				}
			}()
			got, closes, ok := w.reply()
			close(stop)
			if !ok || got.status != 408 || !closes {
				t.Errorf("response %t, %d, closes %t", ok, got.status, closes)
			}
			if a := rec.wait(t, 1)[0]; a.Reason != audit.ReasonClientSlow || a.Verdict != audit.Refused || a.Received < 5 {
				t.Errorf("recorded %+v", a)
			}
			if all := contents(t, b); len(all) != 0 {
				t.Errorf("the backend holds %q", all)
			}
		})
	}
}

// The time that a slow backend takes does not count against the client.
func TestSlowBackendIsNoSlowClient(t *testing.T) {
	const idle = 300 * time.Millisecond
	inner := mem.New()
	faults := vfstest.NewFaults(inner, vfstest.Fault{Op: "body", Call: 3, Do: func() {
		<-time.After(3 * idle)
	}})
	h := server.New(jailOver(t, faults, allow("**")), server.Config{Write: true, Logger: quiet, Intake: server.Intake{Idle: idle, Timeout: 2 * idle}})
	s := httptest.NewServer(h)
	defer s.Close()
	if r := sendBody(t, "PUT", s.URL+"/a", strings.Repeat("x", 1<<20)); r.Status != 201 {
		t.Errorf("%d %q", r.Status, r.Body)
	}
}

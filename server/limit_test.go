package server_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/audit"
)

// from sends a request with RemoteAddr peer and headers given as pairs.
func from(h http.Handler, peer, target string, headers ...string) reply {
	r := httptest.NewRequest("GET", target, nil)
	r.RemoteAddr = peer
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return reply{w.Code, w.Header(), w.Body.String()}
}

func limited(t testing.TB, l server.Limits, rec audit.Recorder) http.Handler {
	t.Helper()
	l.Recorder, l.Logger = rec, quiet
	inner := server.New(jail(t, map[string]string{"a.txt": "a"}, allow("**")), server.Config{Recorder: rec, Logger: quiet})
	return server.Limit(inner, l)
}

// A client that exceeds its rate gets 429 with Retry-After. Other clients are not affected.
func TestRateLimit(t *testing.T) {
	rec := &recorder{}
	// The rate is so low that nothing is refilled during the test.
	h := limited(t, server.Limits{PerClient: server.NewRates(0.5, 0)}, rec)
	for _, clients := range [][2]string{{"192.0.2.1:1", "192.0.2.1:2"}, {"[2001:db8::1]:1", "[2001:db8::ffff]:2"}, {"@", "@"}} {
		if r := from(h, clients[0], "/a.txt"); r.Status != 200 {
			t.Errorf("%s: %d", clients[0], r.Status)
		}
		want := from(h, clients[1], "/missing")
		seconds, err := strconv.Atoi(want.Header.Get("Retry-After"))
		if want.Status != 429 || err != nil || seconds < 1 || seconds > 2 || want.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %v", clients[1], want.Status, want.Header)
		}
		// The response does not depend on the name.
		for _, target := range []string{"/a.txt", "/%00", "/", "//", "/a.txt?bw_id=1"} {
			got := from(h, clients[1], target)
			got.Header.Set("Retry-After", want.Header.Get("Retry-After"))
			same(t, target, got, want)
		}
		// Headers that the client sets do not make it another client.
		if r := from(h, clients[0], "/a.txt", "X-Forwarded-For", "198.51.100.7", "X-Real-Ip", "198.51.100.7", "Forwarded", "for=198.51.100.7"); r.Status != 429 {
			t.Errorf("%s with headers: %d", clients[0], r.Status)
		}
	}
	refused := 0
	for _, a := range rec.wait(t, 3*8) {
		if a.Status == 429 && (a.Reason != audit.ReasonRate || a.Verdict != audit.Refused || a.Raw == "" || a.Remote == "198.51.100.7") {
			t.Errorf("recorded as %+v", a)
		}
		if a.Status == 429 {
			refused++
		}
	}
	if refused != 3*7 {
		t.Errorf("%d refusals were recorded", refused)
	}
}

// Requests beyond InFlight are refused at once, and those admitted before are answered.
func TestInFlight(t *testing.T) {
	const slots, flood = 8, 200
	rec := &recorder{}
	release, entered := make(chan struct{}), make(chan struct{}, slots)
	inner := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		entered <- struct{}{}
		<-release
		io.WriteString(w, "done")
	})
	url := start(t, server.Limit(inner, server.Limits{InFlight: server.NewSlots(slots), Recorder: rec, Logger: quiet}))
	var wg sync.WaitGroup
	var done atomic.Int64
	for range slots {
		wg.Go(func() {
			if r, err := try("GET", url+"/", nil); err == nil && r.Body == "done" {
				done.Add(1)
			}
		})
	}
	for range slots {
		<-entered
	}
	for i := range flood {
		method := []string{"GET", "HEAD", "PUT", "POST"}[i%4]
		r := sendFrom(t, method, url+"/"+strconv.Itoa(i), strings.NewReader(strings.Repeat("x", i%4/2*100)))
		if r.Status != 503 || r.Header.Get("Retry-After") != "1" || r.Header.Get("Cache-Control") != "no-store" {
			t.Fatalf("%s: %d %v", method, r.Status, r.Header)
		}
	}
	close(release)
	wg.Wait()
	if done.Load() != slots {
		t.Errorf("%d of %d were answered", done.Load(), slots)
	}
	for _, a := range rec.wait(t, flood) {
		if a.Reason != audit.ReasonBusy || a.Status != 503 || a.Remote != "127.0.0.1" {
			t.Fatalf("recorded as %+v", a)
		}
	}
	if r := get(t, "GET", url+"/"); r.Status != 200 {
		t.Errorf("afterwards: %d", r.Status)
	}
}

// A slot is released even if the handler panics.
func TestInFlightPanic(t *testing.T) {
	h := server.Limit(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), server.Limits{InFlight: server.NewSlots(1)})
	for range 3 {
		func() {
			defer func() {
				if v := recover(); v != http.ErrAbortHandler {
					t.Errorf("panicked with %v", v)
				}
			}()
			from(h, "192.0.2.1:1", "/")
		}()
	}
}

// X-Forwarded-For counts only from trusted networks. Otherwise a client could choose the
// address that is recorded, and get a new rate with each request.
func TestTrustedProxies(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	tests := []struct {
		peer, forwarded, remote string
	}{
		{"192.0.2.1:1", "198.51.100.7", "192.0.2.1"},
		{"192.0.2.1:1", "10.0.0.1", "192.0.2.1"},
		{"11.0.0.1:1", "198.51.100.7", "11.0.0.1"},
		{"[fd00::1]:1", "198.51.100.7", "198.51.100.7"},
		{"10.0.0.1:1", "198.51.100.7", "198.51.100.7"},
		{"10.0.0.1:1", "203.0.113.1, 198.51.100.7", "198.51.100.7"},
		{"10.0.0.1:1", "127.0.0.1, 198.51.100.7, 10.3.3.3", "198.51.100.7"},
		{"10.0.0.1:1", "2001:db8::1", "2001:db8::1"},
		{"10.0.0.1:1", "\u2028, <script>", "10.0.0.1"},
		{"10.0.0.1:1", "", "10.0.0.1"},
		{"[::ffff:10.0.0.1]:1", "198.51.100.7", "198.51.100.7"},
		{"@", "198.51.100.7", "@"},
	}
	for _, tt := range tests {
		rec := &recorder{}
		h := limited(t, server.Limits{TrustedProxies: proxies, PerClient: server.NewRates(0.5, 0)}, rec)
		if r := from(h, tt.peer, "/a.txt", "X-Forwarded-For", tt.forwarded); r.Status != 200 {
			t.Errorf("%s for %q: %d", tt.peer, tt.forwarded, r.Status)
		}
		if got := rec.wait(t, 1)[0].Remote; got != tt.remote {
			t.Errorf("%s for %q: recorded as %q, want %q", tt.peer, tt.forwarded, got, tt.remote)
		}
		// The same client, which prepends an invented address.
		if r := from(h, tt.peer, "/a.txt", "X-Forwarded-For", "203.0.113.99, "+tt.forwarded); tt.forwarded != "" && r.Status != 429 {
			t.Errorf("%s for %q: the invented address got a rate of its own: %d", tt.peer, tt.forwarded, r.Status)
		}
	}
}

// TestTrustedUnix has a proxy that connects to a Unix socket. If that is trusted, each of its
// clients has an address, and cookies are for TLS only where a client uses it; otherwise all
// are one. A peer that only looks like a Unix socket is none.
func TestTrustedUnix(t *testing.T) {
	for _, trusted := range []bool{true, false} {
		rec := &recorder{}
		s := httptest.NewUnstartedServer(limited(t, server.Limits{TrustUnix: trusted, PerClient: server.NewRates(1e-9, 1)}, rec))
		path := filepath.Join(t.TempDir(), "s")
		l, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		s.Listener.Close()
		s.Listener = server.NewListener(l)
		s.Start()
		defer s.Close()
		proxy := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		}}}
		defer proxy.CloseIdleConnections()
		for i, want := range []int{200, map[bool]int{true: 200, false: 429}[trusted]} {
			r, err := http.NewRequestWithContext(t.Context(), "GET", "http://x/a.txt", nil)
			if err != nil {
				t.Fatal(err)
			}
			client := fmt.Sprint("198.51.100.", i+1)
			r.Header.Set("X-Forwarded-For", "203.0.113.9, "+client)
			resp, err := proxy.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			a := rec.wait(t, i+1)[i]
			if resp.StatusCode != want || (a.Remote == client) != trusted {
				t.Errorf("trusted %t, client %d: %d, recorded as %q", trusted, i+1, resp.StatusCode, a.Remote)
			}
		}
		from(s.Config.Handler, "@", "/a.txt", "X-Forwarded-For", "198.51.100.9")
		if a := rec.wait(t, 3)[2]; a.Remote != "@" {
			t.Errorf("a peer that came over no Unix socket is recorded as %q", a.Remote)
		}
	}
}

// A thousand connections that send their headers extremely slowly do not block others, and
// the server closes them.
func TestSlowloris(t *testing.T) {
	slow := 1000
	if testing.Short() {
		slow = 100
	}
	rec := &recorder{}
	s := httptest.NewUnstartedServer(limited(t, server.Limits{InFlight: server.NewSlots(4)}, rec))
	s.Config.ReadHeaderTimeout = 2 * time.Second
	s.Start()
	defer s.Close()
	var ended sync.WaitGroup
	for i := range slow {
		c, err := net.Dial("tcp", s.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := io.WriteString(c, "GET /a.txt HTTP/1.1\r\nHost: x\r\nX-Slow: "+strings.Repeat("x", i%7)); err != nil {
			t.Fatal(err)
		}
		ended.Go(func() {
			if res, err := http.ReadResponse(bufio.NewReader(c), nil); err == nil && res.StatusCode < 400 {
				t.Errorf("an unfinished request was answered: %d", res.StatusCode)
			}
		})
		if i%50 == 0 {
			if r := get(t, "GET", s.URL+"/a.txt"); r.Status != 200 {
				t.Errorf("beside %d slow connections: %d", i, r.Status)
			}
		}
	}
	for range 100 {
		if r := get(t, "GET", s.URL+"/a.txt"); r.Status != 200 {
			t.Fatalf("beside the slow connections: %d", r.Status)
		}
	}
	ended.Wait()
}

package main

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The rounds in the table alternate in order, and the machine is twice as slow in the
// second one: the ratios remain.
func TestTable(t *testing.T) {
	tab := &table{cases: "file", base: "ours", metrics: []metric{
		{title: "requests/s", format: "%.0f"},
		{title: "CPU ms", format: "%.1f", scale: 1e3, less: true},
	}}
	tab.add("1 KiB", "ours", 2000, 0.002)
	tab.add("1 KiB", "theirs", 4000, 0.001)
	tab.add("1 MiB", "ours", 10, 1)
	tab.add("1 KiB", "theirs", 2000, 0.002)
	tab.add("1 KiB", "ours", 1000, 0.004)
	want := strings.TrimLeft(`
| file | program | requests/s | spread | ratio | CPU ms | spread | ratio |
|---|---|---|---|---|---|---|---|
| 1 KiB | ours | 1,500 | 1,000–2,000 | – | 3.0 | 2.0–4.0 | – |
|  | theirs | 3,000 | 2,000–4,000 | 0.50 | 1.5 | 1.0–2.0 | 0.50 |
| 1 MiB | ours | 10 | 10–10 | – | 1,000.0 | 1,000.0–1,000.0 | – |
`, "\n")
	var got strings.Builder
	if tab.print(&got); got.String() != want {
		t.Error(cmp.Diff(want, got.String()))
	}
	tab.inverse = true
	got.Reset()
	if tab.print(&got); !strings.Contains(got.String(), "|  | theirs | 3,000 | 2,000–4,000 | 2.00 |") {
		t.Error(got.String())
	}
}

func TestParseWrk(t *testing.T) {
	const out = `Running 1s test @ http://127.0.0.1:18080/1k.txt
  1 threads and 32 connections
  41720 requests in 1.01s, 50.53MB read
Requests/sec:  41307.92
Transfer/sec:     50.03MB
`
	if l, err := parseWrk(out, 1<<10); err != nil || l.requests != 41720 || int(l.rate) != 41306 {
		t.Errorf("%+v, %v", l, err)
	}
	if l, err := parseWrk(strings.Replace(out, "41720", "0", 1), 10<<20); err != nil || l.requests != 5.053 || int(l.rate) != 5 {
		t.Errorf("%+v, %v", l, err)
	}
	for _, bad := range []string{
		"",
		out + "  Non-2xx or 3xx responses: 41720\n",
		out + "  Socket errors: connect 0, read 3, write 0, timeout 0\n",
		strings.ReplaceAll(out, "41720", "0"),
	} {
		if l, err := parseWrk(bad, 1<<10); err == nil {
			t.Errorf("%q: %+v", bad, l)
		}
	}
}

// The bare handler has to send what bailiwick sends, and the careful one has to store.
func TestServers(t *testing.T) {
	model := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["X-Plain"] = []string{"1"}
		w.Write([]byte("body"))
	}))
	defer model.Close()
	bare, err := bareHandler(`["` + model.URL + `/a%20b"]`)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	bare.ServeHTTP(w, httptest.NewRequest("GET", "/a%20b", nil))
	if w.Code != 200 || w.Body.String() != "body" || w.Header().Get("X-Plain") != "1" || w.Header().Get("Content-Length") != "4" {
		t.Error(w.Code, w.Header(), w.Body)
	}
	proxy, err := proxyHandler(`{"/x": "` + model.URL + `/a?signed=1"}`)
	if err != nil {
		t.Fatal(err)
	}
	front := httptest.NewServer(proxy)
	defer front.Close()
	c, err := dial(front.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	for range 2 {
		if _, n, err := c.get("front", "/x"); n != 4 || err != nil {
			t.Error(n, err)
		}
	}
	if _, _, err := c.get("front", "/y"); err == nil {
		t.Error("a 404 counts as a success")
	}

	dir := t.TempDir()
	careful := httptest.NewServer(carefulHandler(dir))
	defer careful.Close()
	p := &process{name: "careful", addr: careful.Listener.Addr().String()}
	if err := sendBodies(p, writeTurn{2, 4}, []byte("body")); err != nil {
		t.Fatal(err)
	}
	if n, err := count(dir); n != 2 || err != nil {
		t.Error(n, err)
	}
	if data, err := os.ReadFile(filepath.Join(dir, "body-01.bin")); string(data) != "body" {
		t.Errorf("%q, %v", data, err)
	}
}

// A response without a length has no first byte to wait for, and must not hang.
func TestClientWithoutBody(t *testing.T) {
	ours, theirs := net.Pipe()
	defer ours.Close()
	go func() {
		r, err := http.ReadRequest(bufio.NewReader(theirs))
		if err != nil {
			return
		}
		io.Copy(io.Discard, r.Body)
		theirs.Write([]byte("HTTP/1.1 204 No Content\r\n\r\n"))
	}()
	c := &client{ours, bufio.NewReader(ours)}
	if _, n, err := c.send("PUT", "host", "/", []byte("x")); n != 0 || err != nil {
		t.Error(n, err)
	}
}

func TestProc(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("there is no /proc")
	}
	if f := statOf(os.Getpid()); len(f) < 20 || f[3] == "" {
		t.Errorf("%q", f)
	}
	if now, most := memory(os.Getpid()); now < 1<<20 || most < now/2 {
		t.Error(now, most)
	}
}

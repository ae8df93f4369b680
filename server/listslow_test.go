package server_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// manyFiles returns a jail over a directory d with as many entries as a page can have, and a
// text that is five times as long in HTML.
func manyFiles(t testing.TB) *vfs.Jail {
	files := map[string]string{"text.txt": strings.Repeat("<", 1<<20), "small/a.txt": "a"}
	for i := range 10_000 {
		files[fmt.Sprintf("d/entry %05d.txt", i)] = ""
	}
	return jail(t, files, allow("**"))
}

// A stalled is the response to a client that reads nothing.
type stalled struct {
	header http.Header
	status int
	begun  chan<- int // gets the status when a body begins
	read   <-chan struct{}
	once   sync.Once
}

func (w *stalled) Header() http.Header    { return w.header }
func (w *stalled) WriteHeader(status int) { w.status = status }

func (w *stalled) Write(p []byte) (int, error) {
	w.once.Do(func() { w.begun <- w.status })
	<-w.read
	return len(p), nil
}

// Clients that read nothing of long listings and texts hold little memory, and together no more
// than a bound. What is short is served beyond it, and one client does not take all of it.
func TestStalledPages(t *testing.T) {
	j := manyFiles(t)
	plain, full := server.New(j, server.Config{List: true}), server.New(j, server.Config{List: true, Page: fullPage})
	for what, c := range map[string]struct {
		h      http.Handler
		target string
		accept string
		most   uint64 // of one response
	}{
		"table": {plain, "/d/", "text/html", 2 << 20},
		"page":  {full, "/d/", "text/html", 2 << 20},
		"JSON":  {full, "/d/?limit=10000", "application/json", 2 << 20},
		"text":  {full, "/?show=text.txt", "text/html", 2 << 20},
	} {
		t.Run(what, func(t *testing.T) { boundStalled(t, c.h, c.target, "/small/", c.most, "Accept", c.accept) })
	}
}

// A page of a sorted directory holds none of what is sorted before and after it.
func TestStalledSortedPage(t *testing.T) {
	h := server.New(manyFiles(t), server.Config{List: true})
	for what, query := range map[string]string{"first": "", "last": "&after=/0/entry+08999.txt"} {
		t.Run(what, func(t *testing.T) {
			read, begun := make(chan struct{}), make(chan int)
			var clients sync.WaitGroup
			defer clients.Wait()
			defer close(read)
			ask := func() {
				r := httptest.NewRequest("GET", "/d/?sort=size&limit=1000"+query, nil)
				clients.Go(func() { h.ServeHTTP(&stalled{header: http.Header{}, begun: begun, read: read}, r) })
				if status := <-begun; status != 200 {
					t.Fatal(status)
				}
			}
			ask() // what is made once
			before := heap()
			const few = 8
			for range few {
				ask()
			}
			if each := (int64(heap()) - int64(before)) / few; each > 512<<10 {
				t.Errorf("a response to a client that reads nothing holds %d bytes", each)
			}
		})
	}
}

// Neither do those that read nothing of what a user has.
func TestStalledOwn(t *testing.T) {
	up := newUploads(t, server.UploadConfig{Page: fullPage})
	sharing := newSharing(t)
	for i := range 300 {
		name := strings.Repeat("<", 1000)
		if i == 0 {
			name = "a"
		}
		if r := sendTo(t, up.handler, "POST", "/", "x", "As", "alice", "Content-Disposition", `attachment; filename="`+name+`"`); r.Status != 201 {
			t.Fatalf("%d %s", r.Status, r.Body)
		}
		if i < 100 {
			sharing.share("alice", fields{"path": "/files/drop/" + strings.Repeat(strings.Repeat("d", 250)+"/", 3) + fmt.Sprint(i), "upload": true, "note": strings.Repeat("<", 1000)})
		}
	}
	for what, c := range map[string]struct {
		h             http.Handler
		target, short string
		headers       []string
	}{
		"page of files":  {up.handler, "/?limit=1000", "/?limit=1", []string{"As", "alice", "Accept", "text/html"}},
		"files":          {up.handler, "/?mine&limit=1000", "/?mine&limit=1", []string{"As", "alice"}},
		"page of shares": {sharing.h, "/.bailiwick/shares", "/.bailiwick/shares?limit=1", append(as("alice"), "Accept", "text/html")},
		"list of shares": {sharing.h, "/.bailiwick/shares", "/.bailiwick/shares?limit=1", as("alice")},
	} {
		t.Run(what, func(t *testing.T) { boundStalled(t, c.h, c.target, c.short, 4<<20, c.headers...) })
	}
}

// boundStalled fails unless what handler holds for clients that read nothing is bounded: most
// bytes for each response to target, and in all.
func boundStalled(t *testing.T, h http.Handler, target, short string, most uint64, headers ...string) {
	read, begun := make(chan struct{}), make(chan int)
	var clients sync.WaitGroup
	ask := func(address int, target string) (status int) {
		r := httptest.NewRequest("GET", target, nil)
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		r.RemoteAddr = fmt.Sprintf("192.0.2.%d:1", address)
		clients.Go(func() { h.ServeHTTP(&stalled{header: http.Header{}, begun: begun, read: read}, r) })
		return <-begun
	}
	before := heap()
	const few = 8
	for range few {
		if status := ask(1, target); status != 200 {
			t.Fatal(status)
		}
	}
	if each := (heap() - before) / few; each > most {
		t.Errorf("a response to a client that reads nothing holds %d bytes", each)
	}
	served := few
	for ask(1, target) == 200 {
		if served++; served > 1000 {
			t.Fatal("one client holds any number of responses")
		}
	}
	if status := ask(1, short); status != 200 {
		t.Errorf("a short listing: %d", status)
	}
	if status := ask(2, target); status != 200 {
		t.Errorf("another client: %d", status)
	}
	for address := 3; ask(address, target) == 200; {
		if served++; served%few == 0 {
			address++
		}
		if served > 1000 {
			t.Fatal("clients hold any number of responses")
		}
	}
	close(read)
	go func() {
		for range begun {
		}
	}()
	clients.Wait()
	close(begun)
	if r := request(t, h, "GET", target, headers...); r.Status != 200 {
		t.Errorf("afterwards: %d", r.Status)
	}
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what pools keep
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// A client that keeps the rate gets all of a long listing or text, however long that takes. One
// that reads nothing is disconnected within about a minute, as for an object.
func TestSlowPages(t *testing.T) {
	j := manyFiles(t)
	plain, full := server.Config{List: true}, server.Config{List: true, Page: fullPage}
	for what, c := range map[string]struct {
		cfg            server.Config
		target, accept string
	}{
		"table": {plain, "/d/", "text/html"},
		"page":  {full, "/d/", "text/html"},
		"JSON":  {full, "/d/?limit=10000", "application/json"},
		"text":  {full, "/?show=text.txt", "text/html"},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { slowPage(t, j, c.cfg, c.target, c.accept) })
		})
	}
}

func slowPage(t *testing.T, j *vfs.Jail, cfg server.Config, target, accept string) {
	rec := &recorder{}
	cfg.MinRate, cfg.Recorder, cfg.Logger = 4<<10, rec, quiet
	l := &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
	s := &http.Server{Handler: server.New(j, cfg), WriteTimeout: time.Minute}
	served := make(chan error)
	go func() { served <- s.Serve(l) }()
	ask := func() (net.Conn, *http.Response) {
		conn := l.dial()
		go fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\nAccept: %s\r\n\r\n", target, accept)
		res, err := http.ReadResponse(bufio.NewReaderSize(conn, 16), nil)
		if err != nil {
			t.Fatal(err)
		}
		if res.StatusCode != 200 {
			t.Fatal(res.StatusCode)
		}
		return conn, res
	}
	idle, _ := ask()
	steady, res := ask()
	begin, got := time.Now(), 0
	for step := make([]byte, 4<<10); ; time.Sleep(time.Second) {
		n, err := io.ReadFull(res.Body, step)
		if got += n; err == io.EOF || err == io.ErrUnexpectedEOF && time.Since(begin) > 2*time.Minute {
			break
		}
		if err != nil {
			t.Fatalf("a client that keeps the rate lost its page after %d bytes in %v: %v", got, time.Since(begin), err)
		}
	}
	steady.Close()
	cut := 0
	for _, a := range rec.wait(t, 2) {
		switch {
		case !a.Aborted && a.Bytes == int64(got):
		case a.Aborted && a.Duration < 75*time.Second:
			cut++
		default:
			t.Errorf("%+v; the steady client has %d bytes", a, got)
		}
	}
	if cut != 1 {
		t.Errorf("%d clients were disconnected", cut)
	}
	idle.Close()
	s.Close()
	<-served
	synctest.Wait()
}

// A short page has a length, a long one is sent in chunks, and HEAD has the same header.
func TestPageLengths(t *testing.T) {
	h := server.New(manyFiles(t), server.Config{List: true, Page: fullPage})
	url := start(t, h)
	for _, c := range []struct{ target, accept string }{
		{"/small/", "text/html"}, {"/small/", "application/json"}, {"/d/", "text/html"}, {"/d/", "application/json"},
	} {
		r, head := get(t, "GET", url+c.target, "Accept", c.accept), get(t, "HEAD", url+c.target, "Accept", c.accept)
		want := ""
		if c.target == "/small/" {
			want = fmt.Sprint(len(r.Body))
		}
		if r.Status != 200 || head.Status != 200 || r.Header.Get("Content-Length") != want || head.Header.Get("Content-Length") != want || head.Body != "" {
			t.Errorf("%s %s: %d and %d, Content-Length %q and %q, want %q", c.accept, c.target, r.Status, head.Status,
				r.Header.Get("Content-Length"), head.Header.Get("Content-Length"), want)
		}
	}
}
